"""Command lines at random, each with something wrong: every one must be refused in one line.

    python -m ntpt_pyro.experiments.command_fuzz --tries 300 --seed 0 --out FILE

Commands and their options are read from `ntpt --help`, so that none is left out. Each line is tried in a
process of its own limits, in a folder of its own. It must end with exit code 2 and one line on the error
stream, print nothing else and leave nothing behind.
"""

import argparse
import io
import os
import re
import shlex
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from ntpt_pyro.experiments.command_pieces import FILES, Wrong, wrong_line
from ntpt_pyro.experiments.recording import main_of, parser_of, record
from ntpt_pyro.experiments.text_checks import Outcome
from ntpt_pyro.experiments.text_fuzz import Worker

SECONDS, MEMORY, PATIENCE = 5.0, 2**30, 60.0
"""Of the processor and bytes for a line, and seconds after which its process is ended."""
LONGEST = 2000
"""Characters of the line that says what is wrong."""
KEPT = ("ntpt", "posterior", "sums.py:task", "--out", "RUN")
"""The command that makes the run that others are asked about."""
OPTION = re.compile(r"^  (--[a-z-]+)(?: / --[a-z-]+)?(?: <(\w+)[^>]*>)?", re.MULTILINE)
Main = Callable[[], None]


@dataclass(frozen=True)
class CommandLine:
    """A command line.

    :param words: after `ntpt`.
    :param wrong: what is wrong with it.
    :param folder: what it finds where it is run.
    """

    words: tuple[str, ...]
    wrong: str
    folder: Path


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Try command lines and write what came of them.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options, began = parsed(arguments), time.monotonic()
    counts, findings = Counter[str](), list[dict[str, Any]]()
    with prepared() as folder, Worker(tried, seconds=SECONDS, memory=MEMORY, patience=PATIENCE) as worker:
        for number in range(options.tries):
            line = line_of(options.seed, number, folder)
            outcome = worker.outcome(line, "")
            counts[line.wrong] += 1
            if outcome.kind != "refused":
                words = shlex.join(["ntpt", *(word[:LONGEST] for word in line.words)])
                findings.append({"number": number, "line": words, "way": outcome.way, "said": outcome.words})
    found = {
        "tries": options.tries,
        "refused": options.tries - len(findings),
        "seconds": round(time.monotonic() - began, 1),
        "wrong": dict(counts.most_common()),
        "findings": findings,
    }
    return record("command_fuzz", options, date=time.strftime("%Y-%m-%d"), **found) if options.out else found


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, data=False, out=False, tries=300, seed=0).parse_args(arguments)


def line_of(seed: int, number: int, folder: Path) -> CommandLine:
    """A command line with something wrong.

    :param seed: of all.
    :param number: of this.
    :param folder: that it is run in a copy of.
    :returns: the same line every time.
    """
    made: Wrong = wrong_line(Random(f"{seed} {number}"), surface())
    return CommandLine(tuple(made.words), made.what, folder)


@cache
def surface() -> dict[str, dict[str, str]]:
    """For every command the kind of value of each of its options, empty for a flag; as the help says."""
    _, told, _ = said("ntpt", "--help")
    names = re.findall(r"^  ([a-z]+)  +\S", told, re.MULTILINE)
    return {name: dict(OPTION.findall(said("ntpt", name, "--help")[1])) for name in names}


@contextmanager
def prepared() -> Iterator[Path]:
    """A folder with a task, a text and its files, a run, and files that are none of these."""
    with TemporaryDirectory() as place, inside(Path(place)):
        for name, content in FILES.items():
            Path(name).write_bytes(content)
        Path("empty").mkdir()
        code, _, error = said(*KEPT)
        assert code == 0, error
        yield Path(place)


def tried(line: CommandLine, _: str) -> Outcome:
    """Try a command line in a copy of its folder.

    :param line: the line.
    :returns: refused, or what went wrong.
    """
    with TemporaryDirectory() as place:
        own = Path(place) / "own"
        shutil.copytree(line.folder, own)
        with inside(own):
            before = contents(own)
            try:
                code, out, error = said("ntpt", *line.words)
            except Exception as broken:
                return Outcome("traceback", type(broken).__name__, traceback.format_exc(limit=-3))
            left = sorted(map(str, {path for path, _ in contents(own) ^ before}))
    lines = error.splitlines()
    excerpt = len(lines) == 3 and lines[2].strip() == "^"  # a place in a text
    if code != 2:
        return Outcome("exit code", str(code), f"{out[-300:]}{error[-300:]}")
    if not lines or not lines[0].startswith("ntpt: ") or (len(lines) > 1 and not excerpt):
        return Outcome("lines", str(len(lines)), error[:LONGEST])
    if len(lines[0]) > LONGEST or not lines[0].isprintable():
        return Outcome("message", "too long, or cannot be printed", lines[0][:LONGEST])
    if out:
        return Outcome("printed", "before it was refused", out[:LONGEST])
    return Outcome("left", "files", ", ".join(left)) if left else Outcome("refused", words=lines[0])


def contents(folder: Path) -> set[tuple[Path, bytes | None]]:
    """Everything in a folder, files by what they hold."""
    return {
        (path.relative_to(folder), path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def said(*words: str) -> tuple[int, str, str]:
    """Run the installed command in this process.

    :param words: of the command line.
    :returns: its exit code, and what it printed to either stream.
    """
    out, error = io.StringIO(), io.StringIO()
    (command,) = entry_points(group="console_scripts", name=words[0])
    run: Main = command.load()
    code = 0
    with mock.patch.object(sys, "argv", list(words)), redirect_stdout(out), redirect_stderr(error):
        try:
            run()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), error.getvalue()


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder for a while; what is imported from there is forgotten."""
    before, known, path = Path.cwd(), set(sys.modules), list(sys.path)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]


if __name__ == "__main__":
    main_of(__spec__)
