"""Training on data at hand, from a seed: a :class:`~ntpt_pyro.inference.Training` and its loop."""

from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

import torch

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.first_run import check_model
from ntpt_pyro.inference.handlers.given_strategy import check_strategy
from ntpt_pyro.inference.handlers.handler_stack import learning_alone
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.callbacks import Callback
from ntpt_pyro.inference.training.given_guide import Guide
from ntpt_pyro.inference.training.ranks import share_of
from ntpt_pyro.inference.training.step_settings import StepOptions
from ntpt_pyro.inference.training.train import check_checkpoint, check_steps, train
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.language.given_data import Data, given_data


def fit(
    model: Model,
    data: Data,
    *,
    strategy: Strategy | None = None,
    restarts: int = 1,
    library: torch.nn.Module | None = None,
    guide: Guide | None = None,
    steps: int = 1000,
    batch_size: int | None = 32,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    progress: str | None = None,
    checkpoint: Path | None = None,
    **settings: Unpack[StepOptions],
) -> Training:
    """Learn the choices of a model, and the library it calls, from data.

    The objective of a step is the batch's mean log-likelihood minus ``kl * KL(guide || prior)``, summed over
    restarts. With ``kl = 1 / examples``, the default, that is the evidence lower bound of all the data
    divided by their number; a larger weight keeps the choices undecided for longer.

    Nothing global changes: parameters live in a parameter store of their own, and torch's random state is as
    it was afterwards. Pyro's validation is on for the first step, off after it (shapes do not change).

    The seed sets two generators: one of its own, from which the logits of a fresh guide are drawn (choice by
    choice, in the model's order) and then the rows of each batch, and torch's global one, from which the
    strategy samples and networks drop out.

    :param model: a Pyro program, not wrapped in a strategy; called with a batch of each tensor of the data.
    :param data: tensors with a common first axis of examples, arrays of NumPy, or a Dataset or DataLoader of
        torch, see :func:`~ntpt_pyro.language.given_data.given_data`; moved to torch's default device, where
        choices are.
    :param strategy: default :func:`~ntpt_pyro.inference.marginal`.
    :param restarts: programs trained at once, at least 1; see also
        :func:`~ntpt_pyro.inference.sharing_restarts`.
    :param library: the module that holds the model's networks; it is trained in place. Needed for
        checkpoints; other parameters of the model are trained too.
    :param guide: to go on with, or one of one's own: a guide of Pyro's, or a function of the model's
        arguments. Default a fresh one: normal logits of scale ``init_scale``, and where the model has other
        latents than choices also one of Pyro's, see :meth:`~ntpt_pyro.inference.Strategy.guide`.
    :param steps: training steps in all, at least 0.
    :param batch_size: examples a step, at least 1, drawn with replacement; None gives the model all of them
        in their order, as for ``pyro.plate(..., subsample_size=...)``.
    :param seed: of batches, initial logits and samples, in 0..2**63-1.
    :param callbacks: see :func:`~ntpt_pyro.inference.train`.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: see :func:`~ntpt_pyro.inference.train`.
    :param settings: how steps are taken, any fields of :class:`~ntpt_pyro.inference.StepSettings`:
        ``choice_lr``, ``library_lr``, ``init_scale``, ``kl``, ``clip_norm``, ``sharpness``, ``averaging``,
        ``checkpoint_every``, ``optimiser``.
    :returns: the training after its last step.
    :raises DataError: where the tensors have different numbers of examples, or hold NaN or infinity.
    :raises SiteError: where choices are made for each example, labels would be spread, or the like, see
        :func:`~ntpt_pyro.inference.handlers.model_examination.examine`.
    :raises DivergenceError: see :func:`~ntpt_pyro.inference.train`.
    :raises RunError: where the checkpoint cannot be gone on from.
    :raises UsageError: where a number is out of its range; see also :func:`~ntpt_pyro.inference.train`.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> state = fit(model, (torch.tensor([1, 1]),), restarts=2, steps=50)
    >>> state.guide.probabilities()["bit"].argmax(-1).flatten()  # of each restart
    tensor([1, 1])
    """
    check_steps(steps, batch_size)
    check_count("seed", seed, at_least=0, at_most=2**63 - 1)
    seed = int(seed)
    check_checkpoint(checkpoint, settings.get("optimiser"))
    strategy = marginal() if strategy is None else strategy
    check_strategy("fit", strategy)
    check_model("fit", model)
    data = given_data("fit, data", data)
    examples = len(data[0])
    if settings.get("kl") is None:
        settings["kl"] = 1 / examples
    with learning_alone("fit"), torch.random.fork_rng(devices=[]):
        share = share_of(restarts)
        here = restarts if share is None else share.part.size
        sites = examine("fit", Restarts(here)(model), data, integrated=None, plated=True, subsampled=True)
        strategy.check_scales(sites)
        torch.manual_seed(seed)
        source = torch.Generator().manual_seed(seed)
        try:
            training = Training(
                model,
                tuple(tensor[:batch_size] for tensor in data),
                strategy=strategy,
                restarts=restarts,
                library=library,
                guide=guide,
                generator=source,
                **settings,
            )
        except IndexError as error:
            if batch_size is None:
                raise
            raise UsageError(
                "batch_size",
                expected="None: the model draws rows of all examples itself, as by subsample_size",
                got=f"{batch_size}, so that rows are missing ({error})",
                remedy="give batch_size=None, or open the plate over len(x)",
            ) from error
        return train(
            training,
            data,
            steps=steps,
            batch_size=batch_size,
            source=source,
            callbacks=callbacks,
            progress=progress,
            checkpoint=checkpoint,
            settings={"seed": seed},
        )
