"""An unrolled text as sums of products, evaluated many variables at a time.

Under TerpreT's marginals a variable's distribution is a sum, over the ways it is set and the values of what
it is set to, of products of probabilities::

    P(x = k) = sum over ways w, arguments a with f_w(a) = k, of
               prod over (c, v) in w of P(c = v) * prod over a of P(a)

Variables that can be computed at the same time (their *level*) are one gather, one product and one scatter,
however many they are and however unlike their texts. What rounding makes of a distribution's total is divided
out there: a variable that reads others has the product of their totals, so that over many steps a total a
millionth above 1 would grow as fast as 2 to the power of 2 to the number of steps.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from operator import mul

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.language.branching import SMALLEST_PROBABILITY
from ntpt_pyro.terpret.costs import number_of_results
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, RuntimeDeclared, cells_of
from ntpt_pyro.terpret.unrolling import Assignment, Unrolled
from ntpt_pyro.terpret.ways import Conditions

Source = Cell | Call
"""What a product reads: a variable, or the result of a learned function."""
Slots = Float[Tensor, "rows *batch"]
"""Probabilities, perhaps of many variables, their own axis first: rows are gathered and scattered whole."""
_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Values that lie side by side.

    :param name: tells it from other blocks.
    :param rows: numbers in it.
    """

    name: Hashable
    rows: int


def number_of_products(assignments: Mapping[Cell, Sequence[Assignment]]) -> int:
    """How many products it takes to compute variables, counted without making them.

    :param assignments: for each variable the ways it is set.
    :returns: the number.
    """
    every = [one for assigned in assignments.values() for one in assigned]
    ways = {one.conditions for one in every}
    values = sum(prod(len(values) for _, values in conditions) for conditions in ways if conditions)
    return values + sum(number_of_results(one.expression) for one in every)


class Stage:
    """Some variables, computed from others.

    :param assignments: for each variable the ways it is set.
    :param conditional: variables whose distributions are given that they are set.
    :param find: where a source is: its block, and its first row there.
    """

    def __init__(
        self,
        assignments: Mapping[Cell, Sequence[Assignment]],
        conditional: Set[Cell],
        find: Callable[[Source], tuple[Block, int]],
    ) -> None:
        self.cells = list(assignments)
        """The variables."""
        self.blocks: dict[Block, int] = {}
        """What they are computed from, with its first row among all rows; row 0 is 1."""
        self._find, self.rows = find, 1
        """Rows of what they are computed from."""
        ways: dict[Conditions, int] = {}
        found: list[_Products] = []
        self.size = 0
        """Numbers computed."""
        for cell, assigned in assignments.items():
            for one in assigned:
                way = ways.setdefault(one.conditions, len(ways) + 1) if one.conditions else 0
                factors, results = self._factors(one.expression)
                found.append(_Products(factors, results + self.size, way))
            self.size += cell.size
        self.sum = SumOfProducts(found)
        """The variables, from rows and the weights of ways."""
        self.ways = SumOfProducts(
            [
                _Products([np.array([self._row(cell) + value]) for cell, value in chosen], np.array([number]))
                for conditions, number in ways.items()
                for chosen in product(*([(cell, value) for value in values] for cell, values in conditions))
            ]
        )
        self.number_of_ways = len(ways)
        """Ways that are told apart, numbered from 1; number 0 is every way."""
        sizes = torch.tensor([cell.size for cell in self.cells], dtype=torch.int64)
        self.cell_of_row = torch.arange(len(sizes)).repeat_interleave(sizes)
        """The place of the variable that each computed number belongs to."""
        self.conditional = torch.tensor([cell in conditional for cell in self.cells])
        """Which variables are divided by the probability that they are set."""
        self.any_conditional = bool(self.conditional.any())
        """Whether any is."""
        self._first_row = self.cell_of_row.diff(prepend=torch.tensor([-1])) > 0

    def _row(self, source: Source) -> int:
        """The first row of a source among all rows."""
        block, first = self._find(source)
        if block not in self.blocks:
            self.blocks[block] = self.rows
            self.rows += block.rows
        return self.blocks[block] + first

    def _factors(self, expression: Expression) -> tuple[list[_Rows], _Rows]:
        """For each product of an expression the rows of its factors, and the result that it adds to."""
        if isinstance(expression, int):
            return [], np.array([expression])
        if isinstance(expression, Cell) or not isinstance(expression.function, RuntimeDeclared):
            values = np.arange(expression.size)
            return [self._row(expression) + values], values
        axes = [np.array([a]) if isinstance(a, int) else np.arange(a.size) for a in expression.arguments]
        grid = [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]
        read = [
            self._row(argument) + column
            for argument, column in zip(expression.arguments, grid, strict=True)
            if isinstance(argument, Cell)
        ]
        return read, expression.function.table[tuple(grid)].astype(np.int64)

    def __call__(self, blocks: Mapping[Block, Slots]) -> Slots:
        """Compute the variables.

        :param blocks: the values of what they are computed from.
        :returns: their distributions side by side, ``[size, *batch]``.
        """
        read = [blocks[block] for block in self.blocks]
        batch = common_batch(read)
        values = torch.cat([torch.ones(1, *batch), *(expanded(block, batch) for block in read)])
        if not self.number_of_ways:
            return self._normalised(self.sum(values, self.size))
        weights = self.ways(values, self.number_of_ways + 1)
        weights = torch.cat([torch.ones(1, *batch), weights[1:]])
        return self._normalised(self.sum(values, self.size, weights))

    def _normalised(self, values: Slots) -> Slots:
        """Distributions without what rounding added; their gradients are as they were.

        What is given that it is set is divided by the probability that it is, gradients too.
        """
        if getattr(values, "vertices", False):
            return values
        with torch.set_grad_enabled(self.any_conditional and torch.is_grad_enabled()):
            totals = values.new_zeros(len(self.cells), *values.shape[1:])
            totals = totals.index_add(0, self.cell_of_row, values)
        if self.any_conditional:
            values, totals = self.given_that_set(values, totals)
        return values / totals.index_select(0, self.cell_of_row)

    def given_that_set(self, values: Slots, totals: Slots) -> tuple[Slots, Slots]:
        """Values and totals to divide; 0 for sure where a variable cannot be set, which nothing reads.

        :param values: of all variables side by side, ``[size, *batch]``.
        :param totals: of each variable, ``[variables, *batch]``.
        :returns: both, where the total of a variable that is set everywhere has no gradient.
        """
        conditional = self.conditional.reshape(-1, *(1,) * (totals.ndim - 1))
        totals = torch.where(conditional, totals, totals.detach())
        never = conditional & (totals < SMALLEST_PROBABILITY)
        rows = never.index_select(0, self.cell_of_row)
        first = self._first_row.reshape(-1, *(1,) * (totals.ndim - 1))
        return torch.where(rows, first.to(values.dtype), values), torch.where(never, 1.0, totals)


