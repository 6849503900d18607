"""Basic-block machines of models/terpret on integers: what exact posteriors are held to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    cells = len(BLOCK) * blocks
    sizes = np.repeat([8, *[registers] * 4, *[blocks + 1] * 2], blocks)
    if OPEN in memories[0]:
        sizes = np.concatenate([sizes, [size] * size])

    def start(programs: int, instance: int) -> dict[str, Ints]:
        held, block = np.zeros((programs, registers), dtype=np.int64), np.zeros(programs, dtype=np.int64)
        return {"memory": np.tile(memories[instance], (programs, 1)), "held": held, "block": block}

    def place(programs: Programs, part: str) -> Ints:
        """The choice of the block that each is in; of one that has halted that of the last block."""
        return BLOCK.index(part) * blocks + np.minimum(programs.state["block"], blocks - 1)

    def read(programs: Programs, part: str, where: Bools | None = None) -> Programs:
        """A choice is read by those that run, and that it matters to."""
        running = programs.state["block"] != blocks
        wanted = running if where is None else running & where
        return programs.reading(np.where(wanted, place(programs, part), OPEN), sizes)

    def is_zero(programs: Programs) -> Bools:
        """Whether the register that the block tests is 0."""
        tested = programs.chosen(place(programs, "tested"))
        found: Bools = programs.state["held"][np.arange(len(programs)), tested] == 0
        return found

    def step(programs: Programs) -> Programs:
        programs = read(read(programs, "instruction"), "first")
        two = np.isin(programs.chosen(place(programs, "instruction")), (ADD, SUB, LESS, WRITE))
        programs = read(read(programs, "second", two), "out")
        programs = read(executed(programs.reading(unknown(programs), sizes)), "tested")
        programs = read(programs, "if_zero", is_zero(programs))
        programs = read(programs, "otherwise", ~is_zero(programs))
        if_zero, otherwise = (programs.chosen(place(programs, part)) for part in BLOCK[-2:])
        following = np.where(is_zero(programs), if_zero, otherwise)
        block = np.where(programs.state["block"] == blocks, blocks, following)
        return replace(programs, state={**programs.state, "block": block})

    def unknown(programs: Programs) -> Ints:
        """The cell that the block's instruction reads, where it is a choice."""
        rows, doing = np.arange(len(programs)), programs.chosen(place(programs, "instruction"))
        address = programs.state["held"][rows, programs.chosen(place(programs, "first"))]
        looks = (programs.state["block"] != blocks) & (doing == READ)
        return np.where(looks & (programs.state["memory"][rows, address] == OPEN), cells + address, OPEN)

    def executed(programs: Programs) -> Programs:
        """Those that run after their block's instruction; what was not read stands for anything."""
        rows, running = np.arange(len(programs)), programs.state["block"] != blocks
        doing, first, second, out = (programs.chosen(place(programs, part)) for part in BLOCK[:4])
        held, memory = programs.state["held"].copy(), programs.state["memory"].copy()
        a, b, cell = held[rows, first], held[rows, second], unknown(programs)
        there = np.where(cell == OPEN, memory[rows, a], programs.chosen(cell))
        value = np.select(
            [doing == one for one in (INC, DEC, ADD, SUB, LESS, READ)],
            [(a + 1) % size, (a - 1) % size, (a + b) % size, (a - b) % size, a < b, there],
            a,
        )
        held[rows, out] = np.where(running, value, held[rows, out])
        memory[rows, a] = np.where(running & (doing == WRITE), b, memory[rows, a])
        return replace(programs, state={**programs.state, "held": held, "memory": memory})

    def fits(programs: Programs, instance: int) -> Bools:
        right: Bools = programs.state["held"][:, 0] == results[instance]
        halted: Bools = programs.state["block"] == blocks
        return right & halted

    return Machine(sizes, start, step, hypers["steps"], fits, len(memories))


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
