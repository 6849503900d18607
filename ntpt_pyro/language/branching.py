"""Control flow on values: ``switch`` (TerpreT's ``if / elif``) and ``select`` (``with index as i``).

Both are mixtures weighted by the probabilities of the deciding value, so at a one-hot value they are the
ordinary branch, and they are linear in everything they read (Gaunt et al. 2017, section 2.1).
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.errors import RangeError
from ntpt_pyro.language._contract import contract, is_apart, mix
from ntpt_pyro.language.overriding import overriding
from ntpt_pyro.language.values import Value, check_one_range, check_values, stack

SMALLEST_PROBABILITY = 1e-20
"""Of what happened: nothing is divided by less."""


def select(index: Value, items: Float[Tensor, "*items n m"] | Sequence[Value]) -> Value:
    """The item at an uncertain index: ``sum over i of index[i] * items[i]``.

    :param index: ``[*batch, n]``.
    :param items: a tensor ``[*batch, n, m]`` with the index as its second-last axis, or a sequence of ``n``
        values ``[*batch, m]``; batches broadcast.
    :returns: ``[*batch, m]``.
    :raises RangeError: where the number of items is not the range of the index, or one is no value.

    >>> import torch
    >>> select(torch.tensor([0.25, 0.75]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([0.2500, 0.7500])
    """
    check_values("select", index, *([items] if isinstance(items, Tensor) else items))
    given = items.shape[-2] if isinstance(items, Tensor) else len(items)
    if given != index.shape[-1]:
        raise RangeError(
            "select",
            expected=f"{index.shape[-1]} items, the range of the index",
            got=str(given),
            remedy="give one item for each integer the index can be",
        )
    other = overriding((index, items) if isinstance(items, Tensor) else (index, *items))
    if other is not None:
        made: Value = other.ntpt_function(select, (index, items))
        return made
    if given == 1:  # a value among one is that one
        return items[..., 0, :] if isinstance(items, Tensor) else items[0]
    if isinstance(items, Tensor):
        return contract(index, items)
    if is_apart(index.shape, tuple(check_one_range(items))):
        return mix(index, items)
    return contract(index, stack(items))


def switch(condition: Value, cases: Mapping[int, Value] | Sequence[Value]) -> Value:
    """The case of an uncertain condition: ``if condition == 0: cases[0] elif condition == 1: ...``.

    :param condition: ``[*batch, n]``.
    :param cases: ``n`` values ``[*batch, m]``, as a sequence or as a mapping from integer to value.
    :returns: ``[*batch, m]``, the mixture of the cases.
    :raises RangeError: where a case is missing or there is one too many (the message names it).

    >>> import torch
    >>> from ntpt_pyro import constant
    >>> switch(torch.tensor([0.9, 0.1]), {0: constant(2, 3), 1: constant(0, 3)})
    tensor([0.1000, 0.0000, 0.9000])
    """
    check_values("switch", condition)
    size = condition.shape[-1]
    given = set(cases) if isinstance(cases, Mapping) else set(range(len(cases)))
    if given != set(range(size)):
        missing, extra = sorted(set(range(size)) - given), sorted(given - set(range(size)))
        raise RangeError(
            "switch",
            expected=f"the cases 0..{size - 1}, one for each integer of its condition, of range {size}",
            got=f"{len(given)} cases, " + (f"none for {missing}" if missing else f"also {extra}"),
            remedy="give each integer exactly one case",
        )
    return select(condition, [cases[integer] for integer in range(size)])


def given(value: Value, probabilities: Float[Tensor, "*batch n"]) -> Value:
    """An uncertain integer, given that something happened that depends on it.

    :param value: ``[*batch, n]``.
    :param probabilities: for each integer the probability that it happens then, ``[*batch, n]``; batches
        broadcast.
    :returns: ``[*batch, n]``, by Bayes' rule; the value itself where it happens with less probability than
        1e-20.

    >>> import torch
    >>> given(torch.tensor([0.2, 0.2, 0.6]), torch.tensor([1.0, 1.0, 0.0]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    joint = value * probabilities
    total = joint.sum(-1, keepdim=True)
    never = total < SMALLEST_PROBABILITY
    return torch.where(never, value, joint / torch.where(never, 1.0, total))
