"""Products of many values with a function's table, without the multiplications by its zeros.

The indicator ``1[f(i, j) = k]`` has a single one for each pair (i, j), so that a matrix product with it
multiplies by zeros, most of the time. Here the products x[i] y[j] of one result are added up instead, for
many elements of the batch at once. The sums are the same, in another order: equal up to rounding.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from ntpt_pyro.language.values import Value

HELD = 2**18
"""Products of pairs that are held at once, so that they stay in a core's cache."""


class TableProduct:
    """The multilinear extension of a function of two or more arguments, at values of one batch, on the CPU.

    :param table: the function on its whole domain, ``[*ranges]``.
    :param out_range: results lie in ``0..out_range-1``.

    >>> product = TableProduct(torch.tensor([[0, 1], [1, 2]]), 3)
    >>> product(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.0, 1.0]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """

    def __init__(self, table: Int[Tensor, "..."], out_range: int) -> None:
        self._last = table.shape[-1] if table.dim() > 2 else 1
        self._out_range = out_range
        of_pair = table.reshape(-1, self._last) + out_range * torch.arange(self._last)
        order = of_pair.flatten().argsort(stable=True)
        counts = torch.bincount(of_pair.flatten(), minlength=self._last * out_range)
        self._of_pair = of_pair
        """What each pair comes to with each value of the last of three arguments, ``[pairs, last]``."""
        self._pairs = order // self._last
        """The pairs that come to each result, one result after the other."""
        self._begins = counts.cumsum(0) - counts
        """Where the pairs of each result begin there."""

    def __call__(self, *arguments: Value) -> Value:
        """The distribution of the result.

        :param arguments: a value for each, ``[*batch, range]``, all of the same batch.
        :returns: ``[*batch, out_range]``, with gradients of any order.
        """
        batch = arguments[0].shape[:-1]
        columns = [one.reshape(-1, one.shape[-1]).t().contiguous() for one in arguments]
        last = columns.pop() if len(columns) > 2 else None
        *joint, right = columns
        made: Tensor = _Product.apply(reduce(products, joint), right, last, self)
        return made.t().reshape(*batch, self._out_range)

    def to_results(self, of_pairs: Float[Tensor, "pairs batch"]) -> Float[Tensor, "last results batch"]:
        """Add up what pairs have, for each result.

        :param of_pairs: numbers of pairs.
        :returns: their sums, by the value of the last argument.
        """
        sums = embedding_bag(self._pairs, of_pairs, self._begins, mode="sum")
        return sums.reshape(self._last, self._out_range, -1)

    def to_pairs(self, of_results: Float[Tensor, "last results batch"]) -> Float[Tensor, "pairs batch"]:
        """Add up what results have, for each pair: the transpose of :meth:`to_results`.

        :param of_results: numbers of results, by the value of the last argument.
        :returns: the sums of those that a pair comes to.
        """
        flat = of_results.flatten(0, 1).contiguous()
        if self._last == 1:
            return flat.index_select(0, self._of_pair.squeeze(-1))
        return embedding_bag(self._of_pair, flat, mode="sum")

    def to_results_again(self, of_pairs: Float[Tensor, "pairs batch"]) -> Float[Tensor, "last results batch"]:
        """:meth:`to_results`, slower, with gradients that can be differentiated again.

        :param of_pairs: numbers of pairs.
        :returns: their sums, by the value of the last argument.
        """
        sums = of_pairs.new_zeros(len(self._begins), of_pairs.shape[1])
        sums = sums.index_add(0, self._of_pair.flatten(), of_pairs.repeat_interleave(self._last, 0))
        return sums.reshape(self._last, self._out_range, -1)

    def blocks(self, size: int) -> Iterator[slice]:
        """Parts of a batch, each small enough for :data:`HELD`.

        :param size: of the batch.
        :returns: where they are.
        """
        at_once = max(1, HELD // max(len(self._of_pair), len(self._begins)))
        return (slice(begin, begin + at_once) for begin in range(0, size, at_once))


def products(left: Float[Tensor, "n batch"], right: Float[Tensor, "m batch"]) -> Float[Tensor, "pairs batch"]:
    """The products of the numbers of two values, for each element of a batch."""
    return (left.unsqueeze(1) * right).flatten(0, 1)


class _Product(torch.autograd.Function):
    """Of values that have their numbers first and the batch last."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, last: Tensor | None, table: TableProduct) -> Tensor:
        ctx.save_for_backward(left, right, last)
        ctx.table = table
        blocks = table.blocks(left.shape[1])
        return torch.cat([_result(table, left[:, at], right[:, at], _part(last, at)) for at in blocks], 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        table, (of_result,) = ctx.table, gradients
        left, right, last = ctx.saved_tensors
        if torch.is_grad_enabled():  # they are to be differentiated again
            given = {n: one for n, one in enumerate(ctx.saved_tensors) if ctx.needs_input_grad[n]}
            result = _sum_over(last, table.to_results_again(products(left, right)))
            found = torch.autograd.grad(result, [*given.values()], of_result, create_graph=True)
            by_number = dict(zip(given, found, strict=True))
            return (*(by_number.get(n) for n in range(3)), None)
        parts = [
            _gradients(table, left[:, at], right[:, at], _part(last, at), of_result[:, at])
            for at in table.blocks(left.shape[1])
        ]
        return (*(None if of[0] is None else torch.cat(of, 1) for of in zip(*parts, strict=True)), None)


def _part(last: Tensor | None, at: slice) -> Tensor | None:
    """A part of the batch of the last argument, if there is one."""
    return None if last is None else last[:, at]


def _result(table: TableProduct, left: Tensor, right: Tensor, last: Tensor | None) -> Tensor:
    """The distribution of the result."""
    return _sum_over(last, table.to_results(products(left, right)))


def _sum_over(last: Tensor | None, of_results: Tensor) -> Tensor:
    """The sum over the last argument, if there is one."""
    return of_results.squeeze(0) if last is None else (last.unsqueeze(1) * of_results).sum(0)


def _gradients(
    table: TableProduct, left: Tensor, right: Tensor, last: Tensor | None, of_result: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What the gradient of the result makes of those of the arguments."""
    of_results = of_result.unsqueeze(0) if last is None else last.unsqueeze(1) * of_result
    of_pairs = table.to_pairs(of_results).unflatten(0, (len(left), len(right)))
    of_last = None
    if last is not None:
        of_last = (table.to_results(products(left, right)) * of_result).sum(1)
    return (of_pairs * right).sum(1), (of_pairs * left.unsqueeze(1)).sum(0), of_last
