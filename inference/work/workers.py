"""Who does pieces of work that do not depend on each other: this process, others beside it, or a cluster."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import NtptError, UsageError

ALL = -1
"""As many workers as there are cores."""
MOST_JOBS = 1024
"""Processes beside each other: more are a slip of the hand."""

Told = Callable[[BaseException], NtptError | None]
"""Makes one line of an error from a user's own code; None where it is not from there."""
Opening = Callable[[], Told]
"""What a worker does before it takes the first piece: it loads what the pieces need. It is pickled."""


def nothing_to_tell(error: BaseException) -> None:
    """No error is from a user's own code.

    :param error: any.
    """


def nothing_to_open() -> Told:
    """Load nothing.

    :returns: what tells of no error.
    """
    return nothing_to_tell


def opening_of_nothing() -> Opening:
    """What a worker loads where all code is installed.

    :returns: nothing.
    """
    return nothing_to_open


@dataclass(frozen=True)
class Workers:
    """Who does pieces of work. The results do not depend on it, as far as every worker has one thread,
    but for the choice of a solver among programs that are as good.

    :param jobs: processes beside each other on this machine; 1 is this process itself, -1 as many as there
        are cores for this process.
    :param cluster: the address of a Dask scheduler, whose workers do the work then; each must have one thread
        (``dask worker --nthreads 1``), and see the same files.
    :param opening: gives what each worker loads first, when the work is given out.
    :raises UsageError: where the number is 0 or negative otherwise, or both are given.

    >>> Workers(4).count(units=3)
    3
    """

    jobs: int = 1
    cluster: str | None = None
    opening: Callable[[], Opening] = opening_of_nothing

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.jobs != ALL:
            remedy = "give how many processes work side by side, or -1 for one a core"
            check_count("jobs", self.jobs, at_least=1, at_most=MOST_JOBS, remedy=remedy)
        if self.cluster is not None and self.jobs != 1:
            raise UsageError(
                "jobs",
                expected="jobs or a cluster, whose workers are counted already",
                got=f"jobs={self.jobs} and cluster={self.cluster}",
                remedy="leave one out",
            )
        if self.cluster is not None and not self.cluster.strip():
            raise UsageError(
                "cluster", expected="the address of a Dask scheduler", got="none", remedy="name it"
            )

    @property
    def alone(self) -> bool:
        """Whether this process does all the work."""
        return self.jobs == 1 and self.cluster is None

    def count(self, units: int) -> int:
        """Processes on this machine for so many pieces of work: never more than there are pieces.

        :param units: the pieces.
        :returns: how many.
        """
        return max(1, min(units, cores() if self.jobs == ALL else self.jobs))

    def opened_by(self, opening: Callable[[], Opening]) -> "Workers":
        """The same workers, which load something first.

        :param opening: gives what they load.
        :returns: them.
        """
        return replace(self, opening=opening)


ALONE = Workers()
"""This process."""


def cores() -> int:
    """The cores that this process may use.

    :returns: how many, at least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def threads_for(workers: int, threads: int) -> int:
    """The threads of each of several workers: as many as this process has, as far as cores are there for all.

    :param workers: on this machine.
    :param threads: of this process.
    :returns: at least 1.

    >>> threads_for(1000, threads=4)
    1
    """
    return max(1, min(threads, cores() // workers))
