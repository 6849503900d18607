"""Training steps of today beside those of the last recorded commit, and beside plain torch, in turn.

    make bench

Both packages run in processes of their own, which take turns, so that what else the machine does hits them
alike. The figures to look at are ratios; nothing is asserted, and nothing recorded (``benchmark`` does that).
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from ntpt_pyro import experiments
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import step_server
from ntpt_pyro.experiments.recording import main_of

TREE = Path(experiments.__file__).resolve().parents[1]
RECORD = TREE / "experiments" / "results" / "benchmark" / "cpu.json"
AT_ONCE = 5
"""Steps of one package before the other takes its turn."""
SHOWN = {
    "ADD2X2, R=1": ("marginal-1", "by-hand-1"),
    "ADD2X2, R=32": ("marginal-32", "by-hand-32"),
    "turing invert, R=1": ("invert-1", None),
}
"""Steps, and the same written by hand."""


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Measure, and print a table.

    :param arguments: of the command line; None takes those of the process.
    :returns: by step the medians in milliseconds: today's, then's, by hand.
    """
    options = parsed(arguments)
    commit = options.commit or json.loads(RECORD.read_text(encoding="utf-8"))["commit"]
    with ExitStack() as open_:
        then = open_.enter_context(_server(open_.enter_context(_tree_of(commit))))
        today = open_.enter_context(_server(TREE))
        found = {name: _medians(*steps, today, then, options.rounds) for name, steps in SHOWN.items()}
    print(
        f"{'a training step':<22}{'today':>10}{commit[:9]:>12}{'by hand':>10}{'/ then':>9}{'/ by hand':>11}"
    )
    for name, one in found.items():
        times = [f"{one[what]:.2f} ms" if what in one else "" for what in ("today", "then", "by hand")]
        ratios = [f"{one['today'] / one[what]:.2f}" if what in one else "" for what in ("then", "by hand")]
        print(f"{name:<22}{times[0]:>10}{times[1]:>12}{times[2]:>10}{ratios[0]:>9}{ratios[1]:>11}")
    return found


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help=f"turns of {AT_ONCE} steps each")
    parser.add_argument("--commit", help="to compare with (default: that of the last record)")
    return parser.parse_args(arguments)


def _medians(step: str, by_hand: str | None, today: Any, then: Any, rounds: int) -> dict[str, float]:
    """Medians in milliseconds, the processes in turn."""
    asked = {"today": (today, step), "then": (then, step)}
    if by_hand is not None:
        asked["by hand"] = (today, by_hand)
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, (server, what) in asked.items():
            taken[name] += _ask(server, what)
    return {name: median(times) for name, times in taken.items()}


def _ask(server: "subprocess.Popen[str]", step: str) -> list[float]:
    assert server.stdin is not None
    assert server.stdout is not None
    with suppress(BrokenPipeError):  # it has ended, so that no answer comes
        print(f"{step} {AT_ONCE}", file=server.stdin, flush=True)
    answer = server.stdout.readline()
    if not answer:
        raise UsageError(
            "bench",
            expected=f"milliseconds of {step}",
            got="nothing",
            remedy="see the error above, or name another --commit",
        )
    found: list[float] = json.loads(answer)
    return found


@contextmanager
def _tree_of(commit: str) -> Iterator[Path]:
    """A copy of the files of a commit."""
    made = subprocess.run(["git", "archive", commit], cwd=TREE, capture_output=True, check=False)
    if made.returncode:
        raise UsageError(
            "--commit", expected="a commit of this repository", got=commit, remedy="fetch it, or name another"
        )
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(made.stdout)) as files:
            files.extractall(folder, filter="tar")
        yield Path(folder)


@contextmanager
def _server(tree: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that takes steps with the package of a tree."""
    server = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", str(Path(step_server.__file__))],
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield server
    finally:
        server.kill()
        server.wait()
        for pipe in (server.stdin, server.stdout):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]  # both are there


if __name__ == "__main__":
    main_of(__spec__)
