"""Scores of the ways to end, for all states before: at the observed labels only, a few examples at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.inference.exact.contents import Ids, distinct
from ntpt_pyro.inference.exact.ends import Applied, Result, Setting
from ntpt_pyro.inference.exact.evaluation import Column, Evaluation
from ntpt_pyro.inference.exact.label_scores import Score
from ntpt_pyro.inference.exact.nodes import Data, Node
from ntpt_pyro.inference.exact.programs import Log, Programs, Rows
from ntpt_pyro.language.runtime_functions import RuntimeFunction

EXAMPLES_FIRST = 4
"""Examples that all are scored on; those that may be kept are scored on the others."""
AT_ONCE = 2**21
"""Numbers that are multiplied at a time."""
FEW = 0.25
"""Values of which there are so many different ones, as a share of the states, are not projected on."""


@dataclass(frozen=True)
class Kept:
    """What a way to end keeps.

    :param states: which of them.
    :param log_likelihoods: of each.
    :param mass: of each, its likelihood included, as a share of the scale.
    :param dropped: the mass of the others, their likelihood so far included, likewise.
    """

    states: Rows
    log_likelihoods: Log
    mass: Log
    dropped: float


class EndScores:
    """Scores ways to end.

    :param states: the programs so far.
    :param log_mass: of each.
    :param scores: of the observed values, in order.
    :param evaluation: of their values.
    :param least: log of the mass below which one is dropped.
    """

    def __init__(
        self, states: Programs, log_mass: Log, scores: Sequence[Score], evaluation: Evaluation, least: float
    ) -> None:
        self.states = states
        self.scores = scores
        self.evaluation = evaluation
        self.scale = float(log_mass.max())
        self.mass = np.exp(log_mass - self.scale)
        self.least = np.exp(least - self.scale)
        self._projections: dict[frozenset[Node], tuple[Rows, Rows, Log]] = {}
        self._many: set[Node] = set()
        self._few: set[Node] = set()
        self._columns: dict[object, Column] = {}
        self._counted: dict[int, int] = {}
        self._latest: tuple[object, tuple[Tensor, Rows]] | None = None

    def __call__(self, setting: Setting, results: tuple[Result, ...], log_prior: Mapping[str, Log]) -> Kept:
        """Score one way to end.

        :param setting: its choices.
        :param results: what the observed values are then.
        :param log_prior: by choice the log-probability of each alternative.
        :returns: the states that are kept.
        """
        nodes = set().union(*map(self._nodes, results))
        for node in nodes:
            self.evaluation(node, self.states, self.states.rows)
        rows, inverse, mass = self._projected(frozenset(nodes))
        prior = np.exp(sum(log_prior[site][integer] for site, integer in setting.items()))
        weight = mass * prior
        likelihood = np.zeros(len(rows))
        alive = np.arange(len(rows))
        dropped = 0.0
        for first, last in self._parts():
            for result, score in zip(results, self.scores, strict=True):
                likelihood[alive] += self._score(result, score, rows[alive], first, last)
            now = weight[alive] * np.exp(likelihood[alive])
            keep = now >= self.least if self.least else np.isfinite(likelihood[alive])
            dropped += float(now[~keep].sum())
            alive = alive[keep]
            if not len(alive):
                break
        if inverse is not None and len(alive):
            chosen = np.zeros(len(rows), dtype=bool)
            chosen[alive] = True
            states = np.flatnonzero(chosen[inverse])
            likelihoods = likelihood[inverse[states]]
        else:
            states, likelihoods = alive, likelihood[alive]
        return Kept(states, likelihoods, self.mass[states] * prior * np.exp(likelihoods), dropped)

    def _parts(self) -> list[tuple[int, int]]:
        examples = len(self.scores[0].integers)
        first = min(examples, EXAMPLES_FIRST)
        return [(0, first), (first, examples)] if first < examples else [(0, examples)]

    def _nodes(self, result: Result) -> set[Node]:
        if isinstance(result, Node):
            return {result}
        if isinstance(result, Applied):
            return set().union(*map(self._nodes, result.arguments))
        return set()

    def _projected(self, nodes: frozenset[Node]) -> tuple[Rows, Rows | None, Log]:
        """States that are different in some values: one of each kind, the kind of each, the kinds' mass."""
        for node in nodes - self._many - self._few:
            kinds = self._kinds(self.states.values[node])
            (self._many if kinds > FEW * len(self.states) else self._few).add(node)
        if nodes & self._many:
            return self.states.rows, None, self.mass
        if nodes not in self._projections:
            columns = [self.states.values[node] for node in nodes]
            first, inverse = distinct(columns) if columns else (self.states.rows[:1], 0 * self.states.rows)
            self._projections[nodes] = first, inverse, np.bincount(inverse, self.mass).astype(np.float64)
        return self._projections[nodes]

    def _score(self, result: Result, score: Score, rows: Rows, first: int, last: int) -> Log:
        if isinstance(result, Tensor):
            contents = result.expand(1, len(score.integers), result.shape[-1])
            return np.full(len(rows), score.of_part(contents, first, last)[0])
        if isinstance(result, Node):
            ids = self.states.values[result][rows]
            some, inverse = distinct([ids])
            return score.of_part(self.evaluation.contents(result)[ids[some]], first, last)[inverse]
        return self._applied(result, score, rows, first, last)

    def _column(self, argument: Result, node: Node | Tensor) -> Column:
        """The contents of an argument, for all states."""
        if isinstance(argument, Node):
            return argument, self.states.values[argument]
        if isinstance(argument, Tensor):
            key: object = (id(node), id(argument))
            if key not in self._columns:
                place = node if isinstance(node, Node) else Data(-1, tuple(node.shape), node)
                constant = self.evaluation.constant(argument, place.shape)
                self._columns[key] = place, np.full(len(self.states), constant, dtype=np.int32)
            return self._columns[key]
        key = (argument.node, tuple(map(id, argument.arguments)))
        if key not in self._columns:
            columns = [
                self._column(inner, operand)
                for inner, operand in zip(argument.arguments, argument.node.operands, strict=True)
                if isinstance(operand, Node)
            ]
            self._columns[key] = argument.node, self.evaluation.applied(argument.node, columns)
        return self._columns[key]

    def _applied(self, result: Applied, score: Score, rows: Rows, first: int, last: int) -> Log:
        function = result.node.function
        columns = [
            self._column(argument, operand)
            for argument, operand in zip(result.arguments, result.node.operands, strict=True)
        ]
        order = sorted(
            range(len(columns)), key=lambda place: (-function.ranges[place], self._kinds(columns[place][1]))
        )
        *before, (node, ids) = (columns[place] for place in order)
        ids = ids[rows]
        if first:
            partial, which = self._joint(
                function, order, [(n, i[rows]) for n, i in before], score, first, last, len(rows)
            )
        else:
            partial, which = self._joint_of_all(function, order, before, score, last)
            which = which[rows]
        some, place = distinct([ids])
        values = self._examples(node, ids[some], first, last)
        found = np.empty(len(rows))
        at_once = max(1, AT_ONCE // values[0].numel())
        for begin in range(0, len(rows), at_once):
            part = slice(begin, begin + at_once)
            labelled = (partial[torch.from_numpy(which[part])] * values[torch.from_numpy(place[part])]).sum(
                -1
            )
            found[part] = score.likely(labelled).double().log().sum(-1).numpy()
        return found

    def _kinds(self, ids: Ids) -> int:
        """How many different contents a column has."""
        if id(ids) not in self._counted:
            self._counted[id(ids)] = len(np.unique(ids))
        return self._counted[id(ids)]

    def _joint_of_all(
        self, function: RuntimeFunction, order: list[int], columns: list[Column], score: Score, last: int
    ) -> tuple[Tensor, Rows]:
        """See :meth:`_joint`, for all states; the latest is kept, as ways to end come in order."""
        key = (function, score, *((node, id(ids)) for node, ids in columns))
        if self._latest is None or self._latest[0] != key:
            self._latest = key, self._joint(function, order, columns, score, 0, last, len(self.states))
        return self._latest[1]

    def _joint(
        self,
        function: RuntimeFunction,
        order: list[int],
        columns: list[Column],
        score: Score,
        first: int,
        last: int,
        rows: int,
    ) -> tuple[Tensor, Rows]:
        """A function at the labels with all arguments but the last filled in, and which each row has."""
        labels = score.integers[first:last].reshape(-1, *[1] * function.table.ndim)
        table = (function.table.unsqueeze(0) == labels).to(torch.get_default_dtype())
        table = table.permute(0, *(1 + place for place in order)).reshape(1, last - first, -1)
        if not columns:
            return table, np.zeros(rows, dtype=np.int64)
        kinds, which = distinct([ids for _, ids in columns])
        sizes = [node.shape[-1] for node, _ in columns]
        made = torch.empty(len(kinds), last - first, table.shape[-1] // int(np.prod(sizes)))
        at_once = max(1, 4 * AT_ONCE * sizes[0] // table.numel())
        for begin in range(0, len(kinds), at_once):
            part = kinds[begin : begin + at_once]
            some = [(node, ids[part]) for node, ids in columns]
            made[begin : begin + at_once] = self._filled_in(table, some, first, last)
        return made, which

    def _filled_in(self, table: Tensor, columns: list[Column], first: int, last: int) -> Tensor:
        """A table with arguments filled in, one after the other; what begins alike is computed once."""
        partial, which = table, np.zeros(len(columns[0][1]), dtype=np.int64)
        so_far: list[Ids] = []
        for node, ids in columns:
            so_far.append(ids)
            rows, inverse = distinct(so_far)
            value = self._examples(node, ids[rows], first, last)
            before = partial.unflatten(-1, (value.shape[-1], -1))
            if len(partial) == 1:  # a matrix product an example: batched, it would be copied for every row
                partial = torch.einsum("ren,enm->rem", value, before[0])
            else:
                before = before[torch.from_numpy(which[rows])]
                partial = (value.unsqueeze(-2) @ before).squeeze(-2)
            which = inverse
        return partial[torch.from_numpy(which)]

    def _examples(self, node: Node, ids: Ids, first: int, last: int) -> Tensor:
        contents = self.evaluation.contents(node)[ids]
        flat = contents.reshape(len(ids), -1, node.shape[-1])
        return flat[:, first:last] if flat.shape[1] > 1 else flat.expand(-1, last - first, -1)
