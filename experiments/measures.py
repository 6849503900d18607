"""Measures over several runs: a mean with its range, a success rate with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from ntpt_pyro.runs.statistics import mean_and_range, success_rate


@dataclass(frozen=True)
class Ranged:
    """The mean and the range of some values."""

    mean: float
    min: float
    max: float
    values: list[float]


@dataclass(frozen=True)
class Rate:
    """A success rate with its 95 % interval, see :func:`~ntpt_pyro.runs.statistics.success_rate`."""

    successes: int
    trials: int
    rate: float
    interval: list[int | float]


def ranged(values: Sequence[float]) -> Ranged:
    """The mean and the range of some values.

    :param values: at least one.
    :returns: both, with the values.
    """
    return Ranged(**mean_and_range(values))


def rate(successes: int, trials: int) -> Rate:
    """A success rate.

    :param successes: at most ``trials``.
    :param trials: at least 1.
    :returns: the rate.
    """
    return Rate(**success_rate(successes, trials))
