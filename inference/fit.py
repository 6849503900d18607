"""Training: a thin loop over :class:`pyro.infer.SVI`."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import pyro
import torch
from jaxtyping import Shaped
from pyro import poutine
from pyro.infer import SVI
from torch import Tensor
from tqdm import tqdm

from ntpt_pyro.errors import DataError, DivergenceError
from ntpt_pyro.inference.checkpoint import FitState
from ntpt_pyro.inference.guide import ChoiceGuide
from ntpt_pyro.inference.optim import NonFiniteGradientError, SplitAdam
from ntpt_pyro.inference.restarts import Restarts
from ntpt_pyro.inference.strategy import Strategy, marginal

Callback = Callable[[FitState], bool | None]
"""Called after every step; True ends the training."""

Model = Callable[..., Any]


def fit(
    model: Model,
    data: Sequence[Shaped[Tensor, "examples ..."]],
    *,
    strategy: Strategy | None = None,
    restarts: int = 1,
    library: torch.nn.Module | None = None,
    guide: ChoiceGuide | None = None,
    steps: int = 1000,
    batch_size: int = 32,
    choice_lr: float = 0.1,
    library_lr: float = 1e-3,
    init_scale: float = 3.0,
    kl: float | None = None,
    clip_norm: float | None = None,
    sharpness: float = 10.0,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    progress: str | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
) -> FitState:
    """Learn the choices of a model, and the library it calls, from data.

    The objective of a step is the batch's mean log-likelihood minus ``kl * KL(guide || prior)``, summed over
    restarts. With ``kl = 1 / examples``, the default, that is the evidence lower bound of all the data
    divided by their number; a larger weight keeps the choices undecided for longer.

    Nothing global changes: parameters live in a parameter store of their own, and torch's random state is as
    it was afterwards. Pyro's validation is on for the first step, off after it (shapes do not change).

    :param model: a Pyro program, not wrapped in a strategy; called with a batch of each tensor of the data.
    :param data: tensors with a common first axis of examples.
    :param strategy: default :func:`~ntpt_pyro.inference.marginal`.
    :param restarts: programs trained at once.
    :param library: the module that holds the model's networks; it is trained in place. Needed for
        checkpoints; other parameters of the model are trained too.
    :param guide: to go on with; default a fresh one of normal logits of scale ``init_scale``.
    :param steps: training steps in all.
    :param batch_size: examples a step, drawn with replacement.
    :param choice_lr: learning rate of the choices' logits.
    :param library_lr: learning rate of everything else.
    :param init_scale: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param kl: weight of the KL term against the log-likelihood of one example; 0 is TerpreT's FMGD.
    :param clip_norm: see :class:`~ntpt_pyro.inference.SplitAdam`.
    :param sharpness: see :class:`~ntpt_pyro.inference.Restarts`.
    :param seed: of batches, initial logits and samples.
    :param callbacks: called after every step with the state; one that returns True ends the training.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date, and gone on from where it exists. Going on gives the same
        result as never having stopped, on the same machine.
    :param checkpoint_every: steps between writes.
    :returns: the state after the last step.
    :raises DataError: where the tensors have different numbers of examples.
    :raises DivergenceError: where the loss becomes NaN or infinite; names the step and the site, and leaves
        the parameters and the last checkpoint as they were before that step.
    :raises RunError: where the checkpoint cannot be gone on from.
    """
    strategy = strategy or marginal()
    examples = _number_of_examples(data)
    batch_size = min(batch_size, examples)
    plate = Restarts(restarts, sharpness=sharpness)
    program = plate(model)
    small = tuple(tensor[:batch_size] for tensor in data)
    weighted = strategy.weighted(batch_size / examples if kl is None else batch_size * kl)
    with (
        pyro.get_param_store().scope(),
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
        tqdm(total=steps, desc=progress, disable=progress is None, leave=False) as bar,
    ):
        warnings.filterwarnings("ignore", "Encountered (NaN|infinite)")  # Pyro's; an error here
        torch.manual_seed(seed)
        source = torch.Generator().manual_seed(seed)
        if guide is None:
            guide = strategy.guide(program, *small, init_scale=init_scale, generator=source)
        optimiser = SplitAdam(
            guide.parameters(), choice_lr=choice_lr, library_lr=library_lr, clip_norm=clip_norm
        )
        state = FitState(guide, library, optimiser, plate, source)
        settings = {
            "strategy": strategy.describe(),
            "restarts": restarts,
            "batch_size": batch_size,
            "choice_lr": choice_lr,
            "library_lr": library_lr,
            "init_scale": init_scale,
            "kl": kl,
            "clip_norm": clip_norm,
            "sharpness": sharpness,
            "seed": seed,
            "examples": examples,
        }
        if checkpoint is not None and checkpoint.exists():
            state.load(checkpoint, settings)
            bar.update(state.step)
        save = partial(state.save, checkpoint, settings) if checkpoint is not None else None
        svi = SVI(program, guide, optimiser, strategy.elbo(max_plate_nesting=plate.nesting))
        first = state.step
        while state.step < steps:
            now = weighted.at(state.step)
            svi.model, svi.guide = now(program), now(guide)
            chosen = torch.randint(examples, (batch_size,), generator=source, device="cpu")
            batch = tuple(tensor[chosen.to(tensor.device)] for tensor in data)
            with pyro.validation_enabled(state.step == first):
                loss = _step(svi, batch, state.step)
            state.losses.append(loss / batch_size)
            state.step += 1
            stop = any([callback(state) for callback in callbacks])
            if save and (stop or state.step == steps or state.step % checkpoint_every == 0):
                save()
            bar.update()
            if state.step % 10 == 0:
                bar.set_postfix_str(f"loss {state.losses[-1] / restarts:.2f}", refresh=False)
            if stop:
                break
    return state


class EarlyStop:
    """A callback that ends the training when the loss has stopped falling.

    It compares the mean loss of the last ``window`` steps with that of the ``window`` steps before, and keeps
    nothing itself, so that a resumed run stops where an unbroken one does.

    :param window: steps in each mean, at least 1.
    :param least_gain: the fall of the mean that counts as one, in nats an example.
    """

    def __init__(self, window: int, *, least_gain: float = 0.0) -> None:
        self.window = window
        self.least_gain = least_gain

    def __call__(self, state: FitState) -> bool:
        """Look at the losses so far, once a window.

        :param state: of the fit.
        :returns: True where the training should end.
        """
        if state.step < 2 * self.window or state.step % self.window:
            return False
        recent = state.losses[-self.window :]
        before = state.losses[-2 * self.window : -self.window]
        return mean(before) - mean(recent) <= self.least_gain


def _number_of_examples(data: Sequence[Tensor]) -> int:
    lengths = [len(tensor) for tensor in data]
    if not lengths or len(set(lengths)) != 1 or not lengths[0]:
        raise DataError(
            "training data",
            expected="tensors with the same number of examples, at least 1",
            got=f"{lengths}",
            remedy="give one entry an example in each tensor",
        )
    return lengths[0]


def _step(svi: SVI, batch: tuple[Tensor, ...], step: int) -> float:
    """One step of SVI that does not survive a loss or gradient that is not finite."""
    try:
        loss = float(svi.step(*batch))
    except NonFiniteGradientError:
        loss = math.nan
    if not math.isfinite(loss):
        raise DivergenceError(
            f"step {step}, {_culprit(svi, batch)}",
            expected="a finite loss",
            got="NaN or infinity",
            remedy="lower the learning rates, set a clip norm, or check the data; the last checkpoint is "
            "unharmed",
        )
    return loss


def _culprit(svi: SVI, batch: tuple[Tensor, ...]) -> str:
    """The first site whose value or log-probability is not finite."""
    with torch.no_grad(), pyro.validation_enabled(False):
        guide = poutine.trace(svi.guide).get_trace(*batch)
        replayed = poutine.trace(poutine.replay(svi.model, trace=guide)).get_trace(*batch)
        for trace in (guide, replayed):
            trace.compute_log_prob()
            for name, site in trace.nodes.items():
                if site["type"] == "sample" and not (
                    torch.isfinite(site["value"]).all() and torch.isfinite(site["log_prob"]).all()
                ):
                    return f"site {name!r}"
    return "the gradient"
