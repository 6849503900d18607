"""Ways through a program text: on which of them a variable is set."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ntpt_pyro.terpret.symbols import Cell

Conditions = tuple[tuple[Cell, tuple[int, ...]], ...]
"""The way to a place in the text: variables, each with the values that lead there."""
Possible = Callable[[Cell], Sequence[int]]
"""The integers that a variable can be."""
Lead = TypeVar("Lead")
"""What a way leads to."""


def divided(
    ways: Iterable[tuple[Conditions, Lead]], cell: Cell, possible: Iterable[int]
) -> dict[int, list[tuple[Conditions, Lead]]]:
    """Ways by the integer of a variable.

    :param ways: the conditions of each, and what it leads to.
    :param cell: the variable.
    :param possible: the integers that it can be.
    :returns: for each integer the ways that are taken then, with their other conditions.
    """
    found: dict[int, list[tuple[Conditions, Lead]]] = {value: [] for value in possible}
    for conditions, lead in ways:
        values = next((values for other, values in conditions if other == cell), found)
        left = tuple(pair for pair in conditions if pair[0] != cell)
        for value in values:
            if value in found:
                found[value].append((left, lead))
    return found


def covers(ways: Sequence[Conditions], possible: Possible) -> bool:
    """Whether whatever variables are, one of several ways is taken.

    :param ways: the ways.
    :param possible: the integers that a variable can be.
    :returns: whether it is so.
    """
    if not ways:
        return False
    if not all(ways):
        return True
    cell = ways[0][0][0]
    cases = divided(((way, None) for way in ways), cell, possible(cell))
    different = {tuple(way for way, _ in some) for some in cases.values()}
    return all(covers(some, possible) for some in different)


@dataclass
class SetIn:
    """Variables that are set in a part of the text: on every way through it, or on some.

    :param everywhere: variables that are set on every way.
    :param somewhere: for others the ways, beyond the one that leads to this part of the text.
    """

    everywhere: set[Cell] = field(default_factory=set)
    somewhere: dict[Cell, list[Conditions]] = field(default_factory=dict)

    def join(self, cell: Cell, cases: Sequence[tuple[tuple[int, ...], "SetIn"]], possible: Possible) -> None:
        """Take over what is set in the cases of a branch.

        :param cell: the variable that it is on.
        :param cases: the values that lead to each case, and what is set there.
        :param possible: the integers that a variable can be here.
        """
        found: dict[Cell, dict[Conditions, list[int]]] = {}
        for values, inside in cases:
            for one in inside.everywhere:
                found.setdefault(one, {}).setdefault((), []).extend(values)
            for one, ways in inside.somewhere.items():
                for way in ways:
                    found.setdefault(one, {}).setdefault(way, []).extend(values)
        for one, by_way in found.items():
            made = [
                way if len(values) == len(possible(cell)) else ((cell, tuple(values)), *way)
                for way, values in by_way.items()
            ]
            made += self.somewhere.pop(one, [])
            if covers(made, possible):
                self.everywhere.add(one)
            else:
                self.somewhere[one] = made
