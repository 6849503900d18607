"""Boolean circuits: gates over literals, equal ones made once, whole arrays at a time.

A literal is an integer: ``2 * variable`` for a variable, one more for its negation; 0 is false and 1 is true,
so that an array of zeros and ones is an array of literals as it stands. Variables are members of one-hot
groups, of which exactly one is true, or gates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntpt_pyro.errors import BudgetError

Literals = NDArray[np.int64]
"""An array of literals."""
FALSE, TRUE = 0, 1
MOST_GATES = 20_000_000
"""Gates that a circuit may have: several GB, and clauses of as much."""


@dataclass(frozen=True)
class Both:
    """Gates that are true where two literals are, numbered upwards from the variable ``first``."""

    first: int
    left: Literals
    right: Literals

    @property
    def gates(self) -> slice:
        """Their variables."""
        return slice(self.first, self.first + len(self.left))


@dataclass(frozen=True)
class AnyOf:
    """Gates that are true where any of their literals is; those of gate ``i`` begin at ``starts[i]``."""

    first: int
    literals: Literals
    starts: Literals

    @property
    def gates(self) -> slice:
        """Their variables."""
        return slice(self.first, self.first + len(self.starts))

    def of(self, some: Literals) -> tuple[Literals, Literals]:
        """The literals of some gates.

        :param some: the gates, numbered from 0.
        :returns: for each literal the place in ``some`` of its gate; and the literals.
        """
        ends = np.append(self.starts[1:], len(self.literals))
        sizes = (ends - self.starts)[some]
        gates = np.repeat(np.arange(len(some)), sizes)
        within = np.arange(len(gates)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return gates, self.literals[np.repeat(self.starts[some], sizes) + within]


class Circuit:
    """One-hot groups, and gates over them.

    :param most_gates: it refuses to grow beyond so many.

    >>> circuit = Circuit()
    >>> die = circuit.group((), 6)
    >>> int(circuit.both(die[0], die[1])), circuit.any_of(die, np.zeros(6, dtype=np.int64), 1)
    (0, array([1]))
    """

    def __init__(self, *, most_gates: int = MOST_GATES) -> None:
        self.most_gates = most_gates
        self.variables = 1
        """Variables so far; the first one is false."""
        self.place = "the model"
        """What is being built, for messages."""
        self.blocks: list[Both | AnyOf] = []
        """Gates in the order in which they were made; each reads earlier ones only."""
        self.groups: list[Literals] = []
        """Members of one-hot groups, three at least: of smaller ones nothing need be said."""
        self._both: dict[int, int] = {}
        self._any: dict[bytes, int] = {}
        self._operands = _Column(2)  # of a gate Both; 0 of other variables
        self._group = _Column(1)  # in which a positive literal excludes all others; 0 is none
        self._complete = [0]  # by group how many members make it certain that one is true; 0: never

    def __repr__(self) -> str:
        """How large it is, in one line."""
        return f"<Circuit: {self.variables:,} variables, {self.gates:,} gates>"

    @property
    def gates(self) -> int:
        """Gates so far."""
        return len(self._both) + len(self._any)

    @property
    def operands(self) -> Literals:
        """``[2, variables]``: what a gate Both reads; 0 for other variables."""
        return self._operands.of(self.variables)

    def variable(self, count: int = 1) -> int:
        """New variables that are neither in a group nor a gate.

        :param count: how many.
        :returns: the number of the first.
        """
        return int(self._new(count)[0]) // 2

    def check_room(self, more: int) -> None:
        """Refuse before so many more gates are made.

        :param more: how many there may be.
        :raises BudgetError: where the circuit could become too large.
        """
        if self.gates + more > self.most_gates:
            raise BudgetError(
                f"solver, {self.place}",
                expected=f"a circuit of at most {self.most_gates:,} gates",
                got=f"{self.gates:,}, and up to {more:,} more by one operation",
                remedy="give fewer examples or smaller ranges, or factor the model by more steps",
            )

    def group(self, shape: Sequence[int], size: int) -> Literals:
        """New one-hot groups.

        :param shape: of the array of groups.
        :param size: members of each, at least 1.
        :returns: ``[*shape, size]``.
        """
        count = int(np.prod(shape, dtype=np.int64))
        self.check_room(count * size)
        if size == 1:
            return np.ones((*shape, 1), dtype=np.int64)
        if size == 2:
            yes = self._new(count).reshape(shape)
            return np.stack([yes + 1, yes], -1)
        members = self._new(count * size).reshape(*shape, size)
        self.groups += list(members.reshape(-1, size))
        self._exclude(members, complete=size)
        return members

    def exclude(self, members: Literals) -> None:
        """Note that no two literals along the last axis are ever true at once: it makes gates simpler.

        :param members: ``[*batch, size]``.
        """
        self._exclude(members, complete=0)

    def _exclude(self, members: Literals, complete: int) -> None:
        rows = members.reshape(-1, members.shape[-1])
        numbers = len(self._complete) + np.arange(len(rows))
        self._complete += [complete] * len(rows)
        positive = (rows > TRUE) & (rows % 2 == 0)
        variables = rows[positive] // 2
        groups = self._group.of(self.variables)[0]
        free = groups[variables] == 0
        groups[variables[free]] = np.broadcast_to(numbers[:, None], rows.shape)[positive][free]

    def both(self, left: Literals, right: Literals) -> Literals:
        """Where two literals are true.

        :param left: ``[*batch]``.
        :param right: ``[*batch]``; they broadcast.
        :returns: ``[*batch]``.
        """
        low, high = np.minimum(left, right), np.maximum(left, right)
        # Also right where one is false, or they are equal. In C order, so that a view of it can be set.
        found = np.array(np.where(low == TRUE, high, low), order="C")
        places = np.flatnonzero((low > TRUE) & (low != high))
        if len(places):
            pairs = (low.reshape(-1)[places] << 32) | high.reshape(-1)[places]
            keys, inverse = np.unique(pairs, return_inverse=True)
            found.reshape(-1)[places] = self._both_of(keys)[inverse]
        return found

    def _both_of(self, keys: Literals) -> Literals:
        """The same for different pairs of literals, none of them constant."""
        low, high = keys >> 32, keys & 0xFFFFFFFF
        found = self._simpler(low, high)
        for place in np.flatnonzero(found < 0):
            found[place] = self._both.get(int(keys[place]), -1)
        new = np.flatnonzero(found < 0)
        if len(new):
            self.check_room(len(new))
            found[new] = made = self._new(len(new))
            self.operands[:, made // 2] = low[new], high[new]
            self.blocks.append(Both(int(made[0]) // 2, low[new], high[new]))
            self._both.update(zip(keys[new].tolist(), made.tolist(), strict=True))
        return found

    def _simpler(self, low: Literals, high: Literals) -> Literals:
        """What two literals come to without a gate; -1 where one is needed."""
        found = np.full(len(low), -1)
        operands = self.operands
        low_parts, high_parts = operands[:, low // 2], operands[:, high // 2]
        never = self._never(low, high)
        for one, parts, other in ((low, low_parts, high), (high, high_parts, low)):
            for part in parts:  # zero, the false literal, where it is no such gate
                gate, negated = (part > 0) & (one % 2 == 0), (part > 0) & (one % 2 == 1)
                found = np.where(gate & (part == other), one, found)
                found = np.where(negated & (part == other ^ 1), other, found)
                never |= gate & self._never(part, other)
        gates = (low_parts[0] > 0) & (high_parts[0] > 0) & (low % 2 == 0) & (high % 2 == 0)
        for part in low_parts:
            for other in high_parts:
                never |= gates & self._never(part, other)
        return np.where(never, FALSE, found)

    def _never(self, left: Literals, right: Literals) -> NDArray[np.bool_]:
        """Where two literals are never true at once, by what is known of them."""
        group = self._group.of(self.variables)[0]
        positive = (left % 2 == 0) & (right % 2 == 0) & (left != right)
        groups = group[left // 2]
        excluded: NDArray[np.bool_] = positive & (groups > 0) & (groups == group[right // 2])
        either: NDArray[np.bool_] = excluded | (left == right ^ 1)
        return either

    def any_of(self, literals: Literals, places: Literals, count: int) -> Literals:
        """Where any of several literals is true.

        :param literals: ``[n]``.
        :param places: ``[n]``, the result in ``0..count-1`` that each belongs to.
        :param count: how many results.
        :returns: ``[count]``; false where nothing belongs to a result.
        """
        found = np.zeros(count, dtype=np.int64)
        kept = literals != FALSE
        keys = np.unique((places[kept] << 32) | literals[kept])  # by result, each literal once
        places, literals = keys >> 32, keys & 0xFFFFFFFF
        certain = np.zeros(count, dtype=bool)
        certain[places[literals == TRUE]] = True
        paired = (literals[1:] == literals[:-1] + 1) & (literals[:-1] % 2 == 0) & (places[1:] == places[:-1])
        certain[places[1:][paired]] = True
        open_ = ~certain[places]
        places, literals = places[open_], literals[open_]
        found[certain] = TRUE
        if not len(literals):
            return found
        starts = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
        results = places[starts]
        found[results] = literals[starts]  # where there is only one
        self._make_any(found, results, literals, starts)
        return found

    def _make_any(self, found: Literals, results: Literals, literals: Literals, starts: Literals) -> None:
        """Fill in results of several literals each."""
        sizes = np.diff(np.append(starts, len(literals)))
        whole = self._covered(literals, starts, sizes)
        found[results[whole >= 0]] = whole[whole >= 0]
        made, parts, first = dict[bytes, int](), list[Literals](), self.variables
        for number in np.flatnonzero((sizes > 1) & (whole < 0)).tolist():
            own = literals[starts[number] : starts[number] + sizes[number]]
            key = own.tobytes()
            known = self._any.get(key) or made.get(key)
            if known is None:
                known = made[key] = 2 * (first + len(parts))
                parts.append(own)
            found[results[number]] = known
        if parts:
            self.check_room(len(parts))
            self._any |= made
            self._new(len(parts))
            lengths = np.array([0, *(len(part) for part in parts[:-1])])
            self.blocks.append(AnyOf(first, np.concatenate(parts), lengths.cumsum()))

    def _covered(self, literals: Literals, starts: Literals, sizes: Literals) -> Literals:
        """What results come to that have all of a group, or all of a group under one condition; else -1."""
        found = np.where(self._complete_group(literals, starts, sizes), TRUE, -1)
        gates = self.operands[:, literals // 2] * (literals % 2 == 0)
        for candidates in gates:
            condition = candidates[starts]
            each = np.repeat(condition, sizes)
            shared = (each > 0) & ((gates[0] == each) | (gates[1] == each))
            others = np.where(gates[0] == each, gates[1], gates[0])
            every = np.logical_and.reduceat(shared, starts) & self._complete_group(others, starts, sizes)
            found = np.where(every, condition, found)
        return found

    def _complete_group(self, literals: Literals, starts: Literals, sizes: Literals) -> NDArray[np.bool_]:
        """Which results have different literals one of which is certainly true."""
        group = self._group.of(self.variables)[0][literals // 2] * (literals % 2 == 0)
        first = group[starts]
        same = np.logical_and.reduceat(group == np.repeat(first, sizes), starts)
        second = literals[np.minimum(starts + 1, len(literals) - 1)]
        opposite = (sizes == 2) & (literals[starts] ^ 1 == second)
        complete: NDArray[np.bool_] = (first > 0) & same & (np.array(self._complete)[first] == sizes)
        either: NDArray[np.bool_] = complete | opposite
        return either

    def values(self, true: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Compute every gate.

        :param true: ``[variables, *batch]``, of which only members of groups are looked at.
        :returns: the same with every gate's value.
        """
        true = true.copy()
        true[0] = False
        for block in self.blocks:
            if isinstance(block, Both):
                value = value_of(true, block.left) & value_of(true, block.right)
            else:
                value = np.logical_or.reduceat(value_of(true, block.literals), block.starts, axis=0)
            true[block.gates] = value
        return true

    def _new(self, count: int) -> Literals:
        first = self.variables
        self.variables += count
        return 2 * np.arange(first, self.variables)


def value_of(true: NDArray[np.bool_], literals: Literals) -> NDArray[np.bool_]:
    """The value of literals.

    :param true: ``[variables, *batch]``, the value of each variable.
    :param literals: ``[*shape]``.
    :returns: ``[*shape, *batch]``.
    """
    negated = np.reshape(literals % 2 == 1, (*np.shape(literals), *(1,) * (true.ndim - 1)))
    value: NDArray[np.bool_] = true[literals // 2] ^ negated
    return value


class _Column:
    """Integers by variable, as many as there are variables; zero until they are set."""

    def __init__(self, rows: int) -> None:
        self._values = np.zeros((rows, 1024), dtype=np.int64)

    def of(self, variables: int) -> Literals:
        """The integers of so many variables, to be read or set.

        :param variables: how many.
        :returns: ``[rows, variables]``.
        """
        if variables > self._values.shape[1]:
            larger = np.zeros((len(self._values), 2 * variables), dtype=np.int64)
            larger[:, : self._values.shape[1]] = self._values
            self._values = larger
        return self._values[:, :variables]
