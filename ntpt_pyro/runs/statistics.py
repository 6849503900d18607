"""How recorded results are summed up: medians and means with ranges, success rates with Wilson intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some values."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Ranged:
    """Mean, least and greatest of some values, and the values."""

    mean: float
    min: float
    max: float
    values: list[float]


@dataclass(frozen=True)
class Rate:
    """A success rate with its Wilson score interval."""

    successes: int
    trials: int
    rate: float
    interval: list[int | float]


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest of some values.

    :param values: at least one.
    :returns: these.
    """
    return Spread(median(values), min(values), max(values))


def mean_and_range(values: Sequence[float]) -> Ranged:
    """Mean, least and greatest of some values, and the values.

    :param values: at least one.
    :returns: these.
    """
    return Ranged(mean(values), min(values), max(values), list(values))


def each_mean_and_range(values: Sequence[Mapping[str, float]]) -> dict[str, Ranged]:
    """The same by name.

    :param values: at least one, all with the same names.
    :returns: by these names.
    """
    return {name: mean_and_range([one[name] for one in values]) for name in values[0]}


def success_rate(successes: int, trials: int, *, z: float = 1.96) -> Rate:
    """A success rate with its Wilson score interval (Wilson 1927).

    :param successes: at most ``trials``.
    :param trials: at least 1.
    :param z: of the normal distribution; 1.96 gives 95 %.
    :returns: the rate.

    >>> success_rate(9, 10).interval
    [0.596, 0.982]
    """
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    interval = [round(max(centre - half, 0), 3), round(min(centre + half, 1), 3)]
    return Rate(successes, trials, rate, interval)
