"""A solver's cost by size of adders, sorting networks and chains of bits: two parts of `solver_figures`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise, product
from math import log10
from typing import Any

import pyro
import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro import choice, observe, one_hot, runtime, switch
from ntpt_pyro.experiments.parity_chain import xor
from ntpt_pyro.experiments.texts import FOLDER
from ntpt_pyro.inference.solver.explaining import explain
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate
from ntpt_pyro.terpret import load

LIMIT = 600.0
"""Seconds at most for a question, its circuit not counted."""


@dataclass(frozen=True)
class Explained:
    """What a solver could say of examples within the time.

    :param status: ``optimal``: a program explains all. ``infeasible``: none does, which is proved.
    :param programs: the decimal logarithm of their number.
    :param solved: whether it is known if any program explains all.
    :param seconds: with the circuit's.
    """

    examples: int
    programs: float
    status: str
    solved: bool
    gates: int
    clauses: int
    seconds: float


@dataclass(frozen=True)
class ChainsSolved:
    """Chains of random bits.

    :param right: chains whose hidden bits were found, all of them.
    :param seconds: with the circuit's.
    """

    bits: int
    right: Rate
    gates: Spread
    clauses: Spread
    seconds: Spread


def scale_figures(*, seconds: float = LIMIT) -> dict[str, Callable[[], Any]]:
    """Adders and sorting networks of several sizes."""
    found: dict[str, Callable[[], Any]] = {
        f"adder, {bits} bits": partial(add, bits, seconds=seconds) for bits in (1, 2, 3)
    }
    for wires, comparators in ((3, 2), (3, 3), (4, 4), (4, 5), (5, 8), (5, 9)):
        name = f"sorting network, {wires} wires, {comparators} comparators"
        found[name] = partial(sort, wires, comparators, seconds=seconds)
    return found


def parity_figures(seeds: Sequence[int]) -> dict[str, Callable[[], Any]]:
    """Chains of several lengths."""
    return {f"{bits} bits": partial(follow_chain, bits, seeds) for bits in (16, 128, 1024)}


def add(bits: int, *, seconds: float = LIMIT) -> Explained:
    """Find a circuit that adds two numbers, from all of its rows.

    Inputs are the numbers' bits in turn, the least first; outputs the sum's. There is one gate more than a
    half adder and full adders need, and two wires more than inputs.

    :param bits: of each number.
    :param seconds: a limit of time.
    :returns: what was found.
    """
    hypers = {"inputs": 2 * bits, "outputs": bits + 1, "wires": 2 * bits + 2, "gates": 5 * bits - 2}
    model = load((FOLDER / "circuit.terpret").read_text(encoding="utf-8"), "circuit.terpret", hypers)
    given = torch.tensor(list(product((0, 1), repeat=2 * bits)))
    weights = 2 ** torch.arange(bits + 1)
    total = (given[:, ::2] * weights[:-1]).sum(-1) + (given[:, 1::2] * weights[:-1]).sum(-1)
    return _explained(model, [given, total[:, None] // weights % 2], seconds)


def sort(wires: int, comparators: int, *, seconds: float = LIMIT) -> Explained:
    """Find a sorting network: it sorts whatever there is where it sorts all zeros and ones.

    :param wires: of it.
    :param comparators: one after the other, each on a pair of wires, the lower number to the first.
    :param seconds: a limit of time.
    :returns: what was found.
    """
    rows = torch.tensor(list(product((0, 1), repeat=wires)))
    return _explained(partial(sorting_network, comparators), [rows, rows.sort(-1).values], seconds)


def follow_chain(bits: int, seeds: Sequence[int], *, seconds: float = LIMIT) -> ChainsSolved:
    """Find the hidden bits of random chains.

    :param bits: of each, at least 2.
    :param seeds: a chain each.
    :param seconds: a limit of time.
    :returns: what was found.
    """
    found, right = list[Explained](), 0
    for seed in seeds:
        hidden = torch.randint(2, (bits,), generator=torch.Generator().manual_seed(seed))
        program = {f"bit_{number}": int(bit) for number, bit in enumerate(hidden)}
        data = [hidden[None, :1], (hidden[1:] ^ hidden[:-1])[None]]
        found.append(_explained(bit_chain, data, seconds, program))
        right += found[-1].status == "optimal"
    numbers = {
        name: spread([getattr(one, name) for one in found]) for name in ("gates", "clauses", "seconds")
    }
    return ChainsSolved(bits, success_rate(right, len(found)), **numbers)


def _explained(
    model: Callable[..., Any],
    data: Sequence[Tensor],
    seconds: float,
    expected: dict[str, int] | None = None,
) -> Explained:
    clock = Clock(None)
    with ProgramSolver(model, data) as solver:
        found = explain(solver, exactly=True, seconds=seconds)
        assert expected is None or found.program in (None, expected)
        return Explained(
            solver.examples,
            round(sum(log10(size) for size in solver.scores.sizes.values()), 1),
            found.status,
            found.status in ("optimal", "infeasible"),
            solver.circuit.gates,
            solver.engine.clauses,
            round(clock.spent, 3),
        )


@runtime([2, 2], 2)
def lower(a: int, b: int) -> int:
    """The lower of two bits."""
    return min(a, b)


@runtime([2, 2], 2)
def higher(a: int, b: int) -> int:
    """The higher of two bits."""
    return max(a, b)


def sorting_network(
    comparators: int, bits: Int[Tensor, "rows wires"], wanted: Int[Tensor, "rows wires"]
) -> None:
    """Comparators on pairs of wires that are to be chosen."""
    pairs = list(combinations(range(bits.shape[1]), 2))
    chosen = [choice(f"pair_{number}", len(pairs)) for number in range(comparators)]
    with pyro.plate("rows", len(bits)):
        wires = list(one_hot(bits, 2).unbind(-2))
        for pair in chosen:
            low = {(a, b): lower(wires[a], wires[b]) for a, b in pairs}
            high = {(a, b): higher(wires[a], wires[b]) for a, b in pairs}
            wires = [
                switch(
                    pair,
                    [low[one] if wire == one[0] else high[one] if wire == one[1] else value for one in pairs],
                )
                for wire, value in enumerate(wires)
            ]
        for wire, value in enumerate(wires):
            observe(f"sorted_{wire}", value, wanted[:, wire])


def bit_chain(first: Int[Tensor, "examples 1"], xors: Int[Tensor, "examples pairs"]) -> None:
    """Bits, each a choice; the first and whether neighbours differ are seen."""
    bits = [choice(f"bit_{number}", 2) for number in range(xors.shape[1] + 1)]
    with pyro.plate("examples", len(first)):
        observe("first", bits[0], first[:, 0])
        for number, (one, other) in enumerate(pairwise(bits)):
            observe(f"xor_{number}", xor(one, other), xors[:, number])
