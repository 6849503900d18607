"""A small run of each kind, with its page, made by the commands that a person types."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library, MeanFieldPosterior, find_task
from ntpt_pyro.cli import main
from ntpt_pyro.models import path_len
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs import verdict
from ntpt_pyro.tasks import user_files
from tests.small import FLAGS, keep_run, random_images

TEXT = Path(__file__).parents[2] / "models" / "terpret" / "turing.terpret"
MINE = """
from tests.two_registers import execute, sum_task
from tests.runs.reading import reading_task
sums = sum_task(execute=execute)
reads = reading_task()
"""
QUICK = ("--restarts=2", "--steps=6", "--rounds=1")
# L0: R0 = MOVE(net_0); L1: R1 = APPLY(R1, R0, R2); L2: R2 = MOVE(net_1); and round.
LOOP = dict.fromkeys(
    [f"{part}_{b}" for b in range(3) for part in ("instr", "net_choice", "left", "right", "op", "goto")], 0
) | {"goto_0": 1, "instr_1": 1, "left_1": 1, "op_1": 2, "goto_1": 2, "net_choice_2": 1, "return": 1}
WALK = {"instr_0": 0, "instr_1": 2, "instr_2": 1, "goto_0": 2, "goto_1": 0, "goto_2": 1}
APPLY = dict.fromkeys([f"{part}_{k}" for k in range(1, 5) for part in ("instr", "left", "right", "op")], 0)
APPLY |= {"instr_1": 3, "instr_2": 5, "left_2": 1, "right_2": 2, "op_2": 4, "return": 5}
INVERT = {
    f"{name}_0_{k}": integer
    for name, row in {"write": (1, 0, 2), "direction": (1, 1, 1), "following": (0, 0, 1)}.items()
    for k, integer in enumerate(row)
}
KINDS = ("grid", "operators", "tape", "walk", "text", "user", "networks", "posterior", "solved")


@dataclass(frozen=True)
class Paged:
    """A run, and its page."""

    run: Path
    page: Path


@contextmanager
def at_work(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Work in a folder, as a person does, with random images; of the folder's own modules none stays."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        random_images(patch)
        patch.setattr(verdict, "DRAWN", 10)
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(user_files, "_loaded", {})
        patch.chdir(folder)
        patch.delenv("NTPT_DATA", raising=False)
        yield patch
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def command(folder: Path, *words: object) -> str:
    """What a command prints that is typed in a folder."""
    with at_work(folder) as patch, redirect_stdout(StringIO()) as printed:
        patch.setattr(sys, "argv", ["ntpt", *map(str, words)])
        with suppress(SystemExit):
            main()
    return printed.getvalue()


def paged(kind: str, folder: Path) -> Paged:
    """A run of a kind, and its page."""
    (folder / "mine.py").write_text(MINE)
    run, page = folder / "run", folder / "page.html"
    learned = {
        "grid": ("learn", "add2x2/top", *FLAGS),
        "user": ("learn", "mine.py:sums", *QUICK),
        "networks": ("learn", "mine.py:reads", *QUICK, "--examples=40", "--test-examples=50"),
        "posterior": ("posterior", "mine.py:sums"),
        "solved": ("posterior", "mine.py:sums", "--strategy=solver"),
    }
    if kind in learned:
        command(folder, *learned[kind], "--out", run, "--html", page)
    else:
        with at_work(folder):
            keep_program(kind, run)
        command(folder, "show", run, "--html", page)
    return Paged(run, page)


def keep_program(kind: str, run: Path) -> None:
    """A run that ended with a certain program, of a task that is slow to learn."""
    name, program, functions = {
        "operators": ("apply2x2/left", APPLY, [net_1]),
        "tape": ("math", LOOP, [net_0, net_1]),
        "walk": ("path_len", WALK, [path_len.LOOK]),
        "text": (f"{TEXT}:invert", INVERT, []),
    }[kind]
    library = Library(functions, seed=0)
    task = find_task(name)
    words = task.alternatives(library, task.draw(1, torch.Generator().manual_seed(0)))
    said = {site: program[site] for site in words}
    keep_run(
        run,
        name,
        said,
        library,
        words=words,
        lines=task.lines(program),
        posterior=MeanFieldPosterior({site: rather(said[site], len(w)) for site, w in words.items()}),
    )


def rather(integer: int, size: int) -> torch.Tensor:
    """A distribution that is not sure of an integer."""
    probs = torch.full((size,), 0.3 / max(size - 1, 1))
    probs[integer] = 0.7
    return probs / probs.sum()
