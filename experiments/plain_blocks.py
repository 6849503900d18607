"""Basic-block machines of models/terpret on integers: what exact posteriors are held to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ntpt_pyro.experiments.plain_programs import AT_ONCE, OPEN, Bools, Ints, Machine, Programs

Hypers = Mapping[str, int]
Rows = Sequence[Sequence[int]]
BLOCK = ("instruction", "first", "second", "out", "tested", "if_zero", "otherwise")
"""The choices of each block."""
COPY, INC, DEC, ADD, SUB, LESS, READ, WRITE = range(8)


def block_sites(hypers: Hypers) -> list[str]:
    """The names of a basic-block machine's choices."""
    return [f"{part}_{block}" for part, block in product(BLOCK, range(hypers["blocks"]))]


def block_machine(hypers: Hypers, memories: Rows, results: Sequence[int]) -> Machine:
    """Basic-block machines, as in ``models/terpret/basic_block.terpret``; they must halt.

    :param hypers: of the text.
    :param memories: that they begin with; a cell that is :data:`OPEN` is a choice too, one of the last ones,
        and tried in all ways where it is read.
    :param results: that register 0 must hold when they halt.
    :returns: the machine, its choices in the order of :func:`block_sites`.
    """
    size, registers, blocks = hypers["size"], hypers["registers"], hypers["blocks"]
    sizes = np.repeat([8, *[registers] * 4, *[blocks + 1] * 2], blocks)
    if OPEN in memories[0]:
        sizes = np.concatenate([sizes, [size] * size])

    def start(programs: int, instance: int) -> dict[str, Ints]:
        held, block = np.zeros((programs, registers), dtype=np.int64), np.zeros(programs, dtype=np.int64)
        return {"memory": np.tile(memories[instance], (programs, 1)), "held": held, "block": block}

    def fits(programs: Programs, instance: int) -> Bools:
        right: Bools = programs.state["held"][:, 0] == results[instance]
        halted: Bools = programs.state["block"] == blocks
        return right & halted

    step = _Step(sizes, size, blocks)
    return Machine(sizes, start, step, hypers["steps"], fits, len(memories))


