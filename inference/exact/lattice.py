"""How programs merged: which states of one cut lead to which of the next, by which choices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ntpt_pyro.inference.exact.contents import Ids
from ntpt_pyro.inference.exact.programs import Rows


@dataclass(frozen=True)
class Level:
    """The ways into the states of a cut.

    :param origin: ``[ways]``, the state before.
    :param settings: by choice that is read no more, ``[ways]``, what it was set to.
    :param state: ``[ways]``, the state that it leads to.
    :param states: how many there are.
    """

    origin: Rows
    settings: Mapping[str, Ids]
    state: Rows
    states: int


@dataclass
class Lattice:
    """Programs as ways through states, from those that a pass began with.

    :param starts: how many programs each of those stands for.
    :param sites: of their choices, in order.
    """

    starts: NDArray[np.float64]
    sites: tuple[str, ...]
    levels: list[Level] = field(default_factory=list)

    def ways(self) -> NDArray[np.float64]:
        """How many programs each state of the last level stands for."""
        found = self.starts
        for level in self.levels:
            found = np.bincount(level.state, found[level.origin], level.states).astype(np.float64)
        return found

    def one_of_each(self, settings: Mapping[str, Ids]) -> dict[str, Ids]:
        """For each state of the last level one of the programs that lead to it.

        :param settings: by choice that is not decided on the way, ``[states]``.
        :returns: by choice, ``[states]``, what that program sets it to.
        """
        found = dict(settings)
        states: Rows | None = None
        for level in reversed(self.levels):
            _, first = np.unique(level.state, return_index=True)
            ways = first if states is None else first[states]
            found |= {site: column[ways] for site, column in level.settings.items()}
            states = level.origin[ways]
        return {site: found[site] for site in self.sites}

    def unmerged(self, states: Rows, settings: Mapping[str, Ids]) -> tuple[Rows, dict[str, Ids], Rows]:
        """All programs of some ends.

        :param states: ``[ends]``, of the last level.
        :param settings: by choice, ``[ends]``.
        :returns: for each program what it began as, by choice what it is set to, and the end that it has.
        """
        found, which = dict(settings), np.arange(len(states))
        for level in reversed(self.levels):
            order = np.argsort(level.state, kind="stable")
            first = np.searchsorted(level.state[order], np.arange(level.states + 1))
            counts = (first[1:] - first[:-1])[states]
            ends = np.repeat(np.arange(len(states)), counts)
            within = np.arange(len(ends)) - np.repeat(counts.cumsum() - counts, counts)
            ways = order[first[states][ends] + within]
            found = {site: column[ends] for site, column in found.items()}
            found |= {site: column[ways] for site, column in level.settings.items()}
            states, which = level.origin[ways], which[ends]
        return states, {site: found[site] for site in self.sites}, which
