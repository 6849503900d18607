"""Results of lifetimes: of one, and of several models over several seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ntpt_pyro.runs.results import Result
from ntpt_pyro.runs.statistics import Ranged, Rate


@dataclass(frozen=True)
class AccuracySnapshot:
    """How good a model is after so many batches of its lifetime.

    :param accuracy: by task the share of test examples that are right; None before the task is met.
    :param readings: by network the share of single symbols that it reads right.
    """

    batches: int
    accuracy: dict[str, float | None]
    readings: dict[str, float]


@dataclass(frozen=True)
class Presented:
    """When a task was presented: the positions of its first and last batch, and how many batches it had."""

    first: int
    last: int
    batches: int


@dataclass(frozen=True)
class Searched:
    """What the search for a program found, in how many rounds."""

    restarts_correct: int | None
    held_back_accuracy: float
    rounds: int


@dataclass(frozen=True)
class KeptProgram(Searched):
    """A task's program at the end of a lifetime: its text, and whether it is right, judged by execution."""

    program: list[str]
    program_correct: bool | None


@dataclass(frozen=True)
class Lifetime(Result):
    """One lifetime of one model, most of it by task or by network.

    :param accuracy: on all test examples, at the end.
    :param looks: snapshots on the way, in order.
    :param seconds: that learning a task took, in all sessions.
    :param data: where a network's images come from, by split.
    :param programs: None for a model without programs.
    """

    kind: ClassVar[str] = "lifetime"
    model: str
    seed: int
    accuracy: dict[str, float]
    readings: dict[str, float]
    presented: dict[str, Presented]
    looks: list[AccuracySnapshot]
    seconds: dict[str, float]
    data: dict[str, dict[str, str]]
    options: dict[str, Any]
    versions: dict[str, str]
    commit: str | None
    programs: dict[str, KeptProgram] | None = None


Lifetimes = Mapping[str, Sequence[Lifetime]]
"""By model a lifetime a seed."""


@dataclass(frozen=True)
class ModelSummary:
    """One model over several seeds; programs are those of the first.

    :param tasks: by task and measure: the accuracy at the end, and the measures of
        :mod:`~ntpt_pyro.experiments.transfer`.
    """

    tasks: dict[str, dict[str, Ranged]]
    readings: dict[str, Ranged]
    right_programs: Rate | None
    seconds: Ranged
    programs: dict[str, KeptProgram] | None


@dataclass(frozen=True)
class LifetimesSummary(Result):
    """Lifetimes of several models over several seeds, and the command and the settings that give them."""

    kind: ClassVar[str] = "lifetimes"
    command: str
    seeds: list[int]
    options: dict[str, Any]
    data: dict[str, dict[str, str]]
    versions: dict[str, str]
    commits: list[str]
    models: dict[str, ModelSummary]
