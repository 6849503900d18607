"""ADD2X2: straight-line programs that add digits read from a 2x2 grid of images.

Gaunt et al. 2017, sections 3 and 4.2. A read head starts at the top-left cell. A program has up to four
lines; each executes one instruction and keeps its result in a register of its own; one register is returned.
Only sums are observed, never a digit.
"""

from functools import lru_cache
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
    switch,
    var,
    widen,
)
from ntpt_pyro.models.grid import (
    CELLS,
    COMPUTE,
    LINES,
    MOVE_NORTH,
    MOVES,
    NOOP,
    RANGE,
    SIDES,
    TOP_LEFT,
    heading,
    live_lines,
    move,
)

INSTRUCTIONS = ("NOOP", *MOVES, "ADD")
ADD = COMPUTE


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
            total = add(select(left, registers), select(right, registers))
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


def uses(lines: int = LINES) -> dict[str, dict[int, tuple[str, ...]]]:
    """Which choices of a line matter by its instruction: ``ADD`` has arguments.

    :param lines: the number of lines.
    :returns: see :data:`~ntpt_pyro.inference.Uses`.
    """
    return {f"instr_{k}": {ADD: (f"left_{k}", f"right_{k}")} for k in range(1, lines + 1)}


def results(program: Program, *, lines: int = LINES) -> np.ndarray:
    """What a program comes to on all 10^4 grids of digits: programs of equal results behave alike.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :returns: ``[10000]``, in 0..18.
    """
    return np.asarray(execute(program, _grids(), lines=lines))


def is_correct(program: Program, side: str, *, lines: int = LINES) -> bool:
    """Whether a program gives the right result on all 10^4 grids of digits.

    :param program: every choice's integer by site.
    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: the number of lines.
    :returns: the oracle's word.
    """
    first, second = (_grids()[cell] for cell in SIDES[side])
    return bool(np.array_equal(results(program, lines=lines), first + second))


@lru_cache
def _grids() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All grids of digits, cell by cell."""
    a, b, c, d = np.indices((10,) * CELLS).reshape(CELLS, -1)
    return a, b, c, d


def source(program: Program, *, lines: int = LINES) -> list[Line]:
    """The text of a program, as in the paper's Fig. 3.

    A line is dead where nothing that is returned depends on it: neither its register nor the place where it
    leaves the head.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :returns: its lines.
    """
    used, live = live_lines(program, lines, 1, lambda k: _arguments(program, k))
    text = [heading(program), Line("R0 = READ", dead=0 not in used), Line("# program:")]
    for k in range(1, lines + 1):
        instruction = program[f"instr_{k}"]
        arguments = "(R{}, R{})".format(*_arguments(program, k)) if instruction == ADD else ""
        sites = [f"instr_{k}", *(uses(lines)[f"instr_{k}"].get(instruction, ()))]
        said = tuple(site for site in sites if site in program)  # line 1 has no choice of arguments
        text.append(Line(f"R{k} = {INSTRUCTIONS[instruction]}{arguments}", k not in live, said))
    return [*text, Line(f"return R{program['return']}", sites=("return",))]


def _arguments(program: Program, k: int) -> tuple[int, int]:
    """The registers that line k adds; line 1 has only R0 to choose from, which makes no site."""
    return program.get(f"left_{k}", 0), program.get(f"right_{k}", 0)
