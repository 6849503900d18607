"""Runs a page of the documentation: its Python, the files that it writes, its commands, its changes to files.

=====================  ==============================================================================
block                  what happens
=====================  ==============================================================================
```python              is run; a ```text block right below it is what it prints
```python FILE         is added to the end of FILE; ```json FILE too
```console             each line that begins with ``$`` is run; the lines below it are what it prints
```diff FILE           the changes, separated by ``@@``, are made to FILE
=====================  ==============================================================================

What is printed may be shortened by ``...``, as in a doctest. Percentages, seconds, nats and "5 of 16" may
differ from one machine to the next. Other blocks are for people only.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.cli import main
from ntpt_pyro.tasks import user_files

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
RUN = ("python", "json", "console", "diff")
WIDTH = 100
"""Characters of a line that commands print."""

VARIES = re.compile(r"-?[0-9][0-9,.]*(?=%| s\b| nats| a second)|\b[0-9]+(?= of [0-9])")
"""What commands print that may differ from one machine to the next."""

Shell = Callable[[str], str]
"""Runs a command line, and gives what it prints."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    :param language: the first word of its fence.
    :param file: the second.
    :param text: what is in it.
    :param printed: the text block below it.
    """

    language: str
    file: str
    text: str
    printed: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that are run, in order."""
    found = (Block(*match) for match in BLOCK.findall(page.read_text(encoding="utf-8")))
    return [block for block in found if block.language in RUN]


def run_page(page: Path, folder: Path, shell: Shell) -> None:
    """Run a page in a folder; raises where something prints what the page does not say."""
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks(page):
        if block.language == "console":
            for command, expected in commands(block.text):
                compare(f"$ {command}", shell(command), expected)
        elif block.language == "diff":
            change(folder / block.file, block.text)
        elif block.file:
            file = folder / block.file
            with file.open("a", encoding="utf-8") as opened:
                opened.write(("\n\n" if file.stat().st_size else "") + block.text)
        else:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, page.name, "exec"), names)
            compare(block.text, printed.getvalue(), block.printed)


def compare(what: str, printed: str, expected: str) -> None:
    """Raise where what is printed is not what is expected."""
    printed, expected = (
        "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines()) for text in (printed, expected)
    )
    masked, wanted = (VARIES.sub("#", text) for text in (printed, expected))
    if not doctest.OutputChecker().check_output(wanted, masked, doctest.ELLIPSIS):
        raise AssertionError(f"{what}\nprints\n{printed}\nand the page says\n{expected}")


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the lines below it."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            command, printed = found.pop()
            found.append((command, f"{printed}{line}\n"))
    return found


def change(file: Path, diff: str) -> None:
    """Make changes to a file: lines that begin with + come, those with - go, others say where."""
    source = file.read_text(encoding="utf-8")
    for one in diff.split("@@\n"):
        lines = one.splitlines()
        before, after = ("".join(f"{line[1:]}\n" for line in lines if line[:1] != sign) for sign in "+-")
        assert source.count(before) == 1, f"{file.name} has not, or not once, the lines\n{before}"
        source = source.replace(before, after)
    file.write_text(source, encoding="utf-8")


def in_this_process(command: str) -> str:
    """Run ``ntpt`` here, which is quick; all else in a shell, what ``ntpt`` is piped into too."""
    command, _, reader = command.partition(" | ")
    words = shlex.split(command)
    if words[0] != "ntpt":
        return in_a_shell(f"{command} | {reader}" if reader else command)
    printed = printed_here(words)
    return in_a_shell(reader, given=printed) if reader else printed


def printed_here(words: list[str]) -> str:
    """What a command prints that is run in this process, to either stream."""
    printed, before = io.StringIO(), sys.argv
    sys.argv = words
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            main()
    except SystemExit:
        pass
    finally:
        sys.argv = before
    return printed.getvalue()


def in_a_shell(command: str, *, given: str = "") -> str:
    """Run a command line in a shell; leaves out what the shell itself says, as of a killed process."""
    run = subprocess.run(
        ["bash", "-c", command],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "".join(line for line in run.stdout.splitlines(keepends=True) if not line.startswith("bash: "))


def folder_of_command(beside: Path) -> Path:
    """A new folder with the command ``ntpt`` of this interpreter."""
    folder = beside.with_name(f"{beside.name}-bin")
    folder.mkdir()
    command = folder / "ntpt"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ntpt_pyro "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return folder


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[None]:
    """Be in a folder, with one thread, no accelerator and lines of one width; nothing stays afterwards."""
    threads, paths, modules = torch.get_num_threads(), list(sys.path), set(sys.modules)
    torch.set_num_threads(1)
    sys.path.append(str(folder))
    environment = dict(os.environ)
    os.environ |= {"COLUMNS": str(WIDTH), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    os.environ["PATH"] = f"{folder_of_command(folder)}{os.pathsep}{os.environ['PATH']}"
    os.environ.pop("NTPT_DATA", None)
    if not (folder / "models").exists():  # the texts in TerpreT, as from a checkout
        (folder / "models").symlink_to(ROOT / "models")
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        torch.set_num_threads(threads)
        sys.path[:] = paths
        os.environ.clear()
        os.environ.update(environment)
        for file in [file for file in user_files._loaded if file.is_relative_to(folder.resolve())]:
            del user_files._loaded[file]
        for name in set(sys.modules) - modules:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder):
                del sys.modules[name]
