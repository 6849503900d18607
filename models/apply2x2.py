"""APPLY2X2: straight-line programs that apply handwritten operators, read from a grid, to given integers.

Gaunt et al. 2017, sections 3 and 4.2, Fig. 3(b). Registers R0..R2 hold three given integers, R3 what the
network reads at the top-left cell of a 2x2 grid. A program has up to four lines; each executes one
instruction and keeps its result in a register of its own; one register is returned. The task is
``d1 op1 d2 op2 d3`` from left to right, with the two operators of one side of the grid. Only results are
observed, never an operator.

Arithmetic is modulo 19; division is floor division, and ``x / 0`` is 18. Operators are the codes 0 to 3 for
``+ - x /``; a register above 3 is no operator, and APPLY of it gives 0, as NOOP does (the paper is silent
here).
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
    one_hot,
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

INSTRUCTIONS = ("NOOP", *MOVES, "APPLY")
APPLY = COMPUTE
INTEGERS = 3
"""Integers that are given, each in 0..9."""
GIVEN = INTEGERS + 1
"""Registers before the first line: the integers and READ."""
OPERATORS = ("+", "-", "x", "/")
NO_OPERATOR = len(OPERATORS)


@runtime([RANGE], NO_OPERATOR + 1)
def operator_of(code: int) -> int:
    """The operator that a register's content stands for: 0 to 3, or 4 for none."""
    return min(code, NO_OPERATOR)


@runtime([RANGE, RANGE, NO_OPERATOR + 1], RANGE)
def apply(a: int, b: int, operator: int) -> int:
    """``a operator b`` modulo 19; ``a / 0`` is 18, and without an operator the result is 0."""
    quotient = a // b if b else RANGE - 1
    return (a + b, a - b, a * b, quotient, 0)[operator] % RANGE


def apply2x2(
    grids: Float[Tensor, "grids 4 28 28"],
    integers: Int[Tensor, "grids 3"],
    results: Int[Tensor, " grids"] | None = None,
    *,
    library: Library,
    lines: int = LINES,
) -> Value:
    """A program with unknown choices runs on a batch of grids and integers; its result is observed.

    :param grids: ``[grids, cell, 28, 28]``, pixels in [0, 1].
    :param integers: ``[grids, 3]``, each in 0..18.
    :param results: ``[grids]``, the observed results in 0..18; None draws them.
    :param library: the networks that ``net_choice`` chooses between.
    :param lines: the number of lines. Line ``k`` chooses three of ``k + 3`` registers, so that there are
        ``6**lines * (4 * 5 * ... * (lines + 3))**3 * (lines + 4)`` programs a network: 6.1e12 for four.
    :returns: ``[*batch, grids, 19]``, the distribution of the result.
    """
    net_choice = choice("net_choice", len(library))
    program = [
        (choice(f"instr_{k}", 6), *(choice(f"{part}_{k}", k + GIVEN - 1) for part in ("left", "right", "op")))
        for k in range(1, lines + 1)
    ]
    returned = choice("return", lines + GIVEN)

    with pyro.plate("grids", len(grids), dim=-1):
        readings = switch(net_choice.unsqueeze(-2), [widen(net(grids), RANGE) for net in library])
        head, zero, directions = constant(TOP_LEFT, CELLS), constant(0, RANGE), torch.eye(4)
        registers = [*one_hot(integers, RANGE).unbind(-2), var("R3", select(head, readings))]
        for k, (instr, left, right, op) in enumerate(program, start=1):
            cells = move(directions, head.unsqueeze(-2))  # the head after each move, [..., 4, cell]
            seen = select(cells, readings.unsqueeze(-3))  # and what it reads there, [..., 4, 19]
            result = apply(
                select(left, registers), select(right, registers), operator_of(select(op, registers))
            )
            registers.append(var(f"R{k + INTEGERS}", switch(instr, [zero, *seen.unbind(-2), result])))
            if k < lines:
                head = var(f"head_{k}", switch(instr, [head, *cells.unbind(-2), head]))
        result = select(returned, registers)
        observe("result", result, results)
    return result


T = TypeVar("T", int, np.ndarray)


