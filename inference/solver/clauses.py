"""A circuit's gates and groups as clauses: those that a question needs, each once."""

import numpy as np
from numpy.typing import NDArray

from ntpt_pyro.inference.solver.circuit import Both, Circuit, Literals, value_of

Clauses = NDArray[np.int32]
"""Clauses as solvers read them: signed numbers of variables, each clause ended by 0."""
PAIRWISE = 24
"""Members up to which a clause for each pair says that they exclude each other."""


def signed(literals: Literals) -> Literals:
    """Literals as solvers write them: a variable's number, below zero where negated.

    :param literals: of a circuit, none of them constant.
    :returns: the same shape.
    """
    return np.where(literals % 2 == 1, -(literals // 2), literals // 2)


class ClauseWriter:
    """Writes the clauses of a growing circuit.

    :param circuit: the circuit.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._written = np.zeros(1, dtype=bool)
        self._groups = 0

    def needed(self, roots: Literals) -> Clauses:
        """The clauses that give literals their meaning and were not written yet.

        :param roots: the literals that a question is about.
        :returns: clauses, of all new groups too.
        """
        circuit = self.circuit
        wanted = np.zeros(circuit.variables, dtype=bool)
        wanted[np.asarray(roots).reshape(-1) // 2] = True
        written = np.zeros(circuit.variables, dtype=bool)
        written[: len(self._written)] = self._written
        parts = []
        for block in reversed(circuit.blocks):
            here = np.flatnonzero(wanted[block.gates] & ~written[block.gates])
            if not len(here):
                continue
            written[block.first + here] = True
            if isinstance(block, Both):
                left, right = block.left[here], block.right[here]
                wanted[left // 2] = True
                wanted[right // 2] = True
                parts.append(_both(block.first + here, signed(left), signed(right)))
            else:
                gates, literals = block.of(here)
                wanted[literals // 2] = True
                parts.append(_any(block.first + here, gates, signed(literals)))
        self._written = written
        groups = circuit.groups[self._groups :]
        self._groups = len(circuit.groups)
        made = [*(exactly_one(signed(group), circuit) for group in groups), *parts]
        return np.concatenate(made).astype(np.int32) if made else np.zeros(0, dtype=np.int32)


def unit_clauses(literals: Literals) -> Clauses:
    """Clauses by which literals are true.

    :param literals: as solvers write them.
    :returns: a clause each.
    """
    return np.stack([literals, np.zeros_like(literals)], -1).reshape(-1).astype(np.int32)


def _both(gates: Literals, left: Literals, right: Literals) -> Literals:
    zero = np.zeros_like(gates)
    return np.stack([-gates, left, zero, -gates, right, zero, gates, -left, -right, zero], -1).reshape(-1)


def _any(gates: Literals, places: Literals, literals: Literals) -> Literals:
    each = gates[places]
    implied = np.stack([each, -literals, np.zeros_like(each)], -1).reshape(-1)
    count = len(gates)
    order = np.argsort(np.concatenate([np.arange(count), places, np.arange(count)]), kind="stable")
    whole = np.concatenate([-gates, literals, np.zeros(count, dtype=np.int64)])[order]
    return np.concatenate([implied, whole])


def exactly_one(members: Literals, circuit: Circuit) -> Literals:
    """Clauses by which exactly one of several literals is true.

    :param members: as solvers write them.
    :param circuit: takes the variables that many members need.
    :returns: clauses.
    """
    return np.concatenate([[*members, 0], at_most_one(members, circuit)])


def at_most_one(members: Literals, circuit: Circuit) -> Literals:
    """Clauses by which at most one of several literals is true.

    :param members: as solvers write them.
    :param circuit: takes the variables that many members need.
    :returns: clauses.
    """
    parts = []
    while len(members) > PAIRWISE:  # the first ones, with a literal that is true where one of them is
        some, rest = members[: PAIRWISE - 1], members[PAIRWISE - 1 :]
        any_of_them = circuit.variable()
        parts.append(_pairs(some))
        parts.append(np.stack([-some, np.full_like(some, any_of_them), np.zeros_like(some)], -1).reshape(-1))
        members = np.append(rest, any_of_them)
    return np.concatenate([*parts, _pairs(members)])


def _pairs(members: Literals) -> Literals:
    first, second = np.triu_indices(len(members), 1)
    zero = np.zeros_like(first)
    return np.stack([-members[first], -members[second], zero], -1).reshape(-1)


def some_true(true: NDArray[np.bool_], members: Literals) -> Literals:
    """Which member of each group is true.

    :param true: ``[variables]``.
    :param members: ``[*batch, size]``.
    :returns: ``[*batch]``.
    """
    found: Literals = value_of(true, members).argmax(-1)
    return found
