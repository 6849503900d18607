"""What a solver finds and proves, and how long it takes.

    python -m ntpt_pyro.experiments.solver_figures --part trained --data DATA --library LIBRARY
        --out experiments/results/solver/trained.json

Parts: `texts` and `determined` (the program texts in models/terpret), `trained` (tasks whose networks a
library has), `scale` (adders, sorting networks), `parity` (chains of bits). What is measured is written after
each figure; the same command goes on where it was interrupted.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import find_task
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments.recording import Figures, main_of, parts_of, parts_parser, record_parts
from ntpt_pyro.experiments.solver_determined import determined_figures
from ntpt_pyro.experiments.solver_scale import parity_figures, scale_figures
from ntpt_pyro.experiments.solver_texts import text_figures
from ntpt_pyro.inference.solver.likeliest import LEAST
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.solution import Questions, Solution, solve
from ntpt_pyro.runs import load_library
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate
from ntpt_pyro.tasks import task_names

FIGURES = "solver_figures"
PARTS = ("texts", "determined", "trained", "scale", "parity")
EXAMPLES = 64
"""Of each task whose networks are trained."""
MANY = 4
"""Times as many seeds has MATH: the others are four tasks of a kind."""


@dataclass(frozen=True)
class TrainedSolved:
    """What a solver found of tasks whose networks are trained, a run a task and a seed.

    :param right: programs that are right, by the task's own judge.
    :param proved: runs that ended ``optimal``: no program with other results is as likely.
    :param closed: those of them where no program at all is more likely.
    :param gap: in nats, how much more likely a program could be.
    :param seconds: until the program was found and proved, the circuit's included.
    """

    tasks: list[str]
    data: str
    right: Rate
    proved: Rate
    closed: Rate
    gap: Spread
    clauses: Spread
    seconds: Spread


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts and write the figures.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    :raises UsageError: where a part is unknown or lacks its library, or the file is another recording.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    threads = torch.get_num_threads()
    return record_parts(FIGURES, options, _parts(options), threads=threads)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parts_parser(__doc__, PARTS).parse_args(arguments)


def _parts(options: argparse.Namespace) -> dict[str, Figures]:
    """What measures the figures, by part and name."""
    seeds = range(options.seeds)
    made: dict[str, Callable[[], Figures]] = {
        "texts": partial(text_figures, seeds),
        "determined": determined_figures,
        "trained": partial(trained_figures, options.data, options.library, seeds),
        "scale": scale_figures,
        "parity": partial(parity_figures, seeds),
    }
    return parts_of(options.part, made)


def trained_figures(
    data: Path | None, library: Path | None, seeds: Sequence[int]
) -> dict[str, Callable[[], Any]]:
    """MATH, and the four tasks of APPLY2X2 and of ADD2X2.

    :raises UsageError: where there is no library.
    """
    if library is None:
        raise UsageError("library", expected="trained networks", got="none", remedy="name it (--library)")
    kinds = {
        kind: [name for name in task_names() if name.startswith(kind)] for kind in ("apply2x2", "add2x2")
    }
    many = range(MANY * len(seeds))
    found: dict[str, Callable[[], Any]] = {"math": partial(_solved, ["math"], data, library, many)}
    return found | {kind: partial(_solved, names, data, library, seeds) for kind, names in kinds.items()}


def _solved(names: list[str], data: Path | None, path: Path, seeds: Sequence[int]) -> TrainedSolved:
    rows: list[Solution] = []
    right = 0
    for name in names:
        task = find_task(name, data=data)
        library = load_library(path, task.functions).eval()
        for seed in seeds:
            examples = task.draw(EXAMPLES, torch.Generator().manual_seed(seed)).tensors
            with ProgramSolver(task.with_library(library), examples, least=LEAST) as solver:
                found = solve(solver, Questions(task.observed, simplest=False, determined=False))
            best = found.explanation
            rows.append(found)
            right += bool(best.program is not None and task.right(best.program, library))
            print(name, seed, right, best.status, round(best.gap, 2), round(best.seconds, 2), flush=True)
    gaps = [round(row.explanation.gap, 3) for row in rows]
    return TrainedSolved(
        names,
        task.data_sources()["train"],
        success_rate(right, len(rows)),
        success_rate(sum(row.explanation.status == "optimal" for row in rows), len(rows)),
        success_rate(sum(gap == 0 for gap in gaps), len(rows)),
        spread(gaps),
        spread([row.clauses for row in rows]),
        spread([round(row.explanation.seconds, 2) for row in rows]),
    )


if __name__ == "__main__":
    main_of(__spec__)
