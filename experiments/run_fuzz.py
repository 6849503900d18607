"""Run folders at random: what is damaged must be noticed, in one line; and a folder is only one process's.

    python -m ntpt_pyro.experiments.run_fuzz --tries 1000 --out experiments/results/runs/fuzz.json

Runs are made, finished and broken off. In copies of them a bit is flipped (``--tries`` times, in every file
in turn), a file is damaged in another way (half as often), an input is changed (a tenth), and two processes
begin a run in one folder at once (a twentieth). From 100 tries on there is a lifetime among the runs.
"""

import argparse
import importlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from typing import Any

import torch

from ntpt_pyro.experiments.damaged_runs import (
    LEARN,
    TASKS,
    Made,
    Said,
    damaged,
    flipped,
    made_runs,
    ntpt,
    tried_at_random,
)
from ntpt_pyro.experiments.recording import main_of, parser_of

MANY = 100
"""Tries from which on there is a lifetime among the runs."""
KEPT = 10
"""Of what goes wrong, so many are kept."""
WON = ("which works in it", "one that holds a run")
"""What the loser of a race is told."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Damage runs and write what came of it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)

    def trial(random: Random, folder: Path) -> dict[str, Any]:
        runs = made_runs(folder, lifetimes=options.tries >= MANY)
        return {
            "bits": flips(random, runs, folder / "copy", options.tries),
            "folders": damages(random, runs, folder / "copy", options.tries // 2),
            "inputs": other_inputs(random, runs, folder / "copy", options.tries // 10),
            "races": races(folder, options.tries // 20),
        }

    return tried_at_random("run_fuzz", options, trial)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, data=False, out=False, tries=1000, seed=0).parse_args(arguments)


def flips(random: Random, runs: Sequence[Made], copy: Path, tries: int) -> dict[str, Any]:
    """Flip a bit, in every file in turn: it must be noticed, and the file named.

    :param random: what decides.
    :param runs: to be damaged.
    :param copy: a folder for copies.
    :param tries: how many bits.
    :returns: how many were noticed, also by file, and what was not.
    """
    places = [(made, file) for made in runs for file in made.files]

    def case(number: int) -> _Case:
        made, file = places[number % len(places)]
        content = flipped(random, (made.folder / file).read_bytes())
        return _Case(made, file, content, f"{made.name}: {file}")

    return _counted(map(case, range(tries)), copy, "files", named=True)


def damages(random: Random, runs: Sequence[Made], copy: Path, tries: int) -> dict[str, Any]:
    """Damage a file in other ways: it must be noticed, in one line.

    :param random: what decides.
    :param runs: to be damaged.
    :param copy: a folder for copies.
    :param tries: how often.
    :returns: how many were noticed, also by way, and what was not.
    """
    every = [(made.folder / file).read_bytes() for made in runs for file in made.files]
    places = [(made, file) for made in runs for file in made.files]

    def case(_: int) -> _Case:
        made, file = random.choice(places)
        way, content = damaged(random, (made.folder / file).read_bytes(), every)
        return _Case(made, file, content, way)

    return _counted(map(case, range(tries)), copy, "ways", named=False)


@dataclass(frozen=True)
class _Case:
    """A file of a run that is to have another content, and what it is counted with."""

    made: Made
    file: Path
    content: bytes
    counted_with: str


def _counted(cases: Iterable[_Case], copy: Path, by: str, *, named: bool) -> dict[str, Any]:
    """How many damaged files are noticed, and what is said of the others; the file must be named, or not."""
    noticed, tried, wrong = Counter[str](), Counter[str](), []
    for case in cases:
        (case.made.copied(copy) / case.file).write_bytes(case.content)
        said = [ntpt(*command) for command in case.made.commands(copy, case.file)]
        tried[case.counted_with] += 1
        if all(one.refused and (case.file.name in one.error or not named) for one in said):
            noticed[case.counted_with] += 1
        else:
            where = f"{case.made.name}: {case.file}"
            told = where if named else f"{where}, {case.counted_with}"
            wrong.append({"where": told, "said": [vars(one) for one in said]})
    return {
        "tried": tried.total(),
        "noticed": noticed.total(),
        by: {name: f"{noticed[name]} of {count}" for name, count in tried.items()},
        "wrong": wrong[:KEPT],
    }


def other_inputs(random: Random, runs: Sequence[Made], copy: Path, tries: int) -> dict[str, Any]:
    """Go on with a run where its task's file, or a setting, is another: it must be refused, nothing changed.

    :param random: what decides.
    :param runs: to be gone on with.
    :param copy: a folder for copies.
    :param tries: how often.
    :returns: how many were refused, and what was not.
    """
    refused, wrong = 0, []
    own = [made for made in runs if made.task is not None]
    for _ in range(tries):
        made = random.choice(own)
        assert made.task is not None
        command = made.command
        if random.random() < 0.5:
            made.task.write_text(TASKS + f"# {random.random()}\n", encoding="utf-8")
        else:
            command = (*command, f"--seed={random.randint(1, 9)}")
        made.copied(copy)
        before = _contents(copy)
        said = ntpt(*command, "--out", copy, "--resume")
        made.task.write_text(TASKS, encoding="utf-8")
        if said.refused and "the run was begun" in said.error and _contents(copy) == before:
            refused += 1
        else:
            wrong.append({"where": made.name, "said": vars(said)})
    return {"tried": tries, "refused": refused, "wrong": wrong[:KEPT]}


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def races(folder: Path, tries: int) -> dict[str, Any]:
    """Two processes begin a run in one folder at once: one works, one is told, and the result is there.

    :param folder: with the file of tasks, to race in.
    :param tries: how often.
    :returns: how many ended so, what the losers were told, and what went otherwise.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    told, wrong = Counter[str](), []
    for number in range(tries):
        out, start = folder / f"race-{number}", context.Barrier(2)
        command = ["learn", f"{folder / 'two_tasks.py'}:reads", *LEARN, "--steps=200", "--out", str(out)]
        ends = [context.Pipe(duplex=False) for _ in range(2)]
        racers = [context.Process(target=_race, args=(command, start, theirs)) for _, theirs in ends]
        for racer in racers:
            racer.start()
        said = [mine.recv() for mine, _ in ends]
        for racer in racers:
            racer.join()
        lost = [one for one in said if one.refused]
        words = next((word for one in lost for word in WON if word in one.error), None)
        whole = ntpt("show", out).code == 0
        if sorted(str(one.code) for one in said) == ["0", "2"] and words and whole:
            told[words] += 1
        else:
            wrong.append({"said": [vars(one) for one in said], "whole": whole})
    return {"tried": tries, "won by one": told.total(), "told": dict(told), "wrong": wrong[:KEPT]}


def _race(command: list[str], start: Barrier, back: Connection) -> None:
    """Begin a run when the other process does."""
    torch.set_num_threads(1)
    importlib.import_module("ntpt_pyro.runs.induce")
    start.wait()
    said: Said = ntpt(*command)
    back.send(said)
    back.close()


if __name__ == "__main__":
    main_of(__spec__)
