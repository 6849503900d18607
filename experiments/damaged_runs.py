"""Runs small enough to be damaged by the hundred, commands in this process, and ways to damage files."""

import argparse
import importlib
import io
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ntpt_pyro.experiments.recording import record
from ntpt_pyro.experiments.schedule import in_turn

TASKS = """
import pyro
import torch
from ntpt_pyro import Task, Tensor, choice, learn, observe, one_hot, runtime, switch

@learn([Tensor(4)], 2, hid_sizes=[4])
def bright(image): "Whether an image is bright."

def which(left, right, seen=None, *, library):
    side = choice("side", 2)
    with pyro.plate("examples", len(left)):
        observe("seen", switch(side, [library["bright"](left), library["bright"](right)]), seen)

def draw(count, generator):
    labels = torch.randint(2, (count, 2), generator=generator)
    images = labels[..., None] + 0.1 * torch.rand(count, 2, 4, generator=generator)
    return images[:, 0], images[:, 1], labels[:, 1]

reads = Task(which, examples=draw, functions=[bright])

@runtime([5, 5], 5)
def add(x, y): return (x + y) % 5

@runtime([5, 5], 5)
def times(x, y): return x * y % 5

def sums(x, y, z=None):
    function = choice("function", 3)
    with pyro.plate("examples", len(x)):
        a, b = one_hot(x, 5), one_hot(y, 5)
        observe("z", switch(function, [add(a, b), times(a, b), b]), z)

adds = Task(sums, examples=(torch.tensor([0]), torch.tensor([0]), torch.tensor([0])))
"""
"""A file of two tasks: one learns a function, of the other's inputs a solver asks for results."""
LEARN = ("--restarts=2", "--rounds=1", "--examples=60", "--test-examples=20", "--batch-size=8")
LIFETIME = (
    *("--models=ntpt", "--no-references", "--batches=8", "--batch-size=8", "--examples=20"),
    *("--operator-examples=20", "--restarts=2", "--search=1", "--every=4"),
)
PATIENCE = 120.0
"""Seconds after which a command is ended."""


