"""Everything that is tried at random, one part after the other.

    make fuzz ARGS="--budget 1.0 --out experiments/results/fuzz/all.json"

Program texts, run folders, command lines, kills, and calls from Python. A budget of 1 takes about an hour.
Each part is recorded when it is done, and an interrupted recording goes on with the next. What goes wrong is
kept, by its seed.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ntpt_pyro.experiments import command_fuzz, kill_fuzz, run_fuzz, text_fuzz
from ntpt_pyro.experiments.recording import main_of, parser_of, parts_of, record_parts, several

TESTS = Path(__file__).resolve().parents[1] / "tests" / "inference" / "test_python_interface.py"
"""Calls from Python, tried by hypothesis."""
LARGE = {"texts": 5000, "runs": 1000, "commands": 1000, "kills": 200, "interface": 2000}
"""Tries of each part for a budget of 1; of calls from Python so many of each test."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Try and write what came of it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    parts = {
        "texts": partial(texts, int(_tries(options, "texts")), options.seed),
        "runs": partial(run_fuzz.main, ["--tries", _tries(options, "runs"), *_seed(options)]),
        "commands": partial(command_fuzz.main, ["--tries", _tries(options, "commands"), *_seed(options)]),
        "kills": partial(kill_fuzz.main, ["--tries", _tries(options, "kills"), *_seed(options)]),
        "interface": partial(interface, int(_tries(options, "interface"))),
    }
    made: dict[str, Callable[[], Any]] = {name: partial(_figure, name, parts[name]) for name in parts}
    return record_parts("fuzz", options, parts_of(options.part, made), date=time.strftime("%Y-%m-%d"))


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, seed=0)
    parser.add_argument("--budget", type=float, default=1.0, help="times the tries of the large one")
    parser.add_argument("--part", type=several, default=list(LARGE))
    return parser.parse_args(arguments)


def _tries(options: argparse.Namespace, part: str) -> str:
    return str(max(1, round(options.budget * LARGE[part])))


def _seed(options: argparse.Namespace) -> list[str]:
    return ["--seed", str(options.seed)]


def _figure(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Callable[[], Any]]:
    """What a part found, without what the whole record says already."""
    left_out = ("command", "versions", "commit", "date")
    return {name: lambda: {key: value for key, value in measure().items() if key not in left_out}}


def texts(tries: int, seed: int) -> dict[str, Any]:
    """Try program texts.

    :param tries: how many.
    :param seed: of all.
    :returns: what :mod:`~ntpt_pyro.experiments.text_fuzz` writes.
    """
    with TemporaryDirectory() as place:
        out = Path(place) / "texts.json"
        return text_fuzz.main(["--inputs", str(tries), "--seed", str(seed), "--out", str(out)])


def interface(tries: int) -> dict[str, Any]:
    """Try calls from Python.

    :param tries: of each test.
    :returns: how many tests passed, and the end of what was printed where one did not.
    """
    began = time.monotonic()
    with TemporaryDirectory() as place:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", str(TESTS)],
            env={**os.environ, "NTPT_FUZZ": str(tries), "HYPOTHESIS_STORAGE_DIRECTORY": place},
            cwd=TESTS.parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    seconds = round(time.monotonic() - began, 1)
    return {
        "tries of each": tries,
        **counts,
        "wrong": done.stdout[-3000:] if done.returncode else "",
        "seconds": seconds,
    }


if __name__ == "__main__":
    main_of(__spec__)
