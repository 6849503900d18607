"""Independent pieces of work, done by one process or by many: the results are the same, in the same order.

A piece is a function's single argument, and the result depends on nothing else. Pieces and results go between
processes pickled. A worker that dies has its pieces done again. By joblib, whose workers are processes of
this machine (loky) or of a cluster (Dask).
"""

import copy
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, TypeVar

import torch
from tqdm.auto import tqdm

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.work.one_unit import Outcome, Parcel, Surroundings, do_unit, packed, unpacked
from ntpt_pyro.inference.work.workers import ALONE, Workers, threads_for

MOST_LOST = 2
"""So often in a row, without a result in between, may workers of this machine die side by side; then a piece
is done with none beside it, and where its worker dies too, it is known which piece it died of."""

Unit = TypeVar("Unit")
Result = TypeVar("Result")


class WorkerError(NtptError, RuntimeError):
    """Workers died, one after the other, of the same piece of work."""


def in_parallel(
    function: Callable[[Unit], Result],
    units: Iterable[Unit],
    *,
    workers: Workers = ALONE,
    names: Sequence[str] = (),
    label: str | None = None,
) -> list[Result]:
    """The results of pieces of work, in their order; see :func:`each`, which gives them one by one.

    :param function: of one piece.
    :param units: the pieces.
    :param workers: who does them.
    :param names: of the pieces, which errors begin with.
    :param label: of a progress bar; None shows none.
    :returns: the results.

    >>> in_parallel(abs, [-2, 3])
    [2, 3]
    """
    with closing(each(function, units, workers=workers, names=names, label=label)) as results:
        return list(results)


def each(
    function: Callable[[Unit], Result],
    units: Iterable[Unit],
    *,
    workers: Workers = ALONE,
    names: Sequence[str] = (),
    label: str | None = None,
) -> Generator[Result]:
    """The result of each piece of work, in their order, one after the other.

    Closed before the end, or interrupted, it gives up the pieces that are left; on this machine their workers
    are killed at once, on a cluster they stop within seconds.

    :param function: of one piece; what it does besides, such as writing a run's folder, it may do twice.
    :param units: the pieces.
    :param workers: who does them; where there is one piece only and no cluster, this process.
    :param names: of the pieces, which errors begin with.
    :param label: of a progress bar of pieces on standard error, where they are done side by side; None shows
        none.
    :returns: the results; a piece is begun when it is asked for, or before.
    :raises NtptError: as a piece raised it, the first that is seen; the others are given up.
    :raises WorkerError: where a piece kills one worker after the other.
    :raises UsageError: where the cluster cannot be reached.

    >>> for size in each(abs, [-2, 3]):
    ...     print(size)
    2
    3
    """
    pieces = list(units)
    if workers.alone or (workers.cluster is None and workers.count(len(pieces)) == 1):
        for number, piece in enumerate(pieces):
            with _named(names, number):
                result = function(piece)
            yield result
        return
    found: dict[int, Outcome] = {}
    with ExitStack() as stack:
        finished = stack.enter_context(closing(_finished(function, pieces, workers, names)))
        bar = stack.enter_context(tqdm(total=len(pieces), desc=label, disable=label is None))
        for wanted in range(len(pieces)):
            while wanted not in found:
                outcome = next(finished)
                _raise(outcome, names)
                found[outcome.number] = outcome
                bar.update()
            packed_result = found.pop(wanted).result
            assert packed_result is not None
            yield unpacked(packed_result)


