"""A device that is not there: what would fail on a GPU fails on any machine.

Its tensors lie on the CPU and say that they lie elsewhere. As on a GPU, an operation refuses tensors of two
devices, NumPy gets none of them, and a generator of the CPU draws none. torch's name for it is lazy: a kind
of device that torch for the CPU or CUDA lacks, and whose gradients need no thread of their own. Unlike on a
GPU, weights that a module ties come apart when it is moved there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "lazy"
"""Of the kind of device."""
THERE = torch.device(NAME, 0)
FROM_PYTHON = {torch.tensor, torch.as_tensor, torch.asarray}
"""Functions that make tensors of numbers, on the device itself: they are made on the CPU and moved."""
BETWEEN = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
"""Operations that move tensors from device to device."""
INDEXED = {
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_put.default,
    torch.ops.aten.index_put_.default,
    torch.ops.aten._index_put_impl_.default,
}
"""Operations whose indices may lie on the CPU."""


class Elsewhere(Tensor):
    """A tensor of the device.

    :param held: its numbers, on the CPU.
    """

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Elsewhere":
        """One of the same shape, which says that it lies elsewhere."""
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=THERE,
        )
        made.held = held.detach()  # with a shape of its own
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, given=(), named=None):
        return _run(operation, given, named or {})

    def __repr__(self, **_: Any) -> str:
        return f"{self.held!r}, elsewhere"

    @property
    def data(self) -> Tensor:
        """Its numbers without their history."""
        return Tensor.data.__get__(self)

    @data.setter
    def data(self, other: "Elsewhere") -> None:
        Tensor.data.__set__(self, other)
        self.held = other.held

    def untyped_storage(self) -> Any:
        """Where its numbers lie."""
        return self.held.untyped_storage()

    def data_ptr(self) -> int:
        """See :meth:`untyped_storage`."""
        return self.held.data_ptr()

    def tolist(self) -> Any:
        """Its numbers."""
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:
        """Refuse, as a tensor of any device does."""
        raise TypeError(f"can't convert {NAME} device type tensor to numpy. Use Tensor.cpu()")

    __array__ = numpy


class _OfPython(TorchFunctionMode):
    def __torch_function__(self, function, types, given=(), named=None):
        named = dict(named or {})
        if function not in FROM_PYTHON or isinstance(given[0], Tensor):
            return function(*given, **named)
        device = named.pop("device", None) or torch.get_default_device()
        if torch.device(device).type != NAME:
            return function(*given, **named, device=device)
        moving = named.pop("requires_grad", False)
        return function(*given, **named, device="cpu").to(device).requires_grad_(moving)


class _Everything(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, given=(), named=None):
        return _run(operation, given, named or {})


def _run(operation: Any, given: Any, named: dict[str, Any]) -> Any:
    """Run an operation on the CPU, where a device would."""
    tensors = [one for one in tree_leaves((given, named)) if isinstance(one, Tensor)]
    there = any(isinstance(one, Elsewhere) for one in tensors)
    if there and operation not in BETWEEN:
        _refuse_two_devices(operation, given, tensors)
    if named.get("device") is not None:
        there = torch.device(named["device"]).type == NAME
        named = {**named, "device": torch.device("cpu")}
    source = named.get("generator")
    if there and source is not None:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{source.device}'")
    here_given, here_named = tree_map(_held, (given, named))
    found = operation(*here_given, **here_named)
    results = operation._schema.returns
    if results and all(one.alias_info is not None and one.alias_info.is_write for one in results):
        written = named.get("out", given[0])
        if isinstance(written, Elsewhere) and written.shape != written.held.shape:  # as after squeeze_
            written.data = Elsewhere(written.held)
        return written
    return tree_map(lambda one: Elsewhere(one) if there and isinstance(one, Tensor) else one, found)


def _held(one: Any) -> Any:
    return one.held if isinstance(one, Elsewhere) else one


def _refuse_two_devices(operation: Any, given: Any, tensors: list[Tensor]) -> None:
    """Raise where an operation gets tensors of the CPU too; single numbers and indices may be."""
    fine: list[Any] = []
    if operation in INDEXED:
        if not isinstance(given[0], Elsewhere):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor")
        fine = list(given[1])
    for one in tensors:
        if not isinstance(one, Elsewhere) and one.ndim and not any(one is index for index in fine):
            raise RuntimeError(f"Expected all tensors on the same device, got {NAME} and cpu, in {operation}")


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Let the device be there.

    :returns: of the block: the device.
    """
    with _Everything(), _OfPython():
        yield THERE