def tried_at_random(
    experiment: str, options: argparse.Namespace, trial: Callable[[Random, Path], Mapping[str, Any]]
) -> dict[str, Any]:
    """Try something in a folder of its own, on one thread, and record what came of it.

    :param experiment: the module that was run.
    :param options: of its command line, a seed among them.
    :param trial: from what decides and a folder to what was found.
    :returns: what was written.
    """
    began, threads = time.monotonic(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as place:
            found = trial(Random(options.seed), Path(place))
    finally:
        torch.set_num_threads(threads)
    return record(experiment, options, **found, seconds=round(time.monotonic() - began, 1))


@dataclass(frozen=True)
class Said:
    """What came of a command.

    :param code: its exit code; None where it ended by an error of Python's.
    :param printed: to standard output.
    :param error: to standard error, or the error of Python's.
    """

    code: int | None
    printed: str
    error: str

    @property
    def refused(self) -> bool:
        """Whether it said in one line what is wrong."""
        one_line = self.error.startswith("ntpt: ") and self.error.count("\n") == 1
        return self.code == 2 and one_line and "Traceback" not in self.error


def ntpt(*words: object, answers: str = "", until: Callable[[], bool] = lambda: False) -> Said:
    """Run a command in this process.

    :param words: of the command line.
    :param answers: what a person types.
    :param until: when it is interrupted, as by a person.
    :returns: what came of it.
    """
    printed, error, before = io.StringIO(), io.StringIO(), (sys.argv, sys.stdin)
    sys.argv, sys.stdin = ["ntpt", *map(str, words)], io.StringIO(answers)
    code: Any = 0
    try:
        with redirect_stdout(printed), redirect_stderr(error), _interrupted(until):
            importlib.import_module("ntpt_pyro.__main__").main()
    except SystemExit as ended:
        code = ended.code or 0
    except (Exception, KeyboardInterrupt) as wrong:
        return Said(None, printed.getvalue(), f"{type(wrong).__name__}: {wrong}")
    finally:
        sys.argv, sys.stdin = before
    return Said(code, printed.getvalue(), error.getvalue())


@contextmanager
def _interrupted(until: Callable[[], bool]) -> Generator[None]:
    """Look now and then whether to interrupt what is done; it is, too, where it does not end."""
    ends = time.monotonic() + PATIENCE

    def look(*_: object) -> None:
        if until() or time.monotonic() > ends:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Made:
    """A run to be damaged.

    :param name: what it is.
    :param folder: of it, never changed.
    :param command: that began it, without its folder.
    :param task: the file of its task; None where it has none.
    :param shown: folders in it that `ntpt show` reads, by the files that it reads there.
    """

    name: str
    folder: Path
    command: tuple[str, ...]
    task: Path | None
    shown: tuple[Path, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The files that are read again, below the folder."""
        return sorted(
            path.relative_to(self.folder)
            for path in self.folder.rglob("*")
            if path.suffix in (".json", ".safetensors") and not path.name.startswith("figure-")
        )

    def copied(self, to: Path) -> Path:
        """A copy to be damaged, in place of the one before."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return to

    def commands(self, copy: Path, file: Path) -> list[tuple[object, ...]]:
        """Commands that read a file of a copy."""
        found: list[tuple[object, ...]] = [(*self.command, "--out", copy, "--resume")]
        for place in self.shown:
            if file.parent == place or file.name == "library.safetensors":
                more = {"history.json": ("--plot", copy.parent / "p.png")}.get(file.name, ())
                found.append(("show", copy / place, *(("--example", 0) if file.suffix != ".json" else more)))
        return found


def made_runs(folder: Path, *, lifetimes: bool) -> list[Made]:
    """Runs of several kinds, finished and not.

    :param folder: where they are made.
    :param lifetimes: also a lifetime, which takes half a minute.
    :returns: the runs.
    """
    task = folder / "two_tasks.py"
    task.write_text(TASKS, encoding="utf-8")
    reads = ("learn", f"{task}:reads", *LEARN)
    finished = Made("finished", folder / "finished", (*reads, "--steps=40"), task, (Path(),))
    _check(ntpt(*finished.command, "--out", finished.folder), 0)
    broken = Made("broken off", folder / "broken", (*reads, "--steps=1000", "--search=1000"), task)
    _check(
        ntpt(
            *broken.command,
            "--out",
            broken.folder,
            until=lambda: {"search-0.safetensors", "history-search-0.json"} <= _names(broken.folder),
        ),
        130,
    )
    asks = ("learn", f"{task}:adds", "--strategy=solver", "--ask")
    asked = Made("asked", folder / "asked", asks, task)
    _check(ntpt(*asked.command, "--out", asked.folder, answers="a\n" * 20), 0)
    for name in ("result.json", "choices.json"):  # as where it is killed just before
        (asked.folder / name).unlink()
    if not lifetimes:
        return [finished, broken, asked]
    schedule = folder / "schedule.json"
    schedule.write_text(json.dumps(in_turn(("apply2x2/left",)).to_json()), encoding="utf-8")
    lives = ("lifelong", *LIFETIME, f"--schedule={schedule}")
    lived = Made("lifetime", folder / "lived", lives, None, (Path("ntpt-0/apply2x2-left"),))
    _check(ntpt(*lived.command, "--out", lived.folder), 0)
    return [finished, broken, asked, lived]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*")}


def _check(said: Said, code: int) -> None:
    assert said.code == code, said


def flipped(random: Random, content: bytes) -> bytes:
    """Bytes of which one bit is another, anywhere."""
    place = random.randrange(8 * len(content))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def damaged(random: Random, content: bytes, others: list[bytes]) -> tuple[str, bytes]:
    """Damage a file.

    :param random: what decides.
    :param content: of the file.
    :param others: contents of other files, of this run and of others.
    :returns: what was done, and what the file is to hold.
    """
    ways: dict[str, Callable[[], bytes]] = {
        "a bit": lambda: flipped(random, content),
        "cut": lambda: content[: random.randrange(1, len(content))],
        "cut at the beginning": lambda: content[random.randrange(1, len(content)) :],
        "empty": lambda: b"",
        "another file": lambda: random.choice([one for one in others if one != content]),
        "two files in one": lambda: content + random.choice(others),
        "nested": lambda: b"[" * 100_000,
        "null": lambda: b"null",
        "with a mark": lambda: b"\xef\xbb\xbf" + content,
        "zeros": lambda: bytes(len(content)),
        "noise": lambda: random.randbytes(len(content)),
        "another integer": lambda: _with_another_integer(random, content),
    }
    way = random.choice(list(ways))
    return way, ways[way]()


def _with_another_integer(random: Random, content: bytes) -> bytes:
    """What a person would change by hand."""
    places = [place for place, byte in enumerate(content) if byte in b"0123456789"]
    changed = bytearray(content)
    place = random.choice(places or [0])
    changed[place] = random.choice([byte for byte in b"0123456789" if byte != changed[place]])
    return bytes(changed)
