"""What a worker does with one piece of work: it opens, computes, and packs what came of it."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # ships no types
import torch
from tqdm import tqdm

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.work.workers import Opening, Told

LOOK = 1.0
"""Seconds between two looks whether somebody still waits for the work."""
_one_at_a_time = threading.Lock()
"""Pyro's handlers and parameters belong to a process: no two pieces may be in one at a time."""
_of_bars = threading.RLock()
"""For progress bars; their own lock is one of several processes, which stays behind where one is killed."""
_watched: list[int] = []
"""The process that this one works for, once it is watched."""


@dataclass(frozen=True)
class Surroundings:
    """What the process that gives work out is like, so that a worker computes the same.

    :param threads: of torch.
    :param device: torch's default one.
    :param dtype: torch's default one, of numbers.
    :param folder: that relative paths start from.
    :param parent: the process, where the worker belongs to it alone; a worker ends with it. None: a cluster.
    """

    threads: int
    device: str
    dtype: torch.dtype
    folder: str
    parent: int | None


@dataclass(frozen=True)
class Parcel:
    """A piece of work as it is sent; all but the number and the surroundings is pickled.

    :param number: of the piece.
    :param opening: what is loaded first.
    :param function: of a piece.
    :param unit: the piece.
    """

    number: int
    opening: bytes
    function: bytes
    unit: bytes
    surroundings: Surroundings


@dataclass(frozen=True)
class Outcome:
    """What came of a piece of work: its result, or an error, pickled.

    :param number: of the piece.
    :param result: of it; None where it failed.
    :param error: what was raised.
    :param trace: where, in words.
    """

    number: int
    result: bytes | None
    error: bytes | None = None
    trace: str = ""


def packed(thing: Any) -> bytes:
    """Something as bytes, functions of the main program and local ones included.

    :param thing: what is sent.
    :returns: the bytes.
    """
    sent: bytes = cloudpickle.dumps(thing)
    return sent


def unpacked(sent: bytes) -> Any:
    """What :func:`packed` was given.

    :param sent: the bytes.
    :returns: the thing.
    """
    return cloudpickle.loads(sent)


def do_unit(parcel: Parcel) -> Outcome:
    """Do a piece of work in a worker. Whatever goes wrong in it is told, not raised.

    :param parcel: the piece.
    :returns: what came of it.
    """
    around = parcel.surroundings
    tqdm.set_lock(_of_bars)
    with _one_at_a_time, ExitStack() as stack:
        if around.parent is not None:
            _end_with(around.parent)
        else:
            from ntpt_pyro.inference.work.cluster import ended_when_cancelled

            stack.enter_context(ended_when_cancelled())
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(around.threads)
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(around.dtype)
        if Path(around.folder).is_dir():
            stack.enter_context(chdir(around.folder))
        if around.device != "cpu":
            stack.enter_context(torch.device(around.device))
        return _done(parcel)


def _done(parcel: Parcel) -> Outcome:
    told: Told | None = None
    try:
        told = _opened(parcel.opening)()
        function = _function(parcel.opening, parcel.function)
        return Outcome(parcel.number, packed(function(unpacked(parcel.unit))))
    except Exception as error:
        said = error if isinstance(error, NtptError) or told is None else told(error) or error
        trace = "" if isinstance(said, NtptError) else traceback.format_exc()
        return Outcome(parcel.number, None, _packed_error(said), trace)


def _packed_error(error: Exception) -> bytes:
    """An error as bytes; some cannot be pickled, or not made again."""
    try:
        sent = packed(error)
        unpacked(sent)
    except Exception:
        return packed(RuntimeError(f"{type(error).__name__}: {error}"))
    return sent


@lru_cache(maxsize=8)
def _opened(opening: bytes) -> Opening:
    found: Opening = unpacked(opening)
    return found


@lru_cache(maxsize=2)
def _function(opening: bytes, function: bytes) -> Callable[[Any], Any]:
    """The function of the pieces, made once for all that a worker is given."""
    del opening  # a function of the same bytes is another one where other files were loaded
    found: Callable[[Any], Any] = unpacked(function)
    return found


def _end_with(parent: int) -> None:
    """Let this process end when its parent has, and leave ctrl-C to the parent."""
    if _watched:
        return
    _watched.append(parent)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)
