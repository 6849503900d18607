"""How recorded results are summed up: medians with ranges, success rates with Wilson intervals."""

import math
from collections.abc import Sequence
from statistics import mean, median
from typing import Any


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of some values.

    :param values: at least one.
    :returns: by those names.
    """
    return {"median": median(values), "min": min(values), "max": max(values)}


def mean_and_range(values: Sequence[float]) -> dict[str, Any]:
    """Mean, least and greatest of some values, and the values.

    :param values: at least one.
    :returns: by those names.
    """
    return {"mean": mean(values), "min": min(values), "max": max(values), "values": list(values)}


def success_rate(successes: int, trials: int, *, z: float = 1.96) -> dict[str, Any]:
    """A success rate with its Wilson score interval (Wilson 1927).

    :param successes: at most ``trials``.
    :param trials: at least 1.
    :param z: of the normal distribution; 1.96 gives 95 %.
    :returns: successes, trials, rate and interval.

    >>> success_rate(9, 10)["interval"]
    [0.596, 0.982]
    """
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return {
        "successes": successes,
        "trials": trials,
        "rate": rate,
        "interval": [round(max(centre - half, 0), 3), round(min(centre + half, 1), 3)],
    }
