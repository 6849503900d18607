"""Results of measuring how often restarts find a right program: of one strategy, and of several."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ntpt_pyro.experiments.measures import Rate
from ntpt_pyro.runs.results import Result


@dataclass(frozen=True)
class RightSoFar:
    """How many restarts have a right program after some training.

    :param step: training steps.
    :param seconds: of the processor that they took.
    :param right: restarts.
    """

    step: int
    seconds: float
    right: int


@dataclass(frozen=True)
class StrategyRestarts(Result):
    """Restarts trained under one strategy.

    :param strategy: its name.
    :param looks: how many restarts are right, at several times of the training.
    :param right: at its end.
    :param right_since: for each restart the step after which it was right to the end.
    :param median_steps: of these.
    :param seconds: of the processor that training took.
    :param seconds_a_success: these for each restart that is right.
    :param data: where the examples come from, in words.
    :param at_equal_cost: restarts that were right when the strategy that took least time was done.
    """

    kind: ClassVar[str] = "restarts"
    strategy: str
    looks: list[RightSoFar]
    right: Rate
    right_since: list[int | None]
    median_steps: int | float | None
    seconds: float
    seconds_a_success: float | None
    data: str
    at_equal_cost: Rate | None = None


@dataclass(frozen=True)
class StrategyComparison(Result):
    """Restarts trained under several strategies, from the same initial programs and batches.

    :param command: that gives them.
    :param options: all settings but the strategy.
    :param least_seconds: that a strategy took.
    :param strategies: by name.
    :param versions: of the packages that the result depends on.
    :param commit: of the code.
    """

    kind: ClassVar[str] = "strategies"
    command: str
    options: dict[str, Any]
    least_seconds: float
    strategies: dict[str, StrategyRestarts]
    versions: dict[str, str]
    commit: str | None