@dataclass(frozen=True)
class _Step:
    """A step of a basic-block machine: the block that it is in, if any.

    :param sizes: of its choices.
    :param size: of its memory, and how many integers a cell may hold.
    :param blocks: how many it has.
    """

    sizes: Ints
    size: int
    blocks: int

    def __call__(self, programs: Programs) -> Programs:
        programs = self._read(self._read(programs, "instruction"), "first")
        two = np.isin(self._chosen(programs, "instruction"), (ADD, SUB, LESS, WRITE))
        programs = self._read(self._read(programs, "second", two), "out")
        programs = self._executed(programs.reading(self._unknown(programs), self.sizes))
        programs = self._read(programs, "tested")
        programs = self._read(programs, "if_zero", self._is_zero(programs))
        programs = self._read(programs, "otherwise", ~self._is_zero(programs))
        if_zero, otherwise = (self._chosen(programs, part) for part in BLOCK[-2:])
        following = np.where(self._is_zero(programs), if_zero, otherwise)
        block = np.where(self._running(programs), following, self.blocks)
        return replace(programs, state={**programs.state, "block": block})

    def _running(self, programs: Programs) -> Bools:
        found: Bools = programs.state["block"] != self.blocks
        return found

    def _place(self, programs: Programs, part: str) -> Ints:
        """The choice of the block that each is in; of one that has halted that of the last block."""
        return BLOCK.index(part) * self.blocks + np.minimum(programs.state["block"], self.blocks - 1)

    def _chosen(self, programs: Programs, part: str) -> Ints:
        return programs.chosen(self._place(programs, part))

    def _read(self, programs: Programs, part: str, where: Bools | bool = True) -> Programs:
        """A choice is read by those that run, and that it matters to."""
        wanted = self._running(programs) & where
        return programs.reading(np.where(wanted, self._place(programs, part), OPEN), self.sizes)

    def _is_zero(self, programs: Programs) -> Bools:
        """Whether the register that the block tests is 0."""
        tested = self._chosen(programs, "tested")
        found: Bools = programs.state["held"][np.arange(len(programs)), tested] == 0
        return found

    def _unknown(self, programs: Programs) -> Ints:
        """The cell that the block's instruction reads, where it is a choice."""
        rows, doing = np.arange(len(programs)), self._chosen(programs, "instruction")
        address = programs.state["held"][rows, self._chosen(programs, "first")]
        looks = self._running(programs) & (doing == READ)
        open_ = looks & (programs.state["memory"][rows, address] == OPEN)
        return np.where(open_, len(BLOCK) * self.blocks + address, OPEN)

    def _executed(self, programs: Programs) -> Programs:
        """Those that run after their block's instruction; what was not read stands for anything."""
        rows, running, size = np.arange(len(programs)), self._running(programs), self.size
        doing, first, second, out = (self._chosen(programs, part) for part in BLOCK[:4])
        held, memory = programs.state["held"].copy(), programs.state["memory"].copy()
        a, b, cell = held[rows, first], held[rows, second], self._unknown(programs)
        there = np.where(cell == OPEN, memory[rows, a], programs.chosen(cell))
        value = np.select(
            [doing == one for one in (INC, DEC, ADD, SUB, LESS, READ)],
            [(a + 1) % size, (a - 1) % size, (a + b) % size, (a - b) % size, a < b, there],
            a,
        )
        held[rows, out] = np.where(running, value, held[rows, out])
        memory[rows, a] = np.where(running & (doing == WRITE), b, memory[rows, a])
        return replace(programs, state={**programs.state, "held": held, "memory": memory})


def right_on_every_memory(hypers: Hypers, choices: Ints) -> Ints:
    """Those programs that put what cell 0 points to in register 0 and halt, whatever the memory holds.

    :param hypers: of the text.
    :param choices: ``[programs, choices]``.
    :returns: likewise; more choices may have been read.
    """
    return np.concatenate([_right(hypers, choices[n : n + AT_ONCE]) for n in range(0, len(choices), AT_ONCE)])


def _right(hypers: Hypers, choices: Ints) -> Ints:
    size, cells = hypers["size"], choices.shape[1]
    machine = block_machine(hypers, [[OPEN] * size], [OPEN])
    begun = np.concatenate([choices, np.full((len(choices), size), OPEN)], 1)
    ended = Programs(begun, {**machine.start(len(begun), 0), "program": np.arange(len(begun))})
    for _ in range(machine.steps):
        ended = machine.step(ended)
    ended = ended.reading(np.full(len(ended), cells), machine.sizes)
    ended = ended.reading(cells + ended.choices[:, cells], machine.sizes)
    wanted = ended.chosen(cells + ended.choices[:, cells])
    wrong = (ended.state["held"][:, 0] != wanted) | (ended.state["block"] != hypers["blocks"])
    program = ended.state["program"]
    new = ended.choices[:, :cells] != choices[program]
    more, fails, unsure = np.zeros(choices.shape, dtype=bool), *np.zeros((2, len(choices)), dtype=bool)
    np.logical_or.at(more, program, new & wrong[:, None])
    np.logical_or.at(fails, program, wrong & ~new.any(-1))
    np.logical_or.at(unsure, program, wrong & new.any(-1))
    right, unsure = choices[~fails & ~unsure], unsure & ~fails
    if not unsure.any():
        return right
    # they go wrong where a memory makes them read more: all ways of that are programs of their own
    programs = Programs(choices[unsure], {"more": more[unsure]})
    for place in range(cells):
        programs = programs.reading(np.where(programs.state["more"][:, place], place, OPEN), machine.sizes)
    return np.concatenate([right, right_on_every_memory(hypers, programs.choices)])
