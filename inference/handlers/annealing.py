"""A temperature that changes as training goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.errors import UsageError


@dataclass(frozen=True)
class Annealing:
    """Geometric interpolation from ``start`` to ``end`` over ``steps`` training steps, constant afterwards.

    :param start: the value at step 0, above zero.
    :param end: the value at ``steps`` and after, above zero.
    :param steps: at least 1.
    :raises UsageError: where a bound is not above zero or ``steps`` is below 1.

    >>> schedule = Annealing(start=2.0, end=0.5, steps=100)
    >>> [round(value_at(schedule, step), 2) for step in (0, 50, 100, 1000)]
    [2.0, 1.0, 0.5, 0.5]
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not (self.start > 0 and self.end > 0 and self.steps >= 1):
            raise UsageError(
                "Annealing",
                expected="start and end above 0 and at least 1 step",
                got=f"start={self.start}, end={self.end}, steps={self.steps}",
                remedy="correct the schedule",
            )


_held: ContextVar[dict[Annealing, Tensor] | None] = ContextVar("held", default=None)
"""Tensors that stand for the values of schedules, see :func:`held`."""


@contextmanager
def held(values: dict[Annealing, Tensor]) -> Iterator[None]:
    """Let tensors stand for the values of schedules, so that a recorded step reads what is written there.

    :param values: by schedule, filled as schedules are asked for their values: double, without a dimension.
    """
    token = _held.set(values)
    try:
        yield
    finally:
        _held.reset(token)


def value_at(schedule: float | Annealing, step: int) -> Any:
    """The value of a constant or a schedule at a training step.

    :param schedule: a number, or an :class:`Annealing`.
    :param step: counted from 0.
    :returns: the number at that step; within :func:`held` a tensor of it where it is a schedule's.
    """
    values = _held.get()
    if values is None or not isinstance(schedule, Annealing):
        return number_at(schedule, step)
    if schedule not in values:
        values[schedule] = torch.tensor(number_at(schedule, step), dtype=torch.float64)
    return values[schedule]


def number_at(schedule: float | Annealing, step: int) -> float:
    """See :func:`value_at`, always a number.

    :param schedule: a number, or an :class:`Annealing`.
    :param step: counted from 0.
    :returns: the number at that step.
    """
    if not isinstance(schedule, Annealing):
        return schedule
    progress = min(step / schedule.steps, 1.0)
    ratio: float = (schedule.end / schedule.start) ** progress
    return schedule.start * ratio