def execute(
    program: Program, operators: tuple[T, T, T, T], integers: tuple[T, T, T], *, lines: int = LINES
) -> T:
    """Run a decided program on known operators: the same language on plain integers, without tensors.

    :param program: every choice's integer by site.
    :param operators: the code in each cell, as integers or as integer arrays of one shape.
    :param integers: the three given integers, likewise.
    :param lines: the number of lines.
    :returns: the result, an integer or an array of them.
    """
    head = TOP_LEFT
    registers = [integers[0], integers[1], integers[2], operators[head]]
    for k in range(1, lines + 1):
        instruction = program[f"instr_{k}"]
        if instruction == NOOP:
            registers.append(operators[0] * 0)
        elif instruction == APPLY:
            left, right, op = (registers[address] for address in _arguments(program, k))
            registers.append(applied(left, right, op))
        else:
            head = move.function(instruction - MOVE_NORTH, head)
            registers.append(operators[head])
    return registers[program["return"]]


def target(operators: tuple[T, T, T, T], integers: tuple[T, T, T], side: str) -> T:
    """What a task asks for: ``d1 op1 d2 op2 d3`` from left to right.

    :param operators: the code in each cell, in 0..3, as integers or as integer arrays of one shape.
    :param integers: the three given integers, likewise.
    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :returns: the result, an integer or an array of them.
    """
    first, second = (operators[cell] for cell in SIDES[side])
    return applied(applied(integers[0], integers[1], first), integers[2], second)


def applied(left: T, right: T, code: T) -> T:
    """:func:`apply` of the operator with a code, on integers or arrays of them.

    :param left: in 0..18.
    :param right: in 0..18.
    :param code: of the operator, in 0..18.
    :returns: the result, in 0..18.
    """
    result: T = apply.table.cpu().numpy()[left, right, operator_of.table.cpu().numpy()[code]]
    return result


def uses(lines: int = LINES) -> dict[str, dict[int, tuple[str, ...]]]:
    """Which choices of a line matter by its instruction: ``APPLY`` has arguments.

    :param lines: the number of lines.
    :returns: see :data:`~ntpt_pyro.inference.Uses`.
    """
    return {
        f"instr_{k}": {APPLY: tuple(f"{part}_{k}" for part in ("left", "right", "op"))}
        for k in range(1, lines + 1)
    }


def results(program: Program, *, lines: int = LINES) -> np.ndarray:
    """What a program comes to on all 4^4 grids of operators with all 10^3 triples of digits.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :returns: ``[256000]``, in 0..18; programs of equal results behave alike.
    """
    return np.asarray(execute(program, *_inputs(), lines=lines))


def is_correct(program: Program, side: str, *, lines: int = LINES) -> bool:
    """Whether a program gives the right result on all 4^4 grids of operators with all 10^3 triples of digits.

    :param program: every choice's integer by site.
    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: the number of lines.
    :returns: the oracle's word.
    """
    operators, integers = _inputs()
    return bool(np.array_equal(results(program, lines=lines), target(operators, integers, side)))


@lru_cache
def _inputs() -> tuple[
    tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]
]:
    """All grids of operators with all triples of digits: cell by cell, place by place."""
    a, b, c, d, *digits = np.indices((len(OPERATORS),) * CELLS + (10,) * INTEGERS).reshape(
        CELLS + INTEGERS, -1
    )
    return (a, b, c, d), (digits[0], digits[1], digits[2])


def source(program: Program, *, lines: int = LINES) -> list[Line]:
    """The text of a program, as in the paper's Fig. 3(b), its dead lines marked.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :returns: its lines.
    """
    used, live = live_lines(program, lines, GIVEN, lambda k: _arguments(program, k))
    text = [heading(program)]
    text += [Line(f"R{n} = InputInt[{n}]", dead=n not in used) for n in range(INTEGERS)]
    text += [Line(f"R{INTEGERS} = READ", dead=INTEGERS not in used), Line("# program:")]
    for k in range(1, lines + 1):
        instruction = program[f"instr_{k}"]
        arguments = "(R{}, R{}, R{})".format(*_arguments(program, k)) if instruction == APPLY else ""
        said = (f"instr_{k}", *uses(lines)[f"instr_{k}"].get(instruction, ()))
        text.append(Line(f"R{k + INTEGERS} = {INSTRUCTIONS[instruction]}{arguments}", k not in live, said))
    return [*text, Line(f"return R{program['return']}", sites=("return",))]


def _arguments(program: Program, k: int) -> tuple[int, int, int]:
    """The registers that line k applies: two integers and an operator."""
    return program[f"left_{k}"], program[f"right_{k}"], program[f"op_{k}"]