def _finished(
    function: Callable[[Any], Any], pieces: Sequence[Any], workers: Workers, names: Sequence[str]
) -> Generator[Outcome]:
    """What comes of pieces, as soon as it is there; those of workers that died are given out again."""
    if not pieces:
        return
    with ExitStack() as stack:
        client = None
        if workers.cluster is not None:
            from ntpt_pyro.inference.work.cluster import connected, told_of_waiting

            client = stack.enter_context(connected(workers.cluster))
            stack.enter_context(told_of_waiting(client, workers.cluster))
        count = workers.count(len(pieces))
        around = Surroundings(
            threads=torch.get_num_threads() if client else threads_for(count, torch.get_num_threads()),
            device=str(torch.get_default_device()),
            dtype=torch.get_default_dtype(),
            folder=os.getcwd(),
            parent=None if client else os.getpid(),
        )
        opening, sent = packed(workers.opening()), packed(function)
        waiting = dict(enumerate(pieces))
        lost = 0
        while waiting:
            given = [*waiting.items()][: 1 if lost == MOST_LOST else None]
            parcels = (Parcel(n, opening, sent, packed(piece), around) for n, piece in given)
            try:
                with ExitStack() as ends:
                    with _interrupts_wait() as waited:
                        begun = _parallel(client, count, around.threads, parcels)
                        outcomes = ends.enter_context(_quiet_end(begun))
                    if waited:
                        raise KeyboardInterrupt
                    for outcome in outcomes:
                        del waiting[outcome.number]
                        lost = 0
                        yield outcome
            except Exception as error:
                if not _of_a_dead_worker(error):
                    raise
                if client is not None or lost == MOST_LOST:
                    raise _given_up([n for n, _ in given], names) from error
                lost += 1


def _parallel(
    client: Any, count: int, threads: int, parcels: Iterable[Parcel]
) -> Generator[Outcome, None, None]:
    """Joblib at work: outcomes as soon as they are there."""
    from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]  # ships no types

    how: dict[str, Any] = {"batch_size": 1, "return_as": "generator_unordered"}
    if client is not None:
        from ntpt_pyro.inference.work.cluster import backend_of

        parallel = Parallel(backend=backend_of(client), n_jobs=-1, pre_dispatch="all", **how)
    else:
        with parallel_config(backend="loky", inner_max_num_threads=threads):
            parallel = Parallel(n_jobs=count, max_nbytes=None, **how)
    outcomes: Generator[Outcome, None, None] = parallel(delayed(do_unit)(parcel) for parcel in parcels)
    return outcomes


@contextmanager
def _interrupts_wait() -> Generator[list[int]]:
    """Note interrupts instead of raising them: a worker half begun would be waited for without end."""
    waited: list[int] = []
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as in the background of a shell's script
    if ignored or threading.current_thread() is not threading.main_thread():
        yield waited
        return
    before = signal.signal(signal.SIGINT, lambda number, _: waited.append(number))
    try:
        yield waited
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet_end(outcomes: Generator[Outcome]) -> Generator[Generator[Outcome]]:
    """Close joblib's generator, without a word of the pieces that are given up, which is what is wanted.

    Joblib warns of them, and loky's thread may look for one that is given up before it was begun.
    """
    try:
        yield outcomes
    finally:
        told = threading.excepthook

        def tell(failure: threading.ExceptHookArgs) -> None:
            name = failure.thread.name if failure.thread else None
            if not (failure.exc_type is KeyError and name == "ExecutorManagerThread"):
                told(failure)

        threading.excepthook = tell
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.close()
        finally:
            threading.excepthook = told


def _of_a_dead_worker(error: Exception) -> bool:
    """Whether an error says that a worker died."""
    from concurrent.futures.process import BrokenProcessPool

    return isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker"


def _given_up(given: Sequence[int], names: Sequence[str]) -> WorkerError:
    left = ", ".join(names[n] if names else f"piece {n + 1}" for n in given[:3])
    return WorkerError(
        left,
        expected="workers that live until it is done",
        got="one after the other that died of it, or beside it",
        remedy="see that memory suffices for all of them, or take fewer (jobs)",
    )


def _raise(outcome: Outcome, names: Sequence[str]) -> None:
    """Raise the error that came of a piece, if one did."""
    if outcome.error is None:
        return
    error = unpacked(outcome.error)
    if outcome.trace:
        error.add_note(f"In a worker:\n{outcome.trace}")
    with _named(names, outcome.number):
        raise error


@contextmanager
def _named(names: Sequence[str], number: int) -> Generator[None]:
    """Let errors begin with the name of the piece that raised them."""
    try:
        yield
    except NtptError as error:
        if not names:
            raise
        told = copy.copy(error)
        told.where = f"{names[number]}, {error.where}"
        told.args = (f"{told.where}: expected {error.expected}, got {error.got}; {error.remedy}",)
        raise told from error
