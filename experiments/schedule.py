"""The schedule of a lifetime: which task a batch is from, as a distribution that changes with time.

A schedule is data: knots of time and probabilities, straight lines between them (Gaunt et al. 2017, Fig.
6(a), top). As a file it is JSON::

    {"knots": [{"at": 0.0, "tasks": {"add2x2/top": 1.0}},
               {"at": 0.5, "tasks": {"add2x2/top": 1.0}},
               {"at": 0.6, "tasks": {"apply2x2/top": 1.0}},
               {"at": 1.0, "tasks": {"apply2x2/top": 1.0}}]}
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ntpt_pyro.errors import UsageError

DEFAULT_ORDER = tuple(
    f"{scenario}/{side}" for side in ("top", "left", "bottom", "right") for scenario in ("add2x2", "apply2x2")
)
"""ADD2X2 and APPLY2X2 in turn, as section 6.1 tells of the swaps between them: all tasks of a lifetime."""


@dataclass(frozen=True)
class Knot:
    """Each task's probability at one time, a share of the lifetime in [0, 1]; a task not there has none."""

    at: float
    tasks: dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """A time-evolving distribution over tasks.

    :param knots: in order of time, the first at 0 and the last at 1.
    :raises UsageError: where times are out of order, probabilities are negative or do not sum to 1, or a task
        is unknown or never has a probability.
    """

    knots: tuple[Knot, ...]

    def __post_init__(self) -> None:
        """Check it."""
        times = [knot.at for knot in self.knots]
        if len(times) < 2 or times[0] != 0 or times[-1] != 1 or any(b < a for a, b in pairwise(times)):
            raise _wrong("knots", "times from 0 to 1 in order", f"{times}")
        for knot in self.knots:
            where = f"knot at {knot.at:g}"
            for task, probability in knot.tasks.items():
                if task not in DEFAULT_ORDER:
                    raise _wrong(where, f"tasks out of {', '.join(sorted(DEFAULT_ORDER))}", repr(task))
                if not 0 <= probability <= 1:
                    raise _wrong(where, "probabilities in 0..1", f"{probability:g} for {task}")
            total = sum(knot.tasks.values())
            if abs(total - 1) > 1e-6:
                raise _wrong(where, "probabilities that sum to 1", f"a sum of {total:g}")
        for task in self.tasks:
            if not any(knot.tasks.get(task) for knot in self.knots):
                raise _wrong(f"task {task}", "a probability above 0 at some time", "0 at all times")

    @property
    def tasks(self) -> list[str]:
        """Every task's name, in the order in which they first have a probability."""
        ordered = [task for knot in self.knots for task, probability in knot.tasks.items() if probability]
        named = [task for knot in self.knots for task in knot.tasks]
        return list(dict.fromkeys([*ordered, *named]))

    def probabilities(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The distribution at some times.

        :param times: ``[n]``, each in [0, 1].
        :returns: ``[n, tasks]``, in the order of :attr:`tasks`; every row sums to 1.
        """
        at = [knot.at for knot in self.knots]
        columns = [np.interp(times, at, [k.tasks.get(task, 0.0) for k in self.knots]) for task in self.tasks]
        return np.stack(columns, -1)

    def draw(self, batches: int, seed: int) -> list[str]:
        """The task of every batch of a lifetime.

        :raises UsageError: where a task has no batch.
        """
        times = (np.arange(batches) + 0.5) / batches
        cumulative = self.probabilities(times).cumsum(-1)
        drawn = np.random.default_rng(seed).random((batches, 1)) * cumulative[:, -1:]
        tasks = self.tasks
        found = [tasks[index] for index in (drawn >= cumulative).sum(-1)]
        for task in tasks:
            if task not in found:
                raise _wrong(
                    f"task {task}",
                    "examples of every task",
                    f"none in {batches} batches",
                    remedy="live longer (--batches), or give a schedule of fewer tasks (--schedule)",
                )
        return found

    def to_json(self) -> dict[str, Any]:
        """The content of a schedule's file."""
        return {"knots": [{"at": knot.at, "tasks": knot.tasks} for knot in self.knots]}


def in_turn(tasks: Sequence[str] = DEFAULT_ORDER, *, overlap: float = 0.2) -> Schedule:
    """A schedule in which each task is dominant in turn, for equal times.

    :param tasks: in order.
    :param overlap: the time over which one task gives way to the next, as a share of a task's time.
    :returns: the schedule.

    >>> schedule = in_turn(["add2x2/top", "apply2x2/top"])
    >>> [knot.at for knot in schedule.knots]
    [0.0, 0.45, 0.55, 1.0]
    """
    if not 0 <= overlap <= 1:
        raise _wrong("overlap", "a share in 0..1", f"{overlap:g}")
    half = overlap / 2 / len(tasks)
    knots = [Knot(0.0, {tasks[0]: 1.0})]
    for number, (task, following) in enumerate(pairwise(tasks), start=1):
        border = number / len(tasks)
        knots += [Knot(border - half, {task: 1.0}), Knot(border + half, {following: 1.0})]
    return Schedule((*knots, Knot(1.0, {tasks[-1]: 1.0})))


DEFAULT = in_turn()
"""Eight equal times, one a task."""


def load_schedule(path: Path) -> Schedule:
    """Read a schedule from a JSON file.

    :raises UsageError: where the file is missing, or no schedule.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        knots = tuple(
            Knot(float(knot["at"]), {str(task): float(p) for task, p in knot["tasks"].items()})
            for knot in content["knots"]
        )
    except FileNotFoundError as error:
        raise _wrong(str(path), "a file", "no such file") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        expected = 'JSON {"knots": [{"at": 0.0, "tasks": {"add2x2/top": 1.0}}, ...]}'
        raise _wrong(str(path), expected, f"{type(error).__name__}: {error}") from error
    return Schedule(knots)


def _wrong(where: str, expected: str, got: str, remedy: str = "correct the schedule") -> UsageError:
    return UsageError(f"schedule, {where}", expected=expected, got=got, remedy=remedy)
