"""Commands killed at random moments and gone on with: each must end as if nothing had happened.

    python -m ntpt_pyro.experiments.kill_fuzz --tries 200 --out experiments/results/runs/kills.json

Every command is run once to its end. Then, in turn, it is begun again in another folder, killed with all its
processes at a random moment, once to three times, and gone on with to its end (``--resume``). What the folder
then holds must be what it holds where nothing was killed, but for seconds and the checksums over them.
"""

import argparse
import json
import os
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from safetensors.torch import load_file

from ntpt_pyro.experiments.damaged_runs import LEARN, LIFETIME, TASKS, ntpt, tried_at_random
from ntpt_pyro.experiments.recording import main_of, parser_of

MOST_KILLS = 3
"""Of one run."""
SMALL = ("--steps=40", "--search=20", "--look=10")
COMMANDS: dict[str, tuple[str, ...]] = {
    "posterior": ("posterior", "{tasks}:adds_six"),
    "learn, solver": ("learn", "{tasks}:adds_six", "--strategy=solver"),
    "restarts": ("restarts", "{tasks}:adds_six", "--restarts=4", "--steps=20"),
    "learn": ("learn", "{tasks}:reads", *LEARN, *SMALL),
    "learn, sampled": ("learn", "{tasks}:reads", "--strategy=relaxed", *LEARN, *SMALL),
    "learn, em": ("learn", "{tasks}:reads", "--strategy=em", "--examples=60"),
    "lifelong": ("lifelong", *LIFETIME),
}
"""What is killed, the quickest first; ``{tasks}`` is a file of tasks."""
SIX = """
adds_six = Task(sums, examples=(torch.arange(6) % 5, torch.arange(6) % 3, torch.arange(6) % 3))
"""
VOLATILE = ("seconds", "evaluated", "checksum", "at_equal_cost")
"""Parts of names of what may differ: what the last session took, what follows from it, and sums over files
that hold it."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Kill commands and write what came of it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    return tried_at_random("kill_fuzz", options, lambda random, place: kills(random, place, options.tries))


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, data=False, out=False, tries=200, seed=0).parse_args(arguments)


def kills(random: Random, place: Path, tries: int) -> dict[str, Any]:
    """Kill each command in turn.

    :param random: what decides when.
    :param place: a folder for the runs.
    :param tries: how many runs are killed.
    :returns: how many ended as if nothing had happened, also by command, and what did not.
    """
    tasks = place / "tasks.py"
    tasks.write_text(TASKS + SIX)
    names = list(COMMANDS)[:tries]
    whole, took = {}, {}
    for name in names:
        began = time.monotonic()
        if _run(_command(name, tasks, place / "whole")) != 0:
            raise AssertionError(f"{name} does not come to its end")
        took[name], whole[name] = time.monotonic() - began, contents(place / "whole")
        shutil.rmtree(place / "whole")
    equal, killed, tried, wrong = Counter[str](), Counter[str](), Counter[str](), []
    for number in range(tries):
        name, folder = names[number % len(names)], place / "killed"
        command = _command(name, tasks, folder)
        for _ in range(random.randint(1, MOST_KILLS)):
            killed[name] += _kill(_resumed(command, folder), after=random.uniform(0, took[name]))
        code = _run(_resumed(command, folder))
        tried[name] += 1
        different = _difference(whole[name], contents(folder))
        if code == 0 and different is None:
            equal[name] += 1
        else:
            wrong.append({"command": name, "number": number, "code": code, "different": different})
        shutil.rmtree(folder, ignore_errors=True)
    by_name = {name: {"equal": equal[name], "of": tried[name], "kills": killed[name]} for name in names}
    return {
        "equal": sum(equal.values()),
        "tried": sum(tried.values()),
        "kills": sum(killed.values()),
        "commands": by_name,
        "wrong": wrong,
    }


def _command(name: str, tasks: Path, out: Path) -> list[str]:
    return [word.format(tasks=tasks) for word in COMMANDS[name]] + ["--out", str(out)]


def _resumed(command: list[str], folder: Path) -> list[str]:
    """A command, to be gone on with where there is something to go on with."""
    return [*command, "--resume"] if folder.exists() and any(folder.iterdir()) else command


def _alone(command: list[str]) -> None:
    """Run a command as the leader of a group of processes."""
    os.setsid()
    said = ntpt(*command)
    os._exit(99 if said.code is None else said.code)


def _run(command: list[str]) -> int | None:
    """Run a command to its end; gives its exit code."""
    process = get_context("fork").Process(target=_alone, args=(command,))
    process.start()
    process.join()
    return process.exitcode


def _kill(command: list[str], *, after: float) -> bool:
    """Run a command and kill it with all its processes; gives whether it still ran."""
    process = get_context("fork").Process(target=_alone, args=(command,))
    process.start()
    process.join(after)
    running = process.is_alive()
    if running:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()
    process.join()
    return running


def contents(folder: Path) -> dict[str, Any]:
    """What a folder holds, by file: what may differ left out, weights by their numbers.

    :param folder: of a run.
    :returns: by the file's path in it.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".json":
            found[name] = _steady(json.loads(path.read_text(encoding="utf-8")))
        elif path.suffix == ".safetensors":
            found[name] = {key: tensor.tolist() for key, tensor in load_file(path).items()}
        elif path.is_file() and not path.name.startswith("."):
            found[name] = path.suffix  # a picture: its numbers are in a file beside it
    return found


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(one) for key, one in value.items() if not any(part in key for part in VOLATILE)}
    return [_steady(one) for one in value] if isinstance(value, list) else value


def _difference(whole: dict[str, Any], found: dict[str, Any]) -> str | None:
    """The first file that differs; None where none does."""
    for name in sorted({*whole, *found}):
        if whole.get(name) != found.get(name):
            return name
    return None


if __name__ == "__main__":
    main_of(__spec__)
