"""Turing machines and circuits of models/terpret on integers: what exact posteriors are held to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from ntpt_pyro.experiments.plain_programs import OPEN, Bools, Ints, Machine, Programs

Hypers = Mapping[str, int]
Rows = Sequence[Sequence[int]]
TABLE = ("write", "direction", "following")
"""The choices of a Turing machine for each state and symbol."""


def turing_sites(hypers: Hypers) -> list[str]:
    """The names of a Turing machine's choices."""
    entries = product(TABLE, range(hypers["states"] - 1), range(hypers["symbols"]))
    return [f"{part}_{state}_{symbol}" for part, state, symbol in entries]


def turing_machine(hypers: Hypers, tapes: Rows, ends: Rows | None = None) -> Machine:
    """Turing machines, as in ``models/terpret/turing.terpret``; they must halt.

    :param hypers: of the text.
    :param tapes: that they begin on.
    :param ends: that they must halt on; None where it is only run.
    :returns: the machine, its choices in the order of :func:`turing_sites`.
    """
    symbols, states, length = hypers["symbols"], hypers["states"], hypers["tape_length"]
    halt, entries = states - 1, (states - 1) * symbols
    sizes = np.repeat([symbols, 3, states], entries)

    def start(programs: int, instance: int) -> dict[str, Ints]:
        head, state = np.zeros((2, programs), dtype=np.int64)
        return {"tape": np.tile(tapes[instance], (programs, 1)), "head": head, "state": state}

    def entry(programs: Programs, which: int) -> Ints:
        """The choice for state and symbol; none where it has halted."""
        now = programs.state
        seen = now["tape"][np.arange(len(programs)), now["head"]]
        return np.where(now["state"] == halt, OPEN, which * entries + now["state"] * symbols + seen)

    def step(programs: Programs) -> Programs:
        for which in range(len(TABLE)):
            programs = programs.reading(entry(programs, which), sizes)
        write, direction, following = (programs.chosen(entry(programs, n)) for n in range(len(TABLE)))
        rows, now = np.arange(len(programs)), programs.state
        tape, head, running = now["tape"].copy(), now["head"], now["state"] != halt
        tape[rows, head] = np.where(running, write, tape[rows, head])
        moved = (head + np.array([0, 1, -1])[direction]) % length
        state = np.where(running, following, halt)
        return replace(programs, state={"tape": tape, "head": np.where(running, moved, head), "state": state})

    def fits(programs: Programs, instance: int) -> Bools:
        assert ends is not None
        right: Bools = (programs.state["tape"] == np.array(ends[instance])).all(-1)
        halted: Bools = programs.state["state"] == halt
        return right & halted

    return Machine(sizes, start, step, hypers["steps"] - 1, fits, len(tapes))


def fitting_circuits(hypers: Hypers, given: Rows, wanted: Rows) -> int:
    """How many circuits of ``models/terpret/circuit.terpret`` fit: by what wires hold after each gate.

    :param hypers: of the text.
    :param given: bits on the first wires, an instance a row.
    :param wanted: bits on the first wires after the last gate.
    :returns: their number.
    """
    wires, gates, every = hypers["wires"], hypers["gates"], (1 << len(given)) - 1

    def column(rows: Rows, wire: int) -> int:
        """A wire's bits for all instances, as one integer."""
        return sum(row[wire] << place for place, row in enumerate(rows))

    goal = [column(wanted, wire) for wire in range(hypers["outputs"])]
    begun = tuple(column(given, wire) if wire < hypers["inputs"] else 0 for wire in range(wires))
    ways = {begun: 1}
    for left in reversed(range(gates)):
        after = Counter[tuple[int, ...]]()
        for held, times in ways.items():
            written = Counter[int]()
            for a, b in product(held, held):
                written.update([a & b, a | b, a ^ b, every ^ a, a])
            for (result, kinds), out in product(written.items(), range(wires)):
                new = (*held[:out], result, *held[out + 1 :])
                if sum(one != wire for one, wire in zip(goal, new, strict=False)) <= left:
                    after[new] += times * kinds  # a gate mends one wire at most
        ways = after
    return sum(ways.values())
