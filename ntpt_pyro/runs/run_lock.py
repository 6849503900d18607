"""A folder is held by the process that works in it: no other takes it, and it is free when that one ends."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ntpt_pyro.errors import RunError

LOCK = ".lock"
"""In a folder that is held; it has the number of the process."""
PATIENCE = 0.2
"""Seconds to wait for a process that is about to leave a folder."""


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Hold a folder. Where the process that held it was killed, the system has freed it.

    :param folder: made where it is missing.
    :raises RunError: where a living process holds it; names the process. Where it cannot be made or written.
    """
    path = folder / LOCK
    lock = FileLock(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
    except Timeout as error:
        raise RunError(
            str(folder),
            expected="a folder that no other process works in",
            got=_holder(path),
            remedy="wait until it ends, or give another --out folder",
        ) from error
    except OSError as error:
        if lock.is_locked:
            path.unlink(missing_ok=True)
            lock.release()
        raise RunError(
            str(folder),
            expected="a folder that can be made and written to",
            got=(error.strerror or str(error)).lower(),
            remedy="give another --out folder",
        ) from error
    try:
        yield
    finally:
        path.unlink(
            missing_ok=True
        )  # before it is free: whoever waits for this file looks for another one then
        lock.release()


def _holder(path: Path) -> str:
    """The process that holds a folder, in words."""
    try:
        return f"process {int(path.read_text(encoding='ascii'))}, which works in it"
    except (OSError, ValueError):  # it has just come, or just left
        return "another process, which works in it"
