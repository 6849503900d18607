"""A cluster of Dask's as workers, through joblib's backend for it."""

import asyncio
import ctypes
import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from ntpt_pyro.errors import NtptError, UsageError

PATIENCE = 5.0
"""Seconds to wait for a scheduler's answer, and for a first worker."""
LOOK = 1.0
"""Seconds between two looks whether a piece of work is still wanted."""
LOST = "scheduler-connection-lost"
"""Why Dask gives up pieces of work whose scheduler is gone."""


class ClusterError(NtptError, RuntimeError):
    """The scheduler of a cluster went away while it had work to give out."""


def check_dask() -> None:
    """See that Dask is installed, without loading it.

    :raises UsageError: where it is not.
    """
    if importlib.util.find_spec("distributed") is None:
        raise UsageError(
            "cluster",
            expected="dask and distributed, which reach it",
            got="none",
            remedy="pip install 'ntpt-pyro[dask]'",
        )


@contextmanager
def connected(address: str) -> Generator[Any]:
    """A connection to a cluster, whose pieces of work are given up when it ends.

    :param address: of its scheduler.
    :returns: Dask's client.
    :raises UsageError: where no scheduler answers, it has no worker, or one with several threads.
    """
    check_dask()
    distributed = importlib.import_module("distributed")
    with _quiet():
        try:
            with ThreadPoolExecutor(1) as aside:  # this thread may have a loop of its own, as in a notebook
                aside.submit(asyncio.run, _knock(address)).result()
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError, MemoryError) as error:  # the last of what is no Dask at all
            raise UsageError(
                "cluster",
                expected=f"a Dask scheduler at {address} that answers within {PATIENCE:.0f} seconds",
                got="none",
                remedy="start one (dask scheduler), or correct the address, such as tcp://127.0.0.1:8786",
            ) from error
        try:
            _check_workers(client, address)
            yield client
        except Exception as error:
            if not _without_scheduler(client, error):
                raise
            raise ClusterError(
                "cluster",
                expected="a scheduler that lives until the work is done",
                got=f"none any more at {address}",
                remedy="start it and its workers again; a run with --out goes on with --resume",
            ) from error
        finally:
            client.close(timeout=PATIENCE)


def check_cluster(address: str) -> None:
    """See that a cluster may be given work.

    :param address: of its scheduler.
    :raises UsageError: see :func:`connected`.
    """
    with connected(address):
        pass


def _without_scheduler(client: Any, error: Exception) -> bool:
    """Whether an error comes of a scheduler that is gone."""
    if isinstance(error, NtptError):
        return False
    return client.status != "running" or LOST in str(error)


@contextmanager
def told_of_waiting(client: Any, address: str) -> Generator[None]:
    """Say on standard error, once, that the work waits while no worker is left to do it.

    :param client: of the cluster.
    :param address: of its scheduler.
    """
    over = threading.Event()

    def watch() -> None:
        waits = False
        while not over.wait(LOOK):
            try:
                workers = client.nthreads()
            except Exception:  # no scheduler answers: whoever waits for the work is told
                continue
            if not workers and not waits and not over.is_set():
                tqdm.write(f"ntpt: {_waits(address)}", file=sys.stderr)
            waits = not workers

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _waits(address: str) -> str:
    expected, got = "at least one worker", "none any more"
    return f"cluster: expected {expected}, got {got}; the work waits for one: {_start_one(address)}"


def _start_one(address: str) -> str:
    return f"dask worker {address} --nthreads 1"


async def _knock(address: str) -> None:
    """See that a part of Dask answers; a client that finds none leaves half of itself behind."""
    distributed = importlib.import_module("distributed")
    how = distributed.Security().get_connection_args("client")
    connect = importlib.import_module("distributed.comm").connect
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **how), PATIENCE)
    comm.abort()


def _check_workers(client: Any, address: str) -> None:
    distributed = importlib.import_module("distributed")
    remedy = f"start them: {_start_one(address)}"
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except (TimeoutError, distributed.TimeoutError) as error:
        raise UsageError("cluster", expected="at least one worker", got="none", remedy=remedy) from error
    most = max(client.nthreads().values())
    if most > 1:
        raise UsageError(
            "cluster",
            expected="workers of one thread each: Pyro's state belongs to a process",
            got=f"one with {most}",
            remedy=remedy,
        )


@contextmanager
def _quiet() -> Generator[None]:
    """Dask's own words about connections that end are for its developers."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


class _Lost:
    """What is handed on instead of a result: the piece of work killed one worker after the other."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def backend_of(client: Any) -> Any:
    """Joblib's backend for a cluster; one that tells, too, when a piece of work is given up.

    :param client: of the cluster.
    :returns: an instance of the backend.
    """
    from joblib._dask import DaskDistributedBackend  # type: ignore[import-untyped]  # ships no types

    class Backend(DaskDistributedBackend):  # type: ignore[misc]  # of Any
        """As joblib's, which never says of a future that it failed, and leaves a lone worker idle."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            workers: int = super().effective_n_jobs(n_jobs)
            return max(2, workers)  # for one joblib works in this process instead

        def submit(self, func: Any, callback: Callable[[Any], None]) -> Any:
            given = super().submit(func, callback)

            def tell(ended: Any) -> None:
                if ended.exception() is not None:
                    callback(_Lost(ended.exception()))

            given.add_done_callback(tell)
            return given

        def retrieve_result_callback(self, out: Any) -> Any:
            if isinstance(out, _Lost):
                raise out.error
            return super().retrieve_result_callback(out)

    return Backend(client=client, wait_for_workers_timeout=PATIENCE)


@contextmanager
def ended_when_cancelled() -> Generator[None]:
    """In a worker of a cluster: end a piece of work that nobody waits for any more.

    Dask cannot stop what runs. Here a thread looks whether the scheduler still wants it, and interrupts it
    where it does not.
    """
    distributed = importlib.import_module("distributed")
    worker = distributed.get_worker()
    key = distributed.worker.thread_state.key
    thread, over = threading.get_ident(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            task = worker.state.tasks.get(key)
            if task is None or task.state not in ("executing", "long-running"):
                if not over.is_set():
                    stop = ctypes.py_object(KeyboardInterrupt)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), stop)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
