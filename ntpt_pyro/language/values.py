"""Values on the simplex: the one data type of the language.

An integer that ranges over ``0..n-1`` is a tensor of shape ``[*batch, n]``: a probability vector along the
last axis, in probability space. A known integer is a one-hot vector, a vertex of the simplex. Leading axes
broadcast; ``docs/design/shapes.md`` fixes their order (enumeration dims | plates | the value's own axis).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from ntpt_pyro.errors import RangeError
from ntpt_pyro.language.overriding import overriding

Value = Float[Tensor, "*batch n"]
"""A value on the simplex, ``[*batch, n]``."""


def check_values(where: str, *values: object) -> None:
    """Check that what a function of the language is given are values, and no integers.

    :param where: the function or site, for messages.
    :param values: ``[*batch, n]`` each.
    :raises RangeError: names the first that is something else.

    >>> check_values("inc", torch.arange(8))
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.RangeError: inc: expected a value, probabilities [*batch, n], got torch.int64 of shape \
[8]; make integers values by one_hot(integers, n) or constant(integer, n)
    """
    for value in values:
        if not (isinstance(value, Tensor) and value.is_floating_point() and value.ndim):
            kind = type(value).__name__
            raise RangeError(
                where,
                expected="a value, probabilities [*batch, n]",
                got=f"{value.dtype} of shape {[*value.shape]}" if isinstance(value, Tensor) else kind,
                remedy="make integers values by one_hot(integers, n) or constant(integer, n)",
            )


def one_hot(integers: Int[Tensor, "*batch"], size: int, dtype: torch.dtype | None = None) -> Value:
    """The vertices of the simplex at known integers.

    :param integers: ``[*batch]``, each in ``0..size-1``; or of a subclass that implements this function by
        torch's own protocol, ``__torch_function__``.
    :param size: the range ``n`` of the value.
    :param dtype: floating type of the result; torch's default where None.
    :returns: ``[*batch, size]``, one at each integer and zero elsewhere; carries no gradient.
    :raises RangeError: where an integer is outside the range, or a number is no integer.

    >>> one_hot(torch.tensor([2, 0]), 3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if has_torch_function_unary(integers):
        found: Value = handle_torch_function(one_hot, (integers,), integers, size, dtype)
        return found
    if not isinstance(integers, Tensor):
        raise RangeError(
            "one_hot",
            expected="a tensor of integers",
            got=f"a {type(integers).__name__}",
            remedy="give torch.tensor(...), or constant(integer, n) for one; data of a model are unpacked: "
            "svi.step(*data), strategy.guide(model, *data)",
        )
    if integers.is_floating_point():
        raise RangeError(
            "one_hot",
            expected="integers",
            got=f"numbers of {integers.dtype}",
            remedy="give integers (.long()); a probability vector is a value already",
        )
    if integers.numel():
        low, high = (int(bound) for bound in torch.aminmax(integers))
        if low < 0 or high >= size:
            raise _outside("one_hot", low if low < 0 else high, size)
    found = torch.zeros(*integers.shape, size, dtype=dtype, device=integers.device)
    return found.scatter_(-1, integers.long().unsqueeze(-1), 1.0)


def constant(integer: int, size: int) -> Value:
    """The vertex of the simplex at one known integer.

    :param integer: in ``0..size-1``.
    :param size: the range ``n`` of the value.
    :returns: ``[size]``.
    :raises RangeError: where the integer is outside the range.

    >>> constant(1, 3)
    tensor([0., 1., 0.])
    """
    if not 0 <= integer < size:
        raise _outside("constant", integer, size)
    value = torch.zeros(size)
    value[integer] = 1.0
    return value


def widen(value: Value, size: int) -> Value:
    """The same value seen as one of a larger range: the added integers have probability zero.

    :param value: ``[*batch, n]``.
    :param size: the new range, at least ``n``.
    :returns: ``[*batch, size]``; gradients pass unchanged.
    :raises RangeError: where ``size`` is below ``n``.

    >>> widen(torch.tensor([0.25, 0.75]), 4)
    tensor([0.2500, 0.7500, 0.0000, 0.0000])
    """
    extra = size - value.shape[-1]
    if extra < 0:
        raise RangeError(
            "widen",
            expected=f"a range of at least {value.shape[-1]}",
            got=str(size),
            remedy="a value cannot be narrowed without losing probability",
        )
    return torch.nn.functional.pad(value, (0, extra))


def mode(value: Value) -> Int[Tensor, "*batch"]:
    """The most probable integer of a value (the smallest, where several tie).

    :param value: ``[*batch, n]``.
    :returns: ``[*batch]``, int64.

    >>> mode(torch.tensor([[0.2, 0.8], [0.5, 0.5]]))
    tensor([1, 0])
    """
    return value.argmax(-1)


def stack(values: Sequence[Value]) -> Float[Tensor, "*batch items n"]:
    """Values of one range side by side, so that :func:`~ntpt_pyro.select` can read any of them.

    :param values: values ``[*batch, n]``; their batches broadcast.
    :returns: ``[*batch, items, n]``.
    :raises RangeError: where their ranges differ.

    >>> stack([constant(0, 2), torch.full((3, 2), 0.5)]).shape
    torch.Size([3, 2, 2])
    """
    other = overriding(values)
    if other is not None:
        made: Tensor = other.ntpt_function(stack, (values,))
        return made
    shapes = check_one_range(values)
    if shapes.count(shapes[0]) == len(shapes):
        return torch.stack(list(values), -2)
    return torch.stack(torch.broadcast_tensors(*values), -2)


def check_one_range(values: Sequence[Value]) -> list[torch.Size]:
    """Check that values have the same range.

    :param values: any.
    :returns: their shapes.
    :raises RangeError: where their ranges differ.
    """
    shapes = [value.shape for value in values]
    ranges = [shape[-1] for shape in shapes]
    if ranges.count(ranges[0]) != len(ranges):
        raise RangeError(
            "switch, select or stack",
            expected="cases or items of one range",
            got=f"ranges {ranges}",
            remedy=f"make the others as large: widen(value, {max(ranges)})",
        )
    return shapes


def _outside(where: str, integer: int, size: int) -> RangeError:
    return RangeError(
        where,
        expected=f"integers in 0..{size - 1}",
        got=str(integer),
        remedy="enlarge the size or correct the integers",
    )
