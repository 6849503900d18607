"""All variables of a text in one pass, with gradients by hand.

Under forward marginals no handler looks in between. Then the levels of a text need not be tensors of their
own that are joined again for each later level: they lie in one tensor, which is filled level by level, and
gradients are gathered in one tensor of that size, level by level backwards. Values are those of
:class:`~ntpt_pyro.terpret.sums_of_products.Stage`, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import mul
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.bounds import check_memory
from ntpt_pyro.terpret.sums_of_products import Block, Slots, Stage, SumOfProducts, common_batch, expanded


@dataclass(frozen=True, eq=False)
class _Step:
    """Sums of products of rows that are there.

    :param factors: rows of the factors, ``[longest * products]``.
    :param products: how many there are.
    :param out: for each product the row that it is added to.
    """

    factors: Tensor
    products: int
    out: Tensor

    def products_of(self, values: Slots) -> Slots:
        """The products, ``[products, *batch]``."""
        if not len(self.factors):
            return values.new_ones(self.products, *values.shape[1:])
        return reduce(mul, self._gathered(values))

    def gradients_of(self, values: Slots, gradient: Slots) -> Slots:
        """What gradients of the sums make of all factors, ``[longest * products, *batch]``."""
        factors = self._gathered(values)
        before = gradient.index_select(0, self.out)
        after: list[Slots] = []
        """Products of the last factor, of the last two, ..."""
        for factor in factors[:0:-1]:
            after.append(after[-1] * factor if after else factor)
        found = before.new_empty(len(factors), *before.shape)
        for place, factor in enumerate(factors[:-1]):
            torch.mul(before, after.pop(), out=found[place])
            before = before * factor
        found[-1] = before
        return found.reshape(-1, *before.shape[1:])

    def _gathered(self, values: Slots) -> Sequence[Slots]:
        """The first factors of all products, the second ones, ..."""
        found = values.index_select(0, self.factors)
        return found.reshape(-1, self.products, *values.shape[1:]).unbind()


class OnePass:
    """Computes the stages of a text, one after the other.

    :param first: blocks that are given.
    :param stages: what is computed, each with the block that it makes.
    :param wanted: rows of blocks that are returned by themselves.
    """

    def __init__(
        self,
        first: Sequence[Block],
        stages: Sequence[tuple[Block, Stage]],
        wanted: Sequence[tuple[Block, int]],
    ) -> None:
        self.first = list(first)
        self.rows: dict[Block, int] = {}
        """The first row of every block."""
        self.size = 1
        """Rows of all blocks and ways; row 0 is 1."""
        for block in first:
            self._place(block)
        self.steps: list[tuple[_Step | None, _Step, Stage, slice]] = []
        """For each stage the weights of its ways, its variables, and the rows of these."""
        for block, stage in stages:
            here = torch.zeros(stage.rows, dtype=torch.int64)
            for read, start in stage.blocks.items():
                here[start : start + read.rows] = torch.arange(read.rows) + self.rows[read]
            ways, way_rows = None, torch.zeros(1, dtype=torch.int64)
            if stage.number_of_ways:
                way_rows = torch.cat([way_rows, torch.arange(stage.number_of_ways) + self.size])
                self.size += stage.number_of_ways
                ways = _placed(stage.ways, here, way_rows)
            self._place(block)
            rows = slice(self.rows[block], self.rows[block] + block.rows)
            variables = _placed(stage.sum, here, torch.arange(block.rows) + rows.start, way_rows)
            self.steps.append((ways, variables, stage, rows))
        largest = max((len(step.factors) for steps in self.steps for step in steps[:2] if step), default=0)
        self._numbers = 2 * self.size + 2 * largest
        self.wanted = torch.tensor([self.rows[block] + row for block, row in wanted], dtype=torch.int64)
        """The rows that are returned by themselves."""

    def _place(self, block: Block) -> None:
        self.rows[block] = self.size
        self.size += block.rows

    def __call__(self, blocks: Mapping[Block, Slots]) -> tuple[Slots, Slots]:
        """Compute all variables.

        :param blocks: those that are given.
        :returns: all rows ``[rows, *batch]``, and those that are wanted ``[wanted, *batch]``, whose gradients
            cost less than those of parts of the first.
        """
        given = [blocks[block] for block in self.first]
        batch = common_batch(given)
        check_memory(
            "text",
            4 * prod(batch) * self._numbers,
            of=f"{self._numbers:,} numbers for each of {prod(batch):,} restarts times instances",
            remedy="train fewer restarts at once (--restarts), or make the text smaller",
        )
        together = torch.cat([torch.ones(1, *batch), *(expanded(block, batch) for block in given)])
        found: tuple[Tensor, Tensor] = _Filled.apply(together, self)
        return found


def _placed(sums: SumOfProducts, here: Tensor, out: Tensor, ways: Tensor | None = None) -> _Step:
    """Sums of products with their rows among all rows."""
    factors = here[sums.factors]
    if ways is not None and len(ways) > 1:
        factors = torch.cat([factors, ways[sums.way]])
    return _Step(factors, sums.terms, out[sums.out])


class _Filled(torch.autograd.Function):
    """All rows from the first."""

    @staticmethod
    def forward(ctx: Any, together: Tensor, whole: OnePass) -> tuple[Tensor, Tensor]:
        """Fill the rows, level by level."""
        values = together.new_zeros(whole.size, *together.shape[1:])
        values[: len(together)] = together
        totals = []
        for ways, variables, stage, rows in whole.steps:
            for step in (ways, variables):
                if step is not None:
                    values.index_add_(0, step.out, step.products_of(values))
            totals.append(_normalise(stage, values[rows]))
        ctx.whole, ctx.given = whole, len(together)
        ctx.save_for_backward(values, *totals)
        ctx.set_materialize_grads(False)
        return values, values.index_select(0, whole.wanted)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        """Gather gradients, level by level backwards."""
        values, *totals = ctx.saved_tensors
        of_all, of_wanted = gradients
        gradient = torch.zeros_like(values) if of_all is None else of_all.clone()
        if of_wanted is not None:
            gradient.index_add_(0, ctx.whole.wanted, of_wanted)
        for (ways, variables, stage, rows), total in zip(
            reversed(ctx.whole.steps), reversed(totals), strict=True
        ):
            _normalise_backward(stage, values[rows], gradient[rows], total)
            for step in (variables, ways):
                if step is not None and len(step.factors):
                    gradient.index_add_(0, step.factors, step.gradients_of(values, gradient))
        return gradient[: ctx.given], None


def _normalise(stage: Stage, values: Slots) -> Slots:
    """Divide variables by their totals, in place; what they were divided by, ``[variables, *batch]``."""
    totals = values.new_zeros(len(stage.cells), *values.shape[1:]).index_add_(0, stage.cell_of_row, values)
    if stage.any_conditional:
        found, totals = stage.given_that_set(values, totals)
        values.copy_(found)
    values.div_(totals.index_select(0, stage.cell_of_row))
    return totals


def _normalise_backward(stage: Stage, values: Slots, gradient: Slots, totals: Slots) -> None:
    """Gradients of what was divided, in place; totals that are 1 but for rounding have none."""
    if stage.any_conditional:
        of_totals = torch.zeros_like(totals).index_add_(0, stage.cell_of_row, gradient * values)
        of_totals *= stage.conditional.reshape(-1, *(1,) * (totals.ndim - 1))
        gradient.sub_(of_totals.index_select(0, stage.cell_of_row))
    gradient.div_(totals.index_select(0, stage.cell_of_row))
