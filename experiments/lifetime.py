"""A lifetime: one model meets one stream of batches, and snapshots are taken on the way."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from tqdm.auto import tqdm

from ntpt_pyro.experiments.lifetime_results import AccuracySnapshot
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.stream import Batch, Stream
from ntpt_pyro.inference.training.checkpoint import State, load_checkpoint, save_checkpoint
from ntpt_pyro.runs.methods.method import IMAGE_DROPOUT
from ntpt_pyro.tasks.examples import Examples

CURVE_EXAMPLES = 2_000
"""Test examples a task that snapshots are taken with."""


class Learner(Protocol):
    """A model that lives a lifetime."""

    def learn(self, batch: Batch) -> None:
        """Learn from a batch; nothing of it is kept for later."""

    def accuracy(self, task: str, examples: Examples) -> float | None:
        """The share of a task's examples that are right now, in [0, 1]; None where it has not been met."""

    def readings(self) -> dict[str, float]:
        """By network the share of single symbols that it reads right; none where networks name no symbols."""

    def get_state(self) -> State:
        """Everything that learning changes."""

    def set_state(self, state: State) -> None:
        """Go on from a state that :meth:`get_state` gave."""


def image_dropout(settings: LifetimeSettings) -> tuple[float, float]:
    """The shares of pixels and of hidden units that networks drop while they learn."""
    return IMAGE_DROPOUT if settings.dropout else (0.0, 0.0)


def live(
    learner: Learner,
    stream: Stream,
    settings: LifetimeSettings,
    *,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> tuple[list[AccuracySnapshot], dict[str, float]]:
    """Let a model live a lifetime, or go on with it; torch's random state is as it was afterwards.

    :param learner: as it is born; a checkpoint tells it where it stood.
    :param stream: the batches of the lifetime.
    :param settings: that it was made with.
    :param checkpoint: a file kept up to date at every snapshot, and gone on from where it exists. Going on
        gives the same result as never having stopped, on the same machine.
    :param progress: show a progress bar with the task and the accuracies so far.
    :returns: the snapshots, and by task the seconds that learning it took, in all sessions.
    """
    snapshots: list[AccuracySnapshot] = []
    seconds = dict.fromkeys(stream.tasks, 0.0)
    position, before = 0, settings.to_json()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, before)
            learner.set_state(state["learner"])
            snapshots = [AccuracySnapshot(**one) for one in state["looks"]]
            seconds, position = state["seconds"], state["position"]
            torch.set_rng_state(state["random"])
        label = f"{settings.model}, seed {settings.seed}"
        with tqdm(total=len(stream), initial=position, desc=label, disable=not progress) as bar:
            while position < len(stream):
                batch = stream[position]
                began = time.perf_counter()
                learner.learn(batch)
                seconds[batch.task] += time.perf_counter() - began
                position += 1
                if position % settings.every == 0 or position == len(stream):
                    snapshots.append(_snapshot(learner, stream, position))
                    if checkpoint is not None:
                        state = {
                            "learner": learner.get_state(),
                            "looks": [asdict(one) for one in snapshots],
                            "seconds": seconds,
                            "position": position,
                        }
                        save_checkpoint(checkpoint, state, before)
                known = (
                    [one for one in snapshots[-1].accuracy.values() if one is not None] if snapshots else []
                )
                shares = " ".join(f"{100 * accuracy:.0f}" for accuracy in known)
                bar.set_postfix_str(f"{batch.task}; {shares or '-'} %", refresh=False)
                bar.update()
    return snapshots, seconds


def _snapshot(learner: Learner, stream: Stream, position: int) -> AccuracySnapshot:
    """How good the model is now, on each task that it has met."""
    test = {name: examples.split(CURVE_EXAMPLES)[0] for name, examples in stream.test.items()}
    accuracy = {name: learner.accuracy(name, examples) for name, examples in test.items()}
    return AccuracySnapshot(position, accuracy, learner.readings())
