"""Processes that search together, on one machine or several, each with restarts of its own.

torch calls them ranks, and ``torchrun`` starts them. Nothing here does anything in a single process.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from ntpt_pyro.errors import NtptError, RunError, UsageError
from ntpt_pyro.language.parts import Part

OF_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables of the environment by which a process knows that it is one of several."""
STARTED_AGAIN = "TORCHELASTIC_RESTART_COUNT"
"""The one that says how often ``torchrun`` has started all of them again, as it does where one has ended."""
HERE = "LOCAL_WORLD_SIZE"
"""The one that says how many of them are on this machine."""

Of = TypeVar("Of")


@dataclass(frozen=True)
class Ranks:
    """This process and those that it works with. What they do together all of them must do, in one order.

    :param number: of this process, from 0.
    :param size: processes.
    """

    number: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this one speaks for all: it prints, and keeps the run."""
        return self.number == 0

    @property
    def here(self) -> int:
        """How many are on this machine; all of them where nothing says so."""
        return int(os.environ.get(HERE, self.size))

    def part(self, restarts: int) -> Part:
        """The share of this process; the first ones have one more where it does not come out even.

        :param restarts: of all processes, at least one each.
        :returns: which of them it trains.

        >>> [[*Ranks(number, 3).part(16).rows] for number in range(3)]
        [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]
        """
        each, more = divmod(restarts, self.size)
        return Part(self.number * each + min(self.number, more), each + (self.number < more), restarts)

    def owner(self, restart: int, restarts: int) -> int:
        """Which process trains a restart.

        :param restart: its number among all.
        :param restarts: of all processes.
        :returns: the number of the process.
        """
        return next(n for n in range(self.size) if restart in Ranks(n, self.size).part(restarts).rows)

    def add_up(self, tensor: Tensor) -> None:
        """Add up tensors of all processes, in place.

        :param tensor: of the same shape in each.
        """
        with _together():
            dist.all_reduce(tensor)

    def all_of(self, value: Of) -> list[Of]:
        """What each process gives.

        :param value: of this one.
        :returns: of all, in order.
        """
        found: list[Any] = [None] * self.size
        with _together():
            dist.all_gather_object(found, value)
        return found

    def of(self, number: int, value: Of) -> Of:
        """What one process gives.

        :param number: of the process.
        :param value: that it gives; that of others is not looked at.
        :returns: its value.
        """
        told: list[Any] = [value if number == self.number else None]
        with _together():
            dist.broadcast_object_list(told, src=number)
        given: Of = told[0]
        return given

    def of_first(self, make: Callable[[], Of]) -> Of:
        """What the first process finds, which alone looks; where it finds an error all of them raise it.

        :param make: finds it.
        :returns: it.
        :raises NtptError: where there is one.
        """
        told: tuple[Any, NtptError | None] = (None, None)
        if self.first:
            try:
                told = make(), None
            except NtptError as error:
                told = None, error
        value, wrong = self.of(0, told)
        if wrong is not None:
            raise wrong
        found: Of = value
        return found

    def check_same(self, given: dict[str, Any]) -> None:
        """Check that all processes were given the same.

        :param given: by name.
        :raises UsageError: in all of them; names the first that differs.
        """
        everywhere = self.all_of(given)
        for number, other in enumerate(everywhere):
            for name in {**everywhere[0], **other}:
                first, here = everywhere[0].get(name), other.get(name)
                if first != here:
                    raise UsageError(
                        f"rank {number}, {name}",
                        expected=f"{first!r:.60}, as rank 0",
                        got=f"{here!r:.60}",
                        remedy="give all ranks the same options, data and files",
                    )


_NOW: ContextVar[Ranks | None] = ContextVar("ranks", default=None)


def ranks_now() -> Ranks | None:
    """The processes that restarts are shared among, see :func:`sharing_restarts`; None where there are none.

    >>> ranks_now() is None
    True
    """
    return _NOW.get()


@contextmanager
def sharing_restarts(device: str = "cpu") -> Iterator[Ranks | None]:
    """Share the restarts of searches among the processes that ``torchrun`` started.

    Within it :func:`~ntpt_pyro.inference.fit` and :func:`~ntpt_pyro.runs.induce` train, in each process, its
    share of the restarts, as one process would train all of them together. All processes must do the same in
    the same order; the first one keeps checkpoints and runs. In a single process it does nothing.

    A process group that is there already is used. Else one is made: gloo, and nccl for GPUs.

    :param device: that tensors are on.
    :returns: of the block: this process among the others; None where it is alone.
    :raises UsageError: where the others are not to be reached.

    >>> with sharing_restarts() as ranks:
    ...     print(ranks)
    None
    """
    begun = not dist.is_initialized()
    if begun and not is_one_of_several():
        yield None
        return
    if begun:
        try:
            _begin("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                "ranks",
                expected="processes that reach each other",
                got=str(error).splitlines()[0],
                remedy="start all of them by torchrun, see its --rdzv-endpoint for several machines",
            ) from error
    token = _NOW.set(Ranks(dist.get_rank(), dist.get_world_size()))
    try:
        yield _NOW.get()
    finally:
        _NOW.reset(token)
        if begun:
            dist.destroy_process_group()


@contextmanager
def alone() -> Iterator[None]:
    """Let this process train whatever it trains by itself, as if there were no others."""
    token = _NOW.set(None)
    try:
        yield
    finally:
        _NOW.reset(token)


def _begin(backend: str) -> None:
    """Make the group; processes that torchrun has started again do not meet what those before left.

    All have reached each other then: one that ended at once would break what others still connect.
    """
    store, number, size = next(iter(rendezvous("env://")))
    attempt = f"attempt {os.environ.get(STARTED_AGAIN, 0)}"
    store = dist.PrefixStore(attempt, store)  # type: ignore[attr-defined]  # of its documented names
    dist.init_process_group(backend, store=store, rank=number, world_size=size)
    if backend == "gloo":  # nccl connects later, when it is used
        dist.barrier()


def is_one_of_several() -> bool:
    """Whether ``torchrun``, or what does the same, has started this process beside others."""
    there = all(name in os.environ for name in OF_TORCHRUN)
    return there and dist.is_available() and int(os.environ["WORLD_SIZE"]) > 1


@contextmanager
def _together() -> Iterator[None]:
    """What processes do together fails where one of them has ended."""
    try:
        yield
    except RuntimeError as error:
        raise RunError(
            "ranks",
            expected="all processes at work",
            got=f"one that has ended, or is not to be reached ({str(error).splitlines()[0]:.100})",
            remedy="look at what it said; torchrun --max-restarts 3 starts all of them again",
        ) from error


@dataclass(frozen=True)
class Share:
    """The restarts of a search that this process trains.

    :param ranks: the processes.
    :param part: which restarts are this one's.
    """

    ranks: Ranks
    part: Part

    @torch.no_grad()
    def whole(self, own: Tensor, axis: int = 0) -> Tensor:
        """A tensor of all restarts, in every process.

        :param own: of the restarts of this one.
        :param axis: of restarts.
        :returns: a new tensor.
        """
        shape = [*own.shape]
        shape[axis] = self.part.whole
        whole = torch.zeros(shape, dtype=own.dtype, device=own.device)
        self.part.of(whole, axis).copy_(own)
        self.ranks.add_up(whole)
        return whole


def share_of(restarts: int) -> Share | None:
    """The share of this process in the restarts of a search.

    :param restarts: of all processes together.
    :returns: it; None where nothing is shared: in a single process, and a single restart, which all of them
        train alike.
    :raises UsageError: where there are fewer restarts than processes.
    """
    ranks = ranks_now()
    if ranks is None or restarts == 1:
        return None
    check_enough(restarts, ranks)
    return Share(ranks, ranks.part(restarts))


def check_enough(restarts: int, ranks: Ranks) -> None:
    """Check that each process has a restart.

    :param restarts: of all of them.
    :param ranks: the processes.
    :raises UsageError: where there are fewer.
    """
    if restarts < ranks.size:
        raise UsageError(
            "restarts",
            expected=f"at least {ranks.size}, one for each rank",
            got=str(restarts),
            remedy="take more (--restarts), or fewer processes (torchrun --nproc-per-node)",
        )
