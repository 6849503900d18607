"""Tensors of literals: what a value is while a model runs on Booleans instead of probabilities.

Torch takes a :class:`LiteralTensor` for a float tensor. Operations that only move numbers move literals; a
product is a gate that is true where both are, a sum one that is true where any is. All other operations are
refused, because on the simplex they are none of the language.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.solver.circuit import Circuit, Literals

aten = torch.ops.aten
AT_ONCE = 2**22
"""Products that one operation makes at a time."""

MOVES = {
    aten.alias, aten.as_strided, aten.cat, aten.clone, aten.constant_pad_nd, aten.contiguous, aten.detach,
    aten.diagonal, aten.expand, aten.flip, aten.gather, aten.index, aten.index_select, aten.lift_fresh,
    aten.movedim, aten.narrow, aten.permute, aten.repeat, aten.reshape, aten.roll, aten.select, aten.slice,
    aten.split, aten.split_with_sizes, aten.squeeze, aten.stack, aten.t, aten.take_along_dim,
    aten.transpose, aten.unbind, aten.unfold, aten.unsqueeze, aten.view, aten._unsafe_view,
    aten._reshape_alias, aten.where,
}  # fmt: skip
"""Operations that put numbers elsewhere and compute nothing."""


MATRIX_PRODUCTS = (torch.matmul, Tensor.matmul, Tensor.__matmul__)


class LiteralTensor(Tensor):
    """A tensor of literals of one circuit, of the shape and type that the probabilities would have.

    :param literals: int64, of any shape.
    :param circuit: that they are of.
    """

    vertices = True
    """For the language: these are vertices of simplices, so that nothing is rounded."""
    literals: Tensor
    circuit: Circuit

    @staticmethod
    def __new__(cls, literals: Tensor, circuit: Circuit) -> "LiteralTensor":
        """See the class."""
        made: LiteralTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            literals.shape,
            strides=literals.stride(),
            storage_offset=literals.storage_offset(),
            dtype=torch.get_default_dtype(),
            device=literals.device,
        )
        return made

    def __init__(self, literals: Tensor, circuit: Circuit) -> None:
        self.literals = literals
        self.circuit = circuit

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"<LiteralTensor {list(self.shape)}>"

    def numpy(self, *, force: bool = False) -> Any:
        """Refused: a literal has no number.

        :param force: see torch.
        :raises UsageError: always.
        """
        raise refused(self.circuit, "numpy")

    def tolist(self) -> Any:
        """Refused: a literal has no number.

        :raises UsageError: always.
        """
        raise refused(self.circuit, "tolist")

    @property
    def array(self) -> Literals:
        """The literals."""
        found: Literals = self.literals.numpy()
        return found

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if func in MATRIX_PRODUCTS and args[0].ndim == 1:  # torch would squeeze the result in place
                return torch.matmul(args[0].unsqueeze(0), args[1]).squeeze(-2 if args[1].ndim > 1 else -1)
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's own stub has other names
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        circuit = _circuit_of([*args, *kwargs.values()])
        packet = func.overloadpacket
        if packet in MOVES:
            moved = func(*_literals(args, circuit, func), **_literals(kwargs, circuit, func))
            return _wrapped(moved, circuit)
        if packet in COMPUTES:
            return COMPUTES[packet](circuit, func, *args, **kwargs)
        raise refused(circuit, str(packet).removeprefix("aten."))


def refused(circuit: Circuit, operation: str, remedy: str | None = None) -> UsageError:
    """The error for an operation that values do not have.

    :param circuit: being built.
    :param operation: what it is called.
    :param remedy: what to do, where it is not the usual.
    :returns: the error.
    """
    return UsageError(
        f"solver, {circuit.place}",
        expected="products and sums of values, as select, switch and runtime functions are",
        got=f"the operation {operation!r} on a value",
        remedy=remedy or "write it as a runtime function, or take a strategy other than solver",
    )


def literals_of(value: Tensor, circuit: Circuit, operation: str) -> Literals:
    """The literals of a value; known zeros and ones are literals as they stand.

    :param value: a LiteralTensor, or a tensor of zeros and ones.
    :param circuit: being built.
    :param operation: for messages.
    :returns: of the same shape.
    :raises UsageError: where a number is neither 0 nor 1.
    """
    if isinstance(value, LiteralTensor):
        return value.array
    numbers = value.detach().cpu().numpy()
    if not ((numbers == 0) | (numbers == 1)).all():
        other = numbers[(numbers != 0) & (numbers != 1)].flat[0]
        raise UsageError(
            f"solver, {circuit.place}",
            expected="integers of the program, computed with zeros and ones only",
            got=f"the number {float(other):g} in the operation {operation!r}",
            remedy="where a program chooses between tensors, let functions read them first and choose "
            "between the integers that they read; or take another strategy",
        )
    found: Literals = numbers.astype(np.int64)
    return found


def _circuit_of(values: Any) -> Circuit:
    for value in values:
        if isinstance(value, LiteralTensor):
            return value.circuit
        if isinstance(value, (list, tuple)):
            for one in value:
                if isinstance(one, LiteralTensor):
                    return one.circuit
    raise AssertionError("an operation on literals without literals")


def _literals(value: Any, circuit: Circuit, func: Any) -> Any:
    """Arguments with literals in place of float tensors; integer and Boolean tensors are places."""
    if isinstance(value, LiteralTensor):
        return value.literals
    if isinstance(value, Tensor) and value.is_floating_point():
        return torch.from_numpy(literals_of(value, circuit, str(func.overloadpacket)))
    if isinstance(value, dict):
        return {key: _literals(one, circuit, func) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_literals(one, circuit, func) for one in value)
    if isinstance(value, float):  # what a pad is filled with
        return int(literals_of(torch.tensor(value), circuit, str(func.overloadpacket)))
    return value


def _wrapped(moved: Any, circuit: Circuit) -> Any:
    if isinstance(moved, Tensor):
        return LiteralTensor(moved, circuit)
    return type(moved)(_wrapped(one, circuit) for one in moved)


def _made(array: Literals, circuit: Circuit) -> LiteralTensor:
    return LiteralTensor(torch.from_numpy(np.array(array)), circuit)  # a copy, which may be written to


def _as_array(value: Any, circuit: Circuit, func: Any) -> Literals:
    tensor = value if isinstance(value, Tensor) else torch.tensor(float(value))
    return literals_of(tensor, circuit, str(func.overloadpacket).removeprefix("aten."))


def _product(circuit: Circuit, func: Any, left: Any, right: Any) -> Tensor:
    a, b = _as_array(left, circuit, func), _as_array(right, circuit, func)
    circuit.check_room(np.broadcast(a, b).size)
    return _made(circuit.both(a, b), circuit)


def _sum_of_two(circuit: Circuit, func: Any, left: Any, right: Any, *, alpha: Any = 1) -> Tensor:
    _only(alpha == 1, circuit, "add with a factor")
    a, b = np.broadcast_arrays(_as_array(left, circuit, func), _as_array(right, circuit, func))
    return _made(_any_along_last(circuit, np.stack([a, b], -1)), circuit)


def _complement(circuit: Circuit, func: Any, left: Any, right: Any, *, alpha: Any = 1) -> Tensor:
    """One minus a value."""
    _only(alpha == 1, circuit, "subtract with a factor")
    a, b = _as_array(left, circuit, func), _as_array(right, circuit, func)
    _only(bool((a == 1).all()), circuit, "subtract")
    return _made(np.broadcast_to(b ^ 1, np.broadcast(a, b).shape), circuit)


def _complement_from(circuit: Circuit, func: Any, value: Any, one: Any, alpha: Any = 1) -> Tensor:
    return _complement(circuit, func, one, value, alpha=alpha)


def _over_dims(circuit: Circuit, value: Tensor, dims: Any, keepdim: bool) -> tuple[Literals, list[int]]:
    """Literals with the dimensions to be reduced last and flattened, and which these are."""
    array = literals_of(value, circuit, "sum")
    chosen = range(array.ndim) if dims is None or dims == [] else dims
    reduced = sorted(dim % array.ndim for dim in chosen) if array.ndim else []
    kept = [dim for dim in range(array.ndim) if dim not in reduced]
    moved = array.transpose([*kept, *reduced])
    return moved.reshape(*(array.shape[dim] for dim in kept), -1), reduced


def _sum(
    circuit: Circuit, func: Any, value: Tensor, dims: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    flat, reduced = _over_dims(circuit, value, dims, keepdim)
    found = _any_along_last(circuit, flat)
    return _made(np.expand_dims(found, reduced) if keepdim else found, circuit)


def _product_along(
    circuit: Circuit, func: Any, value: Tensor, dim: int | None = None, keepdim: bool = False, **_: Any
) -> Tensor:
    flat, reduced = _over_dims(circuit, value, None if dim is None else [dim], keepdim)
    found = np.ones(flat.shape[:-1], dtype=np.int64)
    for place in range(flat.shape[-1]):
        found = circuit.both(found, flat[..., place])
    return _made(np.expand_dims(found, reduced) if keepdim else found, circuit)


def _matrix_product(circuit: Circuit, func: Any, left: Tensor, right: Tensor) -> Tensor:
    a, b = (literals_of(one, circuit, "matmul") for one in (left, right))
    if b.ndim == 1:
        return _made(_products(circuit, a.reshape(1, -1, a.shape[-1]), b[None, :, None])[0, :, 0]
                     .reshape(a.shape[:-1]), circuit)  # fmt: skip
    if a.ndim == 2:
        return _made(_products(circuit, a[None], b[None])[0], circuit)
    return _made(_products(circuit, a, b), circuit)


def _products(circuit: Circuit, left: Literals, right: Literals) -> Literals:
    """``any over j of left[b, i, j] and right[b, j, k]``, of which only those that can be true are made."""
    batch, rows, inner = left.shape
    columns = right.shape[2]
    found = np.zeros((batch, rows, columns), dtype=np.int64)
    step = max(1, AT_ONCE // max(1, inner * columns))
    flat_rows = batch * rows
    for first in range(0, flat_rows, step):
        some = np.arange(first, min(first + step, flat_rows))
        a = left.reshape(flat_rows, inner)[some][:, :, None]
        b = right[some // rows] if batch > 1 else right
        places = np.nonzero((a != 0) & (b != 0))
        circuit.check_room(len(places[0]))
        literals = circuit.both(
            np.broadcast_to(a, (len(some), inner, columns))[places],
            np.broadcast_to(b, (len(some), inner, columns))[places],
        )
        results = places[0] * columns + places[2]
        found.reshape(flat_rows, columns)[some] = circuit.any_of(
            literals, results, len(some) * columns
        ).reshape(len(some), columns)
    return found


def _index_add(
    circuit: Circuit, func: Any, value: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1
) -> Tensor:
    _only(alpha == 1, circuit, "index_add with a factor")
    start = np.moveaxis(literals_of(value, circuit, "index_add"), dim, 0)
    added = np.moveaxis(literals_of(source, circuit, "index_add"), dim, 0)
    batch = int(np.prod(start.shape[1:], dtype=np.int64))
    rows = np.concatenate([np.arange(len(start)), index.cpu().numpy()])
    places = (rows[:, None] * batch + np.arange(batch)).reshape(-1)
    literals = np.concatenate([start.reshape(len(start), -1), added.reshape(len(added), -1)]).reshape(-1)
    found = circuit.any_of(literals, places, len(start) * batch).reshape(start.shape)
    return _made(np.moveaxis(found, 0, dim), circuit)


def _any_along_last(circuit: Circuit, array: Literals) -> Literals:
    count = int(np.prod(array.shape[:-1], dtype=np.int64))
    places = np.repeat(np.arange(count), array.shape[-1])
    return circuit.any_of(array.reshape(-1), places, count).reshape(array.shape[:-1])


def _quotient(circuit: Circuit, func: Any, value: Any, divisor: Any, **_: Any) -> Tensor:
    known = not isinstance(divisor, LiteralTensor) and bool((torch.as_tensor(divisor) == 1).all())
    _only(known and isinstance(value, LiteralTensor), circuit, "division")
    array = np.broadcast_to(value.array, np.broadcast(value.array, np.asarray(divisor)).shape)
    return _made(array, circuit)


def _same(circuit: Circuit, func: Any, value: Tensor, *_: Any, **kwargs: Any) -> Tensor:
    """A change of floating type, which literals do not have."""
    dtype = kwargs.get("dtype")
    _only(dtype is None or dtype.is_floating_point, circuit, "conversion to integers")
    return LiteralTensor(value.literals, circuit)  # type: ignore[attr-defined]


def _filled(number: int) -> Callable[..., Tensor]:
    def fill(circuit: Circuit, func: Any, value: Tensor, size: Any = None, **_: Any) -> Tensor:
        shape = value.shape if size is None else size
        return _made(np.full(tuple(shape), number, dtype=np.int64), circuit)

    return fill


def _masked(circuit: Circuit, func: Any, value: Tensor, mask: Tensor, number: Any) -> Tensor:
    array, filling = literals_of(value, circuit, "masked_fill"), _as_array(number, circuit, func)
    return _made(np.where(mask.numpy(), filling, array), circuit)


def _only(allowed: bool, circuit: Circuit, operation: str) -> None:
    if not allowed:
        raise refused(circuit, operation)


COMPUTES: dict[Any, Callable[..., Tensor]] = {
    aten.mul: _product,
    aten.add: _sum_of_two,
    aten.sub: _complement,
    aten.rsub: _complement_from,
    aten.sum: _sum,
    aten.prod: _product_along,
    aten.mm: _matrix_product,
    aten.bmm: _matrix_product,
    aten.mv: _matrix_product,
    aten.dot: lambda circuit, func, a, b: _sum(circuit, func, _product(circuit, func, a, b)),
    aten.index_add: _index_add,
    aten.div: _quotient,
    aten._to_copy: _same,
    aten.new_zeros: _filled(0),
    aten.new_ones: _filled(1),
    aten.zeros_like: _filled(0),
    aten.ones_like: _filled(1),
    aten.masked_fill: _masked,
}
"""Operations that have a meaning on vertices."""
