"""ADD2X2: straight-line programs that add digits read from a 2x2 grid of images.

Gaunt et al. 2017, sections 3 and 4.2. A read head starts at the top-left cell. A program has up to four
lines; each executes one instruction and keeps its result in a register of its own; one register is returned.
Only sums are observed, never a digit.
"""

from typing import TypeVar

import numpy as np
import pyro
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import (
    Library,
    Line,
    Program,
    Value,
    choice,
    constant,
    observe,
    runtime,
    select,
    stack,
    switch,
    var,
    widen,
)

LINES = 4
RANGE = 19
"""Registers hold 0..18 (the paper's M = 18)."""
INSTRUCTIONS = ("NOOP", "MOVE_NORTH", "MOVE_EAST", "MOVE_SOUTH", "MOVE_WEST", "ADD")
NOOP, MOVE_NORTH, MOVE_EAST, MOVE_SOUTH, MOVE_WEST, ADD = range(6)
# Cells are numbered row by row: 0 top left, 1 top right, 2 bottom left, 3 bottom right.
CELLS, TOP_LEFT = 4, 0
TASKS = {"top": (0, 1), "left": (0, 2), "bottom": (2, 3), "right": (1, 3)}
"""The two cells whose digits each task adds."""


@runtime([4, CELLS], CELLS)
def move(direction: int, cell: int) -> int:
    """The cell north, east, south or west (0 to 3) of a cell; at the edge of the grid the head stays."""
    row, column = divmod(cell, 2)
    down, right = ((-1, 0), (0, 1), (1, 0), (0, -1))[direction]
    row, column = row + down, column + right
    return 2 * row + column if row in (0, 1) and column in (0, 1) else cell


@runtime([RANGE, RANGE], RANGE)
def add(a: int, b: int) -> int:
    """The sum modulo 19."""
    return (a + b) % RANGE


def add2x2(
    grids: Float[Tensor, "grids 4 28 28"],
    sums: Int[Tensor, " grids"] | None = None,
    *,
    library: Library,
    lines: int = LINES,
) -> Value:
    """A program with unknown choices runs on a batch of grids; its result is observed.

    :param grids: ``[grids, cell, 28, 28]``, pixels in [0, 1].
    :param sums: ``[grids]``, the observed results in 0..18; None draws them.
    :param library: the networks that ``net_choice`` chooses between.
    :param lines: the number of lines. There are ``6**lines * lines!**2 * (lines + 1)`` programs a network:
        3,732,480 for four lines.
    :returns: ``[*batch, grids, 19]``, the distribution of the result.
    """
    net_choice = choice("net_choice", len(library))
    program = [
        (choice(f"instr_{k}", 6), choice(f"left_{k}", k), choice(f"right_{k}", k))
        for k in range(1, lines + 1)
    ]
    returned = choice("return", lines + 1)

    with pyro.plate("grids", len(grids), dim=-1):
        readings = switch(net_choice.unsqueeze(-2), [widen(net(grids), RANGE) for net in library])
        head, zero, directions = constant(TOP_LEFT, CELLS), constant(0, RANGE), torch.eye(4)
        registers = [var("R0", select(head, readings))]
        for k, (instr, left, right) in enumerate(program, start=1):
            cells = move(directions, head.unsqueeze(-2))  # the head after each move, [..., 4, cell]
            seen = select(cells, readings.unsqueeze(-3))  # and what it reads there, [..., 4, 19]
            held = stack(registers)
            total = add(select(left, held), select(right, held))
            registers.append(var(f"R{k}", switch(instr, [zero, *seen.unbind(-2), total])))
            if k < lines:
                head = var(f"head_{k}", switch(instr, [head, *cells.unbind(-2), head]))
        result = select(returned, registers)
        observe("sum", result, sums)
    return result


T = TypeVar("T", int, np.ndarray)


def execute(program: Program, digits: tuple[T, T, T, T], *, lines: int = LINES) -> T:
    """Run a decided program on known digits: the same language on plain integers, without tensors.

    :param program: every choice's integer by site; sites that are not there have one alternative, 0.
    :param digits: the digit in each cell, as integers or as integer arrays of one shape.
    :param lines: the number of lines.
    :returns: the result, an integer or an array of them.
    """
    head = TOP_LEFT
    registers = [digits[head]]
    for k in range(1, lines + 1):
        instruction = program[f"instr_{k}"]
        if instruction == NOOP:
            registers.append(digits[0] * 0)
        elif instruction == ADD:
            left, right = _arguments(program, k)
            registers.append((registers[left] + registers[right]) % RANGE)
        else:
            head = move.function(instruction - MOVE_NORTH, head)
            registers.append(digits[head])
    return registers[program["return"]]


def is_correct(program: Program, task: str, *, lines: int = LINES) -> bool:
    """Whether a program gives the right result on all 10^4 grids of digits.

    :param program: every choice's integer by site.
    :param task: a key of :data:`TASKS`.
    :param lines: the number of lines.
    :returns: the oracle's word.
    """
    a, b, c, d = np.indices((10,) * CELLS).reshape(CELLS, -1)
    first, second = (np.stack([a, b, c, d])[cell] for cell in TASKS[task])
    return bool(np.array_equal(execute(program, (a, b, c, d), lines=lines), first + second))


def source(program: Program, *, lines: int = LINES) -> list[Line]:
    """The text of a program, as in the paper's Fig. 3.

    A line is dead where nothing that is returned depends on it: neither its register nor the place where it
    leaves the head.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :returns: its lines.
    """
    used, live = _live(program, lines)
    reader = f"  # with net_{program['net_choice']}" if "net_choice" in program else ""
    text = [Line("# initialization:"), Line(f"R0 = READ{reader}", dead=0 not in used), Line("# program:")]
    for k in range(1, lines + 1):
        instruction = program[f"instr_{k}"]
        arguments = "(R{}, R{})".format(*_arguments(program, k)) if instruction == ADD else ""
        text.append(Line(f"R{k} = {INSTRUCTIONS[instruction]}{arguments}", dead=k not in live))
    return [*text, Line(f"return R{program['return']}")]


def _arguments(program: Program, k: int) -> tuple[int, int]:
    """The registers that line k adds; line 1 has only R0 to choose from, which makes no site."""
    return program.get(f"left_{k}", 0), program.get(f"right_{k}", 0)


def _live(program: Program, lines: int) -> tuple[set[int], set[int]]:
    """The registers that the result depends on, and the lines that it does."""
    heads = [TOP_LEFT]
    for k in range(1, lines + 1):
        direction = program[f"instr_{k}"] - MOVE_NORTH
        heads.append(move.function(direction, heads[-1]) if 0 <= direction < 4 else heads[-1])
    used, live, head_is_read = {program["return"]}, set(), False
    for k in range(lines, 0, -1):
        instruction = program[f"instr_{k}"]
        if k not in used and not (head_is_read and heads[k] != heads[k - 1]):
            continue
        live.add(k)
        if instruction == ADD:
            used |= set(_arguments(program, k))
        head_is_read = head_is_read or instruction not in (NOOP, ADD)
    return used, live
