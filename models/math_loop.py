"""MATH: loops that evaluate a handwritten expression on a tape, of any length.

Gaunt et al. 2017, section 4.3, Fig. 4. A tape holds images of digits and operators in turn. A program has
three blocks; each executes MOVE or APPLY, keeps the result in a register of its own, and passes control to
the block that its goto names. A head starts before the tape:

- ``R_b = MOVE(net)`` moves the head on by one and reads the symbol there with one of the networks;
- ``R_b = APPLY(R_i, R_j, R_k)`` applies the operator that ``R_k`` stands for to ``R_i`` and ``R_j``.

After each instruction ``GOTO_IF``: where the head is past the end of the tape the program halts and returns a
register, else control passes on. Registers start at 0. The program begins with block 0.

Where the paper is silent: registers hold 0 (which as an operator is ``+``) at first and read 0 past the end;
a program that has not halted when its steps are spent has no result, which is a value of its own.

A program chooses for each block one of 2 networks or one of 27 triples of arguments, and one of 3 gotos, and
one of 3 registers to return: ``(3 * (2 + 27))**3 * 3 = 1,975,509`` programs with different text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyro
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import (
    Library,
    Line,
    Program,
    Value,
    carry,
    choice,
    constant,
    fork,
    observe,
    runtime,
    select,
    stack,
    switch,
    widen,
)
from ntpt_pyro.language.runtime_functions import RuntimeFunction
from ntpt_pyro.models.apply2x2 import OPERATORS, applied, apply, operator_of
from ntpt_pyro.models.grid import RANGE

BLOCKS = 3
INSTRUCTIONS = ("MOVE", "APPLY")
MOVE, APPLY, HALTED = range(3)
NO_RESULT = RANGE
"""The result of a program that has not halted."""
ARGUMENTS = ("left", "right", "op")


def math_loop(
    tapes: Float[Tensor, "tapes symbols 28 28"],
    results: Int[Tensor, " tapes"] | None = None,
    *,
    library: Library,
    steps: int | None = None,
) -> Value:
    """A looping program with unknown choices runs on a batch of tapes; its result is observed.

    :param tapes: ``[tapes, symbol, 28, 28]``, pixels in [0, 1], all of one length.
    :param results: ``[tapes]``, the observed results in 0..18; None draws them.
    :param library: the networks that ``net_choice`` of each block chooses between.
    :param steps: instructions executed at most; default: as many as the shortest right loop takes.
    :returns: ``[*batch, tapes, 20]``, the distribution of the result; 19 stands for none.
    """
    symbols = tapes.shape[-3]
    positions = symbols + 2
    chosen = _choices(len(library))
    move, past_end = moves(positions), ends(positions)
    with pyro.plate("tapes", len(tapes), dim=-1):
        readings = torch.stack([_padded(widen(net(tapes), RANGE)) for net in library], -3)
        zero, halted = constant(0, RANGE), constant(HALTED, 3)
        state = {"block": constant(0, BLOCKS), "head": constant(0, positions)}
        state |= {f"R{b}": zero for b in range(BLOCKS)}
        for step in range(1, steps_needed(symbols) + 1 if steps is None else steps + 1):
            block, head = state["block"], state["head"]
            registers = [state[f"R{b}"] for b in range(BLOCKS)]
            instr = fork(
                f"executed_{step}", switch(past_end(head), [widen(select(block, chosen["instr"]), 3), halted])
            )
            moved = move(head)
            seen = select(select(block, chosen["net_choice"]), select(moved.unsqueeze(-2), readings))
            left, right, op = (select(select(block, chosen[part]), registers) for part in ARGUMENTS)
            value = switch(instr, [seen, apply(left, right, operator_of(op)), zero])
            for b, register in enumerate(registers):
                written = written_by(b)(instr, block)
                state[f"R{b}"] = switch(written, [register, value])
            state["head"] = switch(instr, [moved, head, head])
            state["block"] = switch(
                past_end(state["head"]), [select(block, chosen["goto"]), constant(0, BLOCKS)]
            )
            state = carry(str(step), state, control=["block", "head"])
        returned = widen(select(chosen["return"], [state[f"R{b}"] for b in range(BLOCKS)]), RANGE + 1)
        result = switch(past_end(state["head"]), [constant(NO_RESULT, RANGE + 1), returned])
        result = carry("end", {"result": result})["result"]
        observe("result", result, results)
    return result


def _choices(networks: int) -> dict[str, Value]:
    """The program: for each part of a block ``[*batch, block, n]``, and the register to return."""
    sizes = {"instr": 2, "net_choice": networks, **dict.fromkeys(ARGUMENTS, BLOCKS), "goto": BLOCKS}
    drawn = [{part: choice(f"{part}_{b}", size) for part, size in sizes.items()} for b in range(BLOCKS)]
    return {
        **{part: stack([block[part] for block in drawn]) for part in sizes},
        "return": choice("return", BLOCKS),
    }


def steps_needed(symbols: int) -> int:
    """Instructions that the shortest right loop executes: three for each digit.

    :param symbols: on the tape.
    :returns: the number.
    """
    return 3 * (symbols + 1) // 2


def evaluate(symbols: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What expressions come to, from left to right.

    :param symbols: ``[*batch, symbols]``, an odd number of them: digits in 0..9 and codes of operators in
        0..3, in turn.
    :returns: ``[*batch]``, in 0..18.

    >>> int(evaluate(np.array([9, 2, 9, 1, 2])))  # 9 x 9 - 2, modulo 19
    3
    """
    value: npt.NDArray[np.int64] = evaluate_prefixes(symbols)[..., -1]
    return value


