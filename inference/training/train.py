"""The loop of a training: batches drawn from data, callbacks, checkpoints, a progress bar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor
from tqdm import tqdm

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import DataError
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.training.callbacks import Callback
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.training import Training


def train(
    training: Training,
    data: Sequence[Shaped[Tensor, "examples ..."]],
    *,
    steps: int,
    batch_size: int,
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
    :param batch_size: examples a step, drawn with replacement; all of them where there are fewer.
    :param source: of the rows, on the CPU.
    :param callbacks: called after every step with the training; one that returns True ends it.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date every ``checkpoint_every`` steps (a setting of the training),
        and gone on from where it exists. Going on gives the same result as never having stopped, on the same
        machine: it sets ``source`` and torch's global random state to where they were.
    :param settings: what else a checkpoint must have been made with to be gone on from, such as seeds, as
        JSON can hold it. The settings of the training, the batch size and the number of examples are
        compared in any case.
    :returns: the training after its last step.
    :raises DataError: where the tensors have different numbers of examples.
    :raises DivergenceError: where the loss becomes NaN or infinite; names the step and the site, and leaves
        the parameters and the last checkpoint as they were before that step.
    :raises RunError: where the checkpoint cannot be gone on from.
    :raises UsageError: where ``steps`` or ``batch_size`` is out of its range.
    """
    check_steps(steps, batch_size)
    examples = number_of_examples(data)
    batch_size = min(batch_size, examples)
    callbacks = tuple(callbacks)
    every = training.settings.checkpoint_every
    settings = {
        **_settings_of(training),
        "batch_size": batch_size,
        "examples": examples,
        **(settings or {}),
    }
    stopped = False
    if checkpoint is not None and checkpoint.exists():
        stopped = _go_on(training, source, checkpoint, settings)
    with tqdm(total=steps, desc=progress, disable=progress is None, leave=False) as bar:
        bar.update(training.step)
        while training.step < steps and not stopped:
            rows = torch.randint(examples, (batch_size,), generator=source, device="cpu")
            training.learn(*(tensor[rows.to(tensor.device)] for tensor in data))
            stopped = any([callback(training) for callback in callbacks])
            if checkpoint and (stopped or training.step == steps or training.step % every == 0):
                state = {"training": training.get_state(), "batches": source.get_state(), "stopped": stopped}
                save_checkpoint(checkpoint, state, settings)
            bar.update()
            if training.step % 10 == 0:
                loss = training.losses[-1] / training.restarts.size
                bar.set_postfix_str(f"loss {loss:.2f}", refresh=False)
    return training


def _settings_of(training: Training) -> dict[str, Any]:
    """What the result of a training depends on, beside its model, its data and random draws."""
    kl = training.kl
    steps = {**asdict(training.settings), "kl": asdict(kl) if isinstance(kl, Annealing) else kl}
    del steps["checkpoint_every"]
    return {"strategy": training.strategy.describe(), "restarts": training.restarts.size, **steps}


def _go_on(
    training: Training, source: torch.Generator, checkpoint: Path, settings: Mapping[str, Any]
) -> bool:
    """Go on from a checkpoint; True where a callback had ended the training there."""
    state = load_checkpoint(checkpoint, settings)
    training.set_state(state["training"])
    source.set_state(state["batches"])
    torch.set_rng_state(state["random"])
    stopped: bool = state["stopped"]
    return stopped


def check_steps(steps: int, batch_size: int) -> None:
    """Check the size of a training.

    :param steps: at least 0.
    :param batch_size: at least 1.
    :raises UsageError: where one is out of its range.
    """
    check_count("steps", steps, at_least=0)
    check_count("batch_size", batch_size, at_least=1)


def number_of_examples(data: Sequence[Tensor]) -> int:
    """How many examples there are.

    :param data: tensors with a common first axis of examples.
    :returns: the number, at least 1.
    :raises DataError: where the tensors have different numbers, or there are none.
    """
    lengths = [len(tensor) for tensor in data]
    if not lengths or len(set(lengths)) != 1 or not lengths[0]:
        raise DataError(
            "training data",
            expected="tensors with the same number of examples, at least 1",
            got=f"{lengths}",
            remedy="give one entry an example in each tensor",
        )
    return lengths[0]