@dataclass(frozen=True)
class _Products:
    """Products of one form.

    :param factors: of each product, as rows.
    :param out: what each of them is added to.
    :param way: number of the way that they are all on; 0 for every way.
    """

    factors: list[_Rows]
    out: _Rows
    way: int = 0


class SumOfProducts:
    """Sums of products, all at once; shorter products have ones as their last factors."""

    def __init__(self, products: Sequence[_Products]) -> None:
        self.terms = sum(len(one.out) for one in products)
        """How many there are."""
        self.longest = max((len(one.factors) for one in products), default=0)
        columns = [
            np.stack(
                [
                    np.full(len(one.out), one.way),
                    one.out,
                    *one.factors,
                    *[np.zeros_like(one.out)] * (self.longest - len(one.factors)),
                ]
            )
            for one in products
        ]
        together = np.concatenate(columns, 1) if columns else np.zeros((2, 0), dtype=np.int64)
        rows = torch.from_numpy(together).to(torch.get_default_device())
        self.way, self.out = rows[:2].clone().unbind()
        """For each product its way, and what it is added to."""
        self.factors = rows[2:].reshape(-1).clone()
        """The rows of all first factors, then of all second ones, ..."""

    def __call__(self, values: Slots, size: int, weights: Slots | None = None) -> Slots:
        """Gather, multiply, scatter: ``[size, *batch]``."""
        factors = values.index_select(0, self.factors)
        factors = factors.reshape(self.longest, self.terms, *values.shape[1:])
        parts = list(factors.unbind())
        if weights is not None:
            parts.append(weights.index_select(0, self.way))
        if not parts:
            parts = [values.new_ones(self.terms, *values.shape[1:])]
        return values.new_zeros(size, *values.shape[1:]).index_add(0, self.out, reduce(mul, parts))


def common_batch(read: Sequence[Slots]) -> tuple[int, ...]:
    """The batch that values broadcast to; like torch's own, at a tenth of its cost.

    :param read: values ``[rows, *batch]``.
    :returns: the batch shape.
    """
    shapes = {value.shape[1:] for value in read}
    dims = max((len(shape) for shape in shapes), default=0)
    return tuple(
        max((shape[place + len(shape) - dims] for shape in shapes if place + len(shape) >= dims), default=1)
        for place in range(dims)
    )


def expanded(value: Slots, batch: tuple[int, ...]) -> Slots:
    """Values over a larger batch.

    :param value: ``[rows, *batch]``.
    :param batch: the larger one.
    :returns: a view ``[rows, *batch]``.
    """
    missing = len(batch) - (value.ndim - 1)
    return value.reshape(value.shape[0], *(1,) * missing, *value.shape[1:]).expand(-1, *batch)


def needs(assignments: Mapping[Cell, Sequence[Assignment]]) -> dict[Cell, set[Cell]]:
    """Which variables each variable is computed from, besides inputs and parameters.

    :param assignments: for each variable the ways it is set.
    :returns: for each those that it reads.
    """
    found: dict[Cell, set[Cell]] = {}
    for cell, ways in assignments.items():
        read = {c for one in ways for c, _ in one.conditions}
        read |= {c for one in ways for c in cells_of(one.expression)}
        found[cell] = {other for other in read if other in assignments}
    return found


def levels(unrolled: Unrolled) -> list[list[Cell]]:
    """The variables in the order in which they can be computed, all of a level at once.

    :param unrolled: the text.
    :returns: levels; a variable reads only variables of earlier ones, besides inputs and parameters.
    :raises TerpretError: where variables need each other, on different ways.
    """
    found: list[list[Cell]] = []
    done: set[Cell] = set()
    left = needs(unrolled.assignments)
    while left:
        level = [cell for cell, read in left.items() if read <= done]
        if not level:
            cell = next(iter(left))
            others = ", ".join(sorted(other.text for other in left[cell] - done))
            raise unrolled.source.error(
                unrolled.set_at[cell],
                expected="variables that can be computed one after the other",
                got=f"{cell.text}, which needs {others}, which needs it",
                remedy="set them in the same order on every way",
            )
        found.append(level)
        done.update(level)
        for cell in level:
            del left[cell]
    return found