def evaluate_prefixes(symbols: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What expressions come to after each of their digits.

    :param symbols: see :func:`evaluate`.
    :returns: ``[*batch, digits]``.

    >>> evaluate_prefixes(np.array([9, 2, 9, 1, 2])).tolist()
    [9, 5, 3]
    """
    values: list[npt.NDArray[np.int64]] = [symbols[..., 0]]
    for place in range(1, symbols.shape[-1], 2):
        values.append(applied(values[-1], symbols[..., place + 1], symbols[..., place]))
    return np.stack(values, -1)


def _padded(read: Value) -> Value:
    """Readings with a blank, read as 0, before the tape and one past its end."""
    blank = constant(0, RANGE).expand(*read.shape[:-2], 1, RANGE)
    return torch.cat([blank, read, blank], -2)


USES = {
    f"instr_{b}": {MOVE: (f"net_choice_{b}",), APPLY: tuple(f"{part}_{b}" for part in ARGUMENTS)}
    for b in range(BLOCKS)
}
"""By instruction the other choices of its block that matter then."""


@lru_cache(maxsize=64)
def moves(positions: int) -> RuntimeFunction:
    """The head's next position; at the last one, past the end, it stays."""

    @runtime([positions], positions)
    def move(head: int) -> int:
        return min(head + 1, positions - 1)

    return move


@lru_cache(maxsize=64)
def ends(positions: int) -> RuntimeFunction:
    """Whether the head is past the end."""

    @runtime([positions], 2)
    def past_end(head: int) -> int:
        return int(head == positions - 1)

    return past_end


@lru_cache
def written_by(register: int) -> RuntimeFunction:
    """Whether an instruction of a block writes a register."""

    @runtime([3, BLOCKS], 2)
    def written(instr: int, block: int) -> int:
        return int(instr != HALTED and block == register)

    return written


T = TypeVar("T", int, npt.NDArray[np.int64])


@dataclass(frozen=True)
class Step:
    """What one instruction did.

    :param block: the block that it is from.
    :param head: where the head was after it, 0 before the tape and ``symbols + 1`` past the end.
    :param registers: what they held after it.
    """

    block: int
    head: int
    registers: tuple[Any, ...]


@dataclass(frozen=True)
class Execution:
    """A program's run on a tape.

    :param steps: what its instructions did, in order.
    :param result: the register returned; None where it did not halt.
    """

    steps: tuple[Step, ...]
    result: Any


def execute(program: Program, readings: Sequence[Sequence[T]], *, steps: int | None = None) -> Execution:
    """Run a decided program on known readings: the same language on plain integers, without tensors.

    Where it goes does not depend on what it reads, so a program that comes to a block with the head where it
    was there before never halts.

    :param program: every choice's integer by site.
    :param readings: for each network what it reads on the tape, symbol by symbol, as integers or as integer
        arrays of one shape.
    :param steps: instructions executed at most; None runs until the program halts or comes back.
    :returns: the run, without a result where the program did not halt.
    """
    block, head, end = 0, 0, len(readings[0]) + 1
    zero = readings[0][0] * 0
    registers = [zero] * BLOCKS
    done: list[Step] = []
    been: set[tuple[int, int]] = set()
    while head < end and (block, head) not in been and (steps is None or len(done) < steps):
        been.add((block, head))
        if program[f"instr_{block}"] == MOVE:
            head += 1
            network = program.get(f"net_choice_{block}", 0)
            registers[block] = readings[network][head - 1] if head < end else zero
        else:
            registers[block] = applied(*(registers[n] for n in _arguments(program, block)))
        done.append(Step(block, head, tuple(registers)))
        block = program[f"goto_{block}"]
    return Execution(tuple(done), registers[program["return"]] if head == end else None)


def is_correct(program: Program) -> bool:
    """Whether a program evaluates expressions right, longer ones than any it is trained on included.

    Tried on all expressions of one, two and three digits, and on 1,000 of each of 4, 7 and 16 digits. What
    the network of digits makes of operators, and the other one of digits, is drawn at random: a right program
    does not look.

    :param program: every choice's integer by site.
    :returns: the oracle's word.
    """
    return all(
        np.array_equal(execute(program, readings).result, expected) for readings, expected in _expressions()
    )


def results(program: Program) -> tuple[bytes | None, ...]:
    """What a program comes to on the expressions of :func:`is_correct`.

    :param program: every choice's integer by site.
    :returns: for each length of expression its results as bytes, None where it does not halt; programs of
        equal results behave alike there.
    """
    found = (execute(program, readings).result for readings, _ in _expressions())
    return tuple(None if result is None else np.asarray(result).tobytes() for result in found)


_Ints = npt.NDArray[np.int64]


@lru_cache
def _expressions() -> list[tuple[list[list[_Ints]], _Ints]]:
    """What the networks read on the tapes that the oracle tries programs on, and what these come to."""
    random = np.random.default_rng(0)
    found = []
    for digits in (1, 2, 3, 4, 7, 16):
        highest = [(10, len(OPERATORS))[place % 2] for place in range(2 * digits - 1)]
        tape = np.indices(highest).reshape(len(highest), -1) if digits < 4 else None
        if tape is None:
            tape = random.integers(0, highest, (1000, len(highest))).T
        as_digits, as_operators = tape.copy(), tape.copy()
        as_digits[1::2] = random.integers(0, 10, tape[1::2].shape)
        as_operators[0::2] = random.integers(0, len(OPERATORS), tape[0::2].shape)
        found.append(([list(as_digits), list(as_operators)], evaluate(tape.T)))
    return found


def source(program: Program) -> list[Line]:
    """The text of a program, its blocks as in the paper's Fig. 4, and its loop where control comes back.

    :param program: every choice's integer by site.
    :returns: its lines; blocks that control never reaches are marked as dead.
    """
    order = _order(program)
    text = [Line("# initialization: R0 = R1 = R2 = 0, head before the tape")]
    for b in range(BLOCKS):
        line = f"L{b}: {instruction_text(program, b)}"
        said = (f"instr_{b}", *USES[f"instr_{b}"][program[f"instr_{b}"]], f"goto_{b}")
        said = tuple(site for site in said if site in program)  # one network is no choice
        text.append(Line(f"{line:<28}goto L{program[f'goto_{b}']}", b not in order, said))
    text.append(Line(f"halt at the end of the tape: return R{program['return']}", sites=("return",)))
    again = order.index(program[f"goto_{order[-1]}"])
    text.append(Line("# that is:"))
    text += [Line(instruction_text(program, b)) for b in order[:again]]
    text.append(Line("until the head is past the end of the tape:"))
    text += [Line(f"    {instruction_text(program, b)}") for b in order[again:]]
    return [*text, Line(f"return R{program['return']}")]


def _order(program: Program) -> list[int]:
    """The blocks that control reaches, in order, until it comes back to one of them."""
    order = [0]
    while (following := program[f"goto_{order[-1]}"]) not in order:
        order.append(following)
    return order


def instruction_text(program: Program, block: int) -> str:
    """The text of a block's instruction.

    :param program: every choice's integer by site.
    :param block: which block.
    :returns: the text, without its goto.
    """
    if program[f"instr_{block}"] == MOVE:
        return f"R{block} = MOVE(net_{program.get(f'net_choice_{block}', 0)})"
    return f"R{block} = APPLY({', '.join(f'R{n}' for n in _arguments(program, block))})"


def _arguments(program: Program, block: int) -> tuple[int, int, int]:
    """The registers that a block applies: two integers and an operator."""
    left, right, op = (program[f"{part}_{block}"] for part in ARGUMENTS)
    return left, right, op
