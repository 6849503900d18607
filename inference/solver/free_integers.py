"""Integers that a solver may choose: the inputs of a question about all inputs."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.solver.circuit import Circuit, Literals
from ntpt_pyro.inference.solver.clauses import some_true
from ntpt_pyro.inference.solver.literal_tensors import MOVES, LiteralTensor
from ntpt_pyro.language.values import one_hot


class FreeIntegers:
    """The cells of an integer tensor, each a one-hot group as large as the model takes it to be.

    :param like: of the shape, such as an example's.
    :param circuit: that the groups are made in.
    :param name: of the input, for messages.
    """

    def __init__(self, like: Tensor, circuit: Circuit, name: str) -> None:
        self.circuit = circuit
        self.name = name
        self.shape = tuple(like.shape)
        self.groups: dict[int, Literals] = {}
        """By cell, numbered along the flattened tensor, its literals ``[n]``, where the model reads it."""

    def tensor(self, dtype: torch.dtype) -> "FreeTensor":
        """What a model is given in the tensor's place.

        :param dtype: the type that it seems to have.
        :returns: the cells.
        """
        return FreeTensor(torch.arange(int(np.prod(self.shape))).reshape(self.shape), self, dtype)

    def vertices(self, cells: Literals, size: int) -> Literals:
        """The values of some cells.

        :param cells: ``[*batch]``.
        :param size: their range.
        :returns: ``[*batch, size]``.
        :raises UsageError: where a cell has another range elsewhere.
        """
        new = sorted({int(cell) for cell in cells.flat} - set(self.groups))
        self.groups.update(zip(new, self.circuit.group((len(new),), size), strict=True))
        found = [self.groups[int(cell)] for cell in cells.flat]
        for own in found:
            if len(own) != size:
                raise UsageError(
                    f"solver, {self.name}",
                    expected="one range for each integer of it",
                    got=f"{len(own)} and {size}",
                    remedy="make values of it once, and widen these",
                )
        return np.stack(found).reshape(*cells.shape, size)

    def chosen(self, true: "np.ndarray[Any, np.dtype[np.bool_]]") -> Tensor:
        """The integers of an answer.

        :param true: ``[variables]``.
        :returns: of the tensor's shape; 0 in cells that the model does not read.
        """
        found = torch.zeros(int(np.prod(self.shape)), dtype=torch.int64)
        for cell, own in self.groups.items():
            found[cell] = int(some_true(true, own))
        return found.reshape(self.shape)


class FreeTensor(Tensor):
    """An integer tensor of cells whose integers are open: :func:`~ntpt_pyro.one_hot` takes it, little else.

    :param cells: int64, the number of each.
    :param source: what they are cells of.
    :param dtype: the type that it seems to have.
    """

    cells: Tensor
    source: FreeIntegers

    @staticmethod
    def __new__(cls, cells: Tensor, source: FreeIntegers, dtype: torch.dtype) -> "FreeTensor":
        """See the class."""
        made: FreeTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            cells.shape,
            strides=cells.stride(),
            storage_offset=cells.storage_offset(),
            dtype=dtype,
        )
        return made

    def __init__(self, cells: Tensor, source: FreeIntegers, dtype: torch.dtype) -> None:
        self.cells = cells
        self.source = source

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"<FreeTensor {list(self.shape)}>"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is one_hot:
            integers, size = args[0], args[1]
            source = integers.source
            made = source.vertices(integers.cells.numpy(), size)
            return LiteralTensor(torch.from_numpy(made), source.circuit)
        return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's own stub has other names
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        own = next(one for one in _flat(args) if isinstance(one, FreeTensor))
        if func.overloadpacket not in MOVES:
            raise UsageError(
                f"solver, {own.source.name}",
                expected="an input that the model makes a value of (one_hot), or puts elsewhere",
                got=f"the operation {str(func.overloadpacket).removeprefix('aten.')!r} on its integers",
                remedy="make values first and compute with those; else nothing is known of all inputs",
            )
        plain = [[_plain(one) for one in arg] if isinstance(arg, list) else _plain(arg) for arg in args]
        return _wrapped(func(*plain, **(kwargs or {})), own)


def _flat(values: Any) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, (list, tuple)) else [value])]


def _plain(value: Any) -> Any:
    return value.cells if isinstance(value, FreeTensor) else value


def _wrapped(moved: Any, like: FreeTensor) -> Any:
    if isinstance(moved, Tensor):
        return FreeTensor(moved, like.source, like.dtype)
    return type(moved)(_wrapped(one, like) for one in moved)
