"""A temperature that changes as training goes on."""

from dataclasses import dataclass

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


def value_at(schedule: float | Annealing, step: int) -> float:
    """The value of a constant or a schedule at a training step.

    :param schedule: a number, or an :class:`Annealing`.
    :param step: counted from 0.
    :returns: the number at that step.
    """
    if not isinstance(schedule, Annealing):
        return schedule
    progress = min(step / schedule.steps, 1.0)
    ratio: float = (schedule.end / schedule.start) ** progress
    return schedule.start * ratio
