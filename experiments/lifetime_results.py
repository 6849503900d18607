"""Results of lifetimes: of one, and of several models over several seeds."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ntpt_pyro.experiments.measures import Ranged, Rate
from ntpt_pyro.runs.results import Result


@dataclass(frozen=True)
class Snapshot:
    """How good a model is at one time of its lifetime.

    :param batches: that it has learned from.
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
    """What the search for a program found.

    :param restarts_correct: restarts with a right program.
    :param held_back_accuracy: the share of the examples held back that the best restart got right.
    :param rounds: searches.
    """

    restarts_correct: int | None
    held_back_accuracy: float
    rounds: int


@dataclass(frozen=True)
class KeptProgram(Searched):
    """A task's program at the end of a lifetime.

    :param program: its text.
    :param program_correct: whether it is right, judged by execution.
    """

    program: list[str]
    program_correct: bool | None


@dataclass(frozen=True)
class Lifetime(Result):
    """One lifetime of one model.

    :param model: its name.
    :param seed: of everything random.
    :param accuracy: by task the share of all test examples that are right at the end.
    :param readings: by network the share of single symbols that it reads right at the end.
    :param presented: when each task was.
    :param looks: snapshots on the way, in order.
    :param seconds: by task what learning it took, in all sessions.
    :param data: by network where its images come from, by split.
    :param options: all settings.
    :param versions: of the packages that the result depends on.
    :param commit: of the code.
    :param programs: by task; None for a model without programs.
    """

    kind: ClassVar[str] = "lifetime"
    model: str
    seed: int
    accuracy: dict[str, float]
    readings: dict[str, float]
    presented: dict[str, Presented]
    looks: list[Snapshot]
    seconds: dict[str, float]
    data: dict[str, dict[str, str]]
    options: dict[str, Any]
    versions: dict[str, str]
    commit: str | None
    programs: dict[str, KeptProgram] | None = None


@dataclass(frozen=True)
class ModelSummary:
    """One model over several seeds.

    :param tasks: by task and measure; the measures are the accuracy at the end, and those of
        :mod:`~ntpt_pyro.experiments.transfer`.
    :param readings: by network the accuracy on single symbols.
    :param right_programs: of all tasks and seeds; None for a model without programs.
    :param seconds: of learning.
    :param programs: of the first seed.
    """

    tasks: dict[str, dict[str, Ranged]]
    readings: dict[str, Ranged]
    right_programs: Rate | None
    seconds: Ranged
    programs: dict[str, KeptProgram] | None


@dataclass(frozen=True)
class LifetimesSummary(Result):
    """Lifetimes of several models over several seeds.

    :param command: that gives them.
    :param seeds: a lifetime of every model for each.
    :param options: settings that all of them share.
    :param data: by network where its images come from, by split.
    :param versions: of the packages that the result depends on.
    :param commits: of the code.
    :param models: by name.
    """

    kind: ClassVar[str] = "lifetimes"
    command: str
    seeds: list[int]
    options: dict[str, Any]
    data: dict[str, dict[str, str]]
    versions: dict[str, str]
    commits: list[str]
    models: dict[str, ModelSummary]
