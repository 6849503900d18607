"""Programs that run together: what each has chosen so far, and what its values are evaluated to."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ntpt_pyro.inference.exact.contents import Ids
from ntpt_pyro.inference.exact.nodes import Node

Rows = NDArray[np.int64]
Log = NDArray[np.float64]
"""Logarithms, in nats."""
OPEN = -1
"""Stands for a choice that nothing has read yet: a row is all programs that differ there."""


def add_prior_made(
    mass: Log,
    before: Mapping[str, Ids],
    after: Mapping[str, Ids],
    origin: Rows,
    log_prior: Mapping[str, Log],
) -> None:
    """Add to programs the log-prior of the choices that they have made since they began.

    :param mass: ``[programs]``, changed in place.
    :param before: by site, ``[programs before]``.
    :param after: by site, ``[programs]``.
    :param origin: ``[programs]``, what each began as.
    :param log_prior: by choice the log-probability of each alternative.
    """
    for site, column in after.items():
        made = (column != OPEN) & (before[site][origin] == OPEN)
        mass[made] += log_prior[site][column[made]]


class TooManyRowsError(Exception):
    """There are more programs than memory was given for."""


class Programs:
    """Rows of programs; a row stands for all programs that make its choices.

    :param choices: by site, ``[rows]``, its integer or :data:`OPEN`.
    :param values: by node, ``[rows]``, the number of its content; -1 where it is not evaluated.
    :param origin: ``[rows]``, the row that each began as.
    :param most: rows that there may be.
    :param fixed: whether no further choice may be made.
    """

    def __init__(
        self,
        choices: dict[str, Ids],
        values: dict[Node, Ids],
        origin: Rows,
        most: int,
        *,
        fixed: bool = False,
    ) -> None:
        self.choices = choices
        self.values = values
        self.origin = origin
        self.most = most
        self.fixed = fixed

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def rows(self) -> Rows:
        """All of them."""
        every: Rows = np.arange(len(self))
        return every

    def choose(self, site: str, size: int, rows: Rows) -> Rows:
        """Let rows make a choice where it is open: each becomes one row an alternative.

        :param site: the choice.
        :param size: the number of alternatives.
        :param rows: some.
        :returns: they, and those that were added.
        """
        column = self.choices[site]
        if self.fixed:
            decided: Rows = rows[column[rows] != OPEN]
            return decided
        undecided = rows[column[rows] == OPEN]
        if not len(undecided):
            return rows
        added = len(undecided) * (size - 1)
        if len(self) + added > self.most:
            raise TooManyRowsError
        first = len(self)
        copied = np.tile(undecided, size - 1)
        self.choices = {name: np.concatenate([one, one[copied]]) for name, one in self.choices.items()}
        self.values = {node: np.concatenate([one, one[copied]]) for node, one in self.values.items()}
        self.origin = np.concatenate([self.origin, self.origin[copied]])
        self.choices[site][undecided] = 0
        self.choices[site][first:] = np.repeat(np.arange(1, size), len(undecided))
        return np.concatenate([rows, np.arange(first, len(self))])

    def take(self, rows: Rows, nodes: Sequence[Node], *, fixed: bool = False) -> "Programs":
        """Some rows with some of their values, that begin anew.

        :param rows: which.
        :param nodes: whose values are kept.
        :param fixed: whether no further choice may be made.
        :returns: they.
        """
        choices = {site: column[rows] for site, column in self.choices.items()}
        return Programs(
            choices, {n: self.values[n][rows] for n in nodes}, rows.copy(), self.most, fixed=fixed
        )
