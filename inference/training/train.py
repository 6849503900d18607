"""The loop of a training: batches drawn from data, callbacks, checkpoints, a progress bar."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.handlers.handler_stack import learning_alone
from ntpt_pyro.inference.training.callbacks import Callback, Halving
from ntpt_pyro.inference.training.checkpoint import State, digest_of, load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.ranks import ranks_now
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.language.given_data import Data, given_data

NOT_COMPARED = ("checkpoint_every", "optimiser", "kl", "compile")
"""Settings that a checkpoint does not depend on, is never made with, or that the training itself knows."""


def train(
    training: Training,
    data: Data,
    *,
    steps: int,
    batch_size: int | None,
    source: torch.Generator,
    callbacks: Iterable[Callback] = (),
    progress: str | None = None,
    checkpoint: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Training:
    """Take steps of a training on batches drawn from data.

    A step draws the rows of its batch by one ``torch.randint`` from ``source``, and nothing else from there.
    What the strategy samples, and what networks drop out, is drawn from torch's global random state; with
    deterministic strategies and networks that state stays as it is.

    :param training: where it begins; it is changed.
    :param data: tensors with a common first axis of examples, the model's arguments.
    :param steps: training steps in all, those included that were taken before.
    :param batch_size: examples a step, drawn with replacement; as many as there are where there are fewer.
        None gives the model all of them in their order, as for ``pyro.plate(..., subsample_size=...)``.
    :param source: of the rows, on the CPU.
    :param callbacks: called after every step with the training; one that returns True ends it.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date every ``checkpoint_every`` steps (a setting of the training),
        and gone on from where it exists. Going on gives the same result as never having stopped, on the same
        machine: it sets ``source`` and torch's global random state to where they were.
    :param settings: what else a checkpoint must have been made with to be gone on from, such as seeds, as
        JSON can hold it. The settings of the training, its choices, the batch size and the data are
        compared in any case.
    :returns: the training after its last step.
    :raises DataError: where the tensors have different numbers of examples.
    :raises DivergenceError: where the loss, or a parameter after an update, becomes NaN or infinite; names
        the step and the site or parameter, and leaves the parameters and the last checkpoint as they were
        before that step.
    :raises RunError: where the checkpoint cannot be gone on from.
    :raises UsageError: where ``steps`` or ``batch_size`` is out of its range; within a handler of Pyro's or
        without gradients; while another thread learns; with a checkpoint and an optimiser of one's own.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import marginal
    >>> data = (torch.tensor([1, 1]),)
    >>> training = Training(model, data, strategy=marginal(), restarts=2)
    >>> state = train(training, data, steps=5, batch_size=2, source=torch.Generator().manual_seed(0))
    >>> state.step
    5
    """
    check_steps(steps, batch_size)
    check_checkpoint(checkpoint, training.settings.optimiser)
    with learning_alone("train"):
        return _train(
            training,
            given_data("training, data", data),
            steps=steps,
            batch_size=batch_size,
            source=source,
            callbacks=tuple(callbacks),
            progress=progress,
            checkpoint=checkpoint,
            settings=settings or {},
        )


def _train(
    training: Training,
    data: tuple[Tensor, ...],
    *,
    steps: int,
    batch_size: int | None,
    source: torch.Generator,
    callbacks: tuple[Callback, ...],
    progress: str | None,
    checkpoint: Path | None,
    settings: Mapping[str, Any],
) -> Training:
    """See :func:`train`."""
    halvings = [one.last(training, steps) for one in callbacks if isinstance(one, Halving)]
    training.record_from(max(halvings, default=0))
    examples = len(data[0])
    data = tuple(tensor.clone() if tensor.is_inference() else tensor for tensor in data)  # or no gradients
    batch_size = batch_size and min(batch_size, examples)
    ranks = ranks_now()
    kept = checkpoint is not None if ranks is None else ranks.of_first(lambda: checkpoint is not None)
    every = training.settings.checkpoint_every
    stopped = False
    if checkpoint is not None:
        of_data = {"batch_size": batch_size, "examples": examples, "data": digest_of(data)}
        settings = {**_settings_of(training), **of_data, **settings}
    if kept:
        stopped = _go_on(training, source, checkpoint, settings)
    with tqdm(total=steps, desc=progress, disable=progress is None, leave=False) as bar:
        bar.update(training.step)
        while training.step < steps and not stopped:
            batch = data
            if batch_size is not None:
                rows = torch.randint(examples, (batch_size,), generator=source, device="cpu")
                batch = tuple(tensor[rows.to(tensor.device)] for tensor in data)
            training.learn(*batch)
            stopped = training.ended(any([callback(training) for callback in callbacks]))
            if kept and (stopped or training.step == steps or training.step % every == 0):
                training.check_finite()
                state = {"training": training.get_state(), "batches": source.get_state(), "stopped": stopped}
                if checkpoint is not None:
                    save_checkpoint(checkpoint, state, settings)
            bar.update()
            if training.step % 10 == 0:
                bar.set_postfix_str(f"loss {training.mean_loss:.2f}", refresh=False)
    return training


def _settings_of(training: Training) -> dict[str, Any]:
    """What the result of a training depends on, beside its model, its data and random draws."""
    kl, guide, of = training.kl, training.guide, training.settings
    steps = {one.name: getattr(of, one.name) for one in fields(of) if one.name not in NOT_COMPARED}
    choices = {name: site.size for name, site in guide.sites.items()} if hasattr(guide, "sites") else {}
    return {
        "strategy": training.strategy.describe(),
        "restarts": training.restarts.part.whole,
        "choices": choices,
        **steps,
        "kl": asdict(kl) if isinstance(kl, Annealing) else kl,
    }


def _go_on(
    training: Training, source: torch.Generator, checkpoint: Path | None, settings: Mapping[str, Any]
) -> bool:
    """Go on from a checkpoint, if there is one; True where a callback had ended the training there."""

    def kept() -> State | None:
        there = checkpoint is not None and checkpoint.exists()
        return load_checkpoint(checkpoint, settings) if checkpoint is not None and there else None

    ranks = ranks_now()
    state = kept() if ranks is None else ranks.of_first(kept)
    if state is None:
        return False
    training.set_state(state["training"])
    source.set_state(state["batches"])
    torch.set_rng_state(state["random"])
    stopped: bool = state["stopped"]
    return stopped


def check_checkpoint(checkpoint: Path | None, optimiser: object) -> None:
    """Check that a training can be kept.

    :param checkpoint: the file, if any.
    :param optimiser: one of one's own, if any.
    :raises UsageError: where there are both.
    """
    if checkpoint is not None and optimiser is not None:
        raise UsageError(
            "checkpoint",
            expected="no optimiser of one's own: a checkpoint could not say how it goes on",
            got=f"{type(optimiser).__name__}",
            remedy="leave out one of them, or keep training.get_state() by a callback",
        )


def check_steps(steps: int, batch_size: int | None) -> None:
    """Check the size of a training.

    :param steps: at least 0.
    :param batch_size: at least 1, or None.
    :raises UsageError: where one is out of its range.
    """
    check_count("steps", steps, at_least=0)
    if batch_size is not None:
        check_count("batch_size", batch_size, at_least=1)
