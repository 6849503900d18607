"""The most probable of many programs, while they are still being found."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ntpt_pyro.inference.exact.end_scores import Kept


def most_probable(
    kept: Sequence[Kept], ways: NDArray[np.float64], most: int
) -> tuple[list[Kept], float, float]:
    """The most probable programs.

    :param kept: by way to end, the states that are kept.
    :param ways: how many programs each state stands for.
    :param most: programs to keep.
    :returns: likewise, the mass of what was left out, and the mass that a program must have to be kept: 0
        where all are.
    """
    mass = np.concatenate([one.mass for one in kept])
    counts = np.concatenate([ways[one.states] for one in kept])
    if counts.sum() <= most:
        return list(kept), 0.0, 0.0
    each = mass / counts
    order = np.argsort(-each, kind="stable")
    last = int(np.searchsorted(counts[order].cumsum(), most, side="right"))
    least = float(each[order[min(last, len(order) - 1)]])
    chosen = np.zeros(len(each), dtype=bool)
    chosen[order[: max(1, last)]] = True  # of those that are as probable some, and never none
    ends = np.cumsum([len(one.states) for one in kept])[:-1]
    parts = [
        replace(
            one,
            states=one.states[here],
            log_likelihoods=one.log_likelihoods[here],
            mass=one.mass[here],
        )
        for one, here in zip(kept, np.split(chosen, ends), strict=True)
    ]
    return parts, float(mass[~chosen].sum()), least
