"""Training on data at hand: a loop of batches over :class:`~ntpt_pyro.inference.Training`."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean

import torch
from jaxtyping import Shaped
from torch import Tensor
from tqdm import tqdm

from ntpt_pyro.errors import DataError
from ntpt_pyro.inference.handlers.strategy import Strategy, marginal
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.training import Model, Training

Callback = Callable[[Training], bool | None]
"""Called after every step; True ends the training."""


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
    averaging: float = 0.0,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    progress: str | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
) -> Training:
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
    :param averaging: see :class:`~ntpt_pyro.inference.Training`.
    :param seed: of batches, initial logits and samples.
    :param callbacks: called after every step with the state; one that returns True ends the training.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date, and gone on from where it exists. Going on gives the same
        result as never having stopped, on the same machine.
    :param checkpoint_every: steps between writes.
    :returns: the training after its last step.
    :raises DataError: where the tensors have different numbers of examples.
    :raises DivergenceError: where the loss becomes NaN or infinite; names the step and the site, and leaves
        the parameters and the last checkpoint as they were before that step.
    :raises RunError: where the checkpoint cannot be gone on from.
    """
    strategy = strategy or marginal()
    examples = _number_of_examples(data)
    batch_size = min(batch_size, examples)
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
        "averaging": averaging,
        "seed": seed,
        "examples": examples,
    }
    with (
        torch.random.fork_rng(devices=[]),
        tqdm(total=steps, desc=progress, disable=progress is None, leave=False) as bar,
    ):
        torch.manual_seed(seed)
        source = torch.Generator().manual_seed(seed)
        training = Training(
            model,
            tuple(tensor[:batch_size] for tensor in data),
            strategy=strategy,
            restarts=restarts,
            library=library,
            guide=guide,
            choice_lr=choice_lr,
            library_lr=library_lr,
            init_scale=init_scale,
            kl=1 / examples if kl is None else kl,
            clip_norm=clip_norm,
            sharpness=sharpness,
            generator=source,
            averaging=averaging,
        )
        stopped = False
        if checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, settings)
            training.set_state(state["training"])
            source.set_state(state["batches"])
            torch.set_rng_state(state["random"])
            bar.update(training.step)
            stopped = state["stopped"]
        while training.step < steps and not stopped:
            chosen = torch.randint(examples, (batch_size,), generator=source, device="cpu")
            training.learn(*(tensor[chosen.to(tensor.device)] for tensor in data))
            stopped = any([callback(training) for callback in callbacks])
            if checkpoint and (stopped or training.step == steps or training.step % checkpoint_every == 0):
                state = {
                    "training": training.get_state(),
                    "batches": source.get_state(),
                    "stopped": stopped,
                }
                save_checkpoint(checkpoint, state, settings)
            bar.update()
            if training.step % 10 == 0:
                bar.set_postfix_str(f"loss {training.losses[-1] / restarts:.2f}", refresh=False)
    return training


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

    def __call__(self, state: Training) -> bool:
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
