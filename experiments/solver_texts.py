"""What a solver finds of the program texts in models/terpret: a part of `solver_figures`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.experiments.solver_determined import BLANK, all_right, decrement, first_found, text_named
from ntpt_pyro.experiments.texts import TASKS
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.inference.solver.simplest import simplest
from ntpt_pyro.language.program import Program
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate
from ntpt_pyro.terpret import TerpretModel

SIMPLEST = 10.0
"""Seconds at most for the simplest program, where nothing else is asked."""
NUMBERS = range(1, 256)
"""What decrement is tried on: each in binary without leading zeros, so 255 tapes of 1 to 8 digits."""
Figures = dict[str, Callable[[], Any]]
"""By name what measures a figure."""


@dataclass(frozen=True)
class TextSolved:
    """What runs found that saw the instances in different orders.

    :param programs: the decimal logarithm of their number.
    :param first_right: runs whose first program reproduces every batch; of decrement under 4 states those
        that decrement all :data:`NUMBERS`.
    :param simplest_right: the same of the simplest program.
    :param simplest_proved: runs that proved it to be the simplest, within :data:`SIMPLEST` seconds.
    :param reads: how many of the choices the simplest one reads; all where that was not found out.
    :param seconds_found: until the first program, proved to explain every instance, with the circuit.
    :param seconds: until the simplest one.
    :param first_tapes: numbers that the first program decrements; None of other tasks.
    :param simplest_tapes: the same of the simplest one.
    """

    instances: int
    choices: int
    programs: float
    first_right: Rate
    simplest_right: Rate
    simplest_proved: Rate
    reads: Spread
    clauses: Spread
    seconds_found: Spread
    seconds: Spread
    first_tapes: Spread | None = None
    simplest_tapes: Spread | None = None


@dataclass(frozen=True)
class _Run:
    first: Program
    best: Program
    reads: int
    proved: bool
    clauses: int
    seconds_found: float
    seconds: float


def text_figures(seeds: Sequence[int]) -> Figures:
    """Every task of a text, solved once a seed."""
    found: Figures = {
        f"{text} {name}": partial(_solved_often, text, name, seeds)
        for text, names in TASKS.items()
        for name in names
    }
    return found | {"turing decrement, 4 states": partial(_decrement, seeds)}


def _runs(model: TerpretModel, data: Sequence[Tensor], seeds: Sequence[int]) -> list[_Run]:
    """The instances solved in a different order a seed."""
    found = []
    for seed in seeds:
        order = torch.randperm(len(data[0]), generator=torch.Generator().manual_seed(seed))
        clock = Clock(None)
        with ProgramSolver(model, [tensor[order] for tensor in data]) as solver:
            first, seconds_found = first_found(solver, len(model.outputs)), round(clock.spent, 3)
            best, simple = simplest(solver, first, seconds=SIMPLEST)
            assert first.program is not None
            assert best.program is not None
            reads, proved = (len(solver.choices), False) if simple is None else (simple.count, simple.proved)
            clauses, seconds = solver.engine.clauses, round(clock.spent, 3)
            run = _Run(first.program, best.program, reads, proved, clauses, seconds_found, seconds)
        found.append(run)
    return found


def _summary(
    model: TerpretModel, instances: int, runs: Sequence[_Run], right: Sequence[tuple[bool, bool]], **more: Any
) -> TextSolved:
    return TextSolved(
        instances=instances,
        choices=len(runs[0].first),
        programs=round(sum(log10(cell.size) for cell in model.params if cell.site in runs[0].first), 1),
        first_right=success_rate(sum(first for first, _ in right), len(runs)),
        simplest_right=success_rate(sum(best for _, best in right), len(runs)),
        simplest_proved=success_rate(sum(run.proved for run in runs), len(runs)),
        **{
            name: spread([getattr(run, name) for run in runs])
            for name in ("reads", "clauses", "seconds_found", "seconds")
        },
        **more,
    )


def _solved_often(text: str, name: str, seeds: Sequence[int]) -> TextSolved:
    task = text_named(text, name)
    runs = _runs(task.train.model, task.train.tensors, seeds)
    right = [(all_right(task, run.first), all_right(task, run.best)) for run in runs]
    return _summary(task.train.model, len(task.train.instances), runs, right)


def _decrement(seeds: Sequence[int]) -> TextSolved:
    """Decrement under the 4 states of TerpreT's own hypers, tried on :data:`NUMBERS`."""
    train = text_named("turing", "decrement").train
    hypers = {**train.model.hypers, "states": 4}
    model = TerpretModel(train.model.source, hypers)
    larger = TerpretModel(train.model.source, {**hypers, "tape_length": 12, "steps": 40})
    runs = _runs(model, train.tensors, seeds)
    tapes = [(_decremented(larger, run.first), _decremented(larger, run.best)) for run in runs]
    return _summary(
        model,
        len(train.instances),
        runs,
        [(first == len(NUMBERS), best == len(NUMBERS)) for first, best in tapes],
        first_tapes=spread([first for first, _ in tapes]),
        simplest_tapes=spread([best for _, best in tapes]),
    )


def _decremented(model: TerpretModel, program: Program) -> int:
    """How many of :data:`NUMBERS` a machine decrements, and halts."""
    found, length = 0, int(model.hypers["tape_length"])
    for number in NUMBERS:
        digits = [int(digit) for digit in f"{number:b}"]
        rest = [BLANK] * (length - len(digits))
        tape, halted = decrement([*digits, *rest])
        given = model.run(program, {"initial_tape": [*digits, *rest]})
        found += given == {"final_tape": tape, "final_halted": halted}
    return found
