"""One contraction for all of the language: ``out[..., m] = sum over n of index[..., n] * items[..., n, m]``.

Batches broadcast, as everywhere in the language; but a product expanded over dimensions that only one side
has (a choice knows nothing of the examples, an enumerated step nothing of another) would cost memory and time
for nothing. Where there are such dimensions the sum is done as one matrix product over them. A few large
items that are given one by one are added up one by one, without a copy of them side by side.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Shape = tuple[int, ...]

SMALL = 2**16
"""Numbers in an expanded product up to which making it is cheaper than avoiding it."""
MOST_APART = 12
"""Items that are added up one by one, at most."""


class _Plan(NamedTuple):
    """How two shapes contract by einsum: the shapes without unit dimensions, the equation, the result's."""

    index_shape: Shape
    items_shape: Shape
    equation: str
    out_shape: Shape


def contract(
    index: Float[Tensor, "*index n"], items: Float[Tensor, "*items n m"]
) -> Float[Tensor, "*batch m"]:
    """Contract a value with items along the value's axis.

    :param index: ``[*batch, n]``.
    :param items: ``[*batch, n, m]``; batches broadcast.
    :returns: ``[*batch, m]``.
    """
    plan = _plan(index.shape, items.shape)
    if plan is None:
        return (index.unsqueeze(-1) * items).sum(-2)
    left, right = index.reshape(plan.index_shape), items.reshape(plan.items_shape)
    return torch.einsum(plan.equation, left, right).reshape(plan.out_shape)


def mix(
    index: Float[Tensor, "*index n"], items: Sequence[Float[Tensor, "*item m"]]
) -> Float[Tensor, "*batch m"]:
    """Contract a value with items that are given one by one, see :func:`is_apart`.

    :param index: ``[*batch, n]``.
    :param items: of ``[*batch, m]`` each; batches broadcast.
    :returns: ``[*batch, m]``.
    """
    (weight, first), *others = zip(index.unsqueeze(-1).unbind(-2), items, strict=True)
    mixed = weight * first
    for weight, item in others:
        mixed = torch.addcmul(mixed, weight, item)
    return mixed


@lru_cache(maxsize=4096)
def is_apart(index: Shape, items: tuple[Shape, ...]) -> bool:
    """Whether items of these shapes are faster added up one by one than side by side.

    :param index: ``[*batch, n]``.
    :param items: of ``[*batch, m]`` each.
    :returns: True where they are few and large, and where each has the whole batch or none, so that no
        gradient is summed over dimensions that one of them lacks.
    """
    whole = torch.broadcast_shapes(index[:-1], *(item[:-1] for item in items))
    if len(items) > MOST_APART or prod(whole) * len(items) * items[0][-1] <= SMALL:
        return False
    return all(prod(item[:-1]) in (1, prod(whole)) for item in items)


@lru_cache(maxsize=4096)
def _plan(index: Shape, items: Shape) -> _Plan | None:
    """The plan for two shapes; None where the expanded product is small or nothing in it is repeated."""
    left, right = index[:-1], items[:-2]
    rank = max(len(left), len(right))
    left = (1,) * (rank - len(left)) + tuple(left)
    right = (1,) * (rank - len(right)) + tuple(right)
    batch = tuple(torch.broadcast_shapes(left, right))
    if prod(batch) * prod(items[-2:]) <= SMALL or left == right:
        return None
    left_dims = [dim for dim, size in enumerate(left) if size != 1]
    right_dims = [dim for dim, size in enumerate(right) if size != 1]
    out_dims = sorted({*left_dims, *right_dims})
    letters = dict(zip(out_dims, ascii_letters, strict=False))
    n, m = ascii_letters[len(out_dims)], ascii_letters[len(out_dims) + 1]
    spell = "".join
    return _Plan(
        index_shape=(*(left[dim] for dim in left_dims), index[-1]),
        items_shape=(*(right[dim] for dim in right_dims), *items[-2:]),
        equation=f"{spell(letters[d] for d in left_dims)}{n},{spell(letters[d] for d in right_dims)}{n}{m}"
        f"->{spell(letters[d] for d in out_dims)}{m}",
        out_shape=(*batch, items[-1]),
    )


@lru_cache(maxsize=4096)
def joint_batch(*shapes: Shape) -> bool:
    """Whether values of these shapes have no batch dimension that only some of them have.

    :param shapes: shapes ``[*batch, n]``.
    :returns: True where expanding one to the batch of the others repeats nothing.
    """
    batches = [shape[:-1] for shape in shapes]
    whole = tuple(torch.broadcast_shapes(*batches))
    return all((1,) * (len(whole) - len(batch)) + tuple(batch) == whole for batch in batches)
