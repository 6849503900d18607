"""Pieces of work for workers, which import this module."""

import os
import time
from pathlib import Path

import torch

from ntpt_pyro.errors import DataError


def about(number: int) -> tuple[int, int, int]:
    """Something that depends on the number, the process, and its threads."""
    return number**2, os.getpid(), torch.get_num_threads()


def drawn(seed: int) -> torch.Tensor:
    """Numbers whose last bits tell how they were summed."""
    made = torch.rand(300, 300, generator=torch.Generator().manual_seed(seed))
    return made @ made


def wrong(number: int) -> int:
    """Fails with 1 as a user's mistake does, with 2 as a bug of ours."""
    if number == 1:
        raise DataError("digits", expected="some", got="none", remedy="give some")
    if number == 2:
        raise ZeroDivisionError("by zero")
    return number


def killed_once(one: tuple[Path, int]) -> int:
    """Kills its process the first time that it is asked for 1."""
    marks, number = one
    if number == 1 and not (marks / "killed").exists():
        (marks / "killed").touch()
        os._exit(9)
    return number


def deadly(number: int) -> int:
    """Kills its process."""
    if number == 1:
        os._exit(9)
    return number


def beating(one: tuple[Path, int]) -> int:
    """Goes on until it is stopped, and lets see that it does; 0 is done at once."""
    marks, number = one
    until = time.monotonic() + 60
    while number and time.monotonic() < until:
        (marks / f"beat-{number}").write_text(str(time.time()))
        time.sleep(0.05)
    return number


def still_beats(marks: Path, *, seconds: float = 0.5) -> bool:
    """Whether a piece of work is going on."""

    def beats() -> list[str]:
        return [path.read_text() for path in sorted(marks.glob("beat-*"))]

    before = beats()
    time.sleep(seconds)
    return beats() != before


def wait_for(marks: Path, *, seconds: float = 60) -> None:
    """Wait until a piece of work is going on."""
    until = time.monotonic() + seconds
    while not [*marks.glob("beat-*")]:
        assert time.monotonic() < until, "no worker has begun"
        time.sleep(0.05)
