"""The tensor operations of a function, gradients included, recorded once to be run again without Python.

A recording notes every operation of torch while a function runs, below autograd: those of the backward pass
too. Tensors that the function did not make (parameters, buffers, constants) are held, so that what has been
written into them since is read when the recording is run. What Python decides by a value is kept as a guard,
and so are sizes that values decide (``nonzero``): a recording whose guard comes out otherwise has run what
the function would not have.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from ntpt_pyro.inference.training.without_compiler import DispatchMode

READ = torch.ops.aten._local_scalar_dense.default
"""The operation by which a number leaves a tensor."""


WRITES = {
    torch.ops.aten.native_batch_norm.default: (3, 4),
    torch.ops.aten.cudnn_batch_norm.default: (3, 4),
    torch.ops.aten.miopen_batch_norm.default: (3, 4),
}
"""Operations that write into arguments although they do not declare it: running statistics."""


MASKS = (torch.bool, torch.uint8)
"""Types of indices that choose elements, instead of naming them."""


class NotRecordableError(Exception):
    """A function does what a recording could not repeat.

    :param what: it does.
    """


@dataclass(frozen=True)
class _Made:
    """A value that a recorded operation gave, by number."""

    number: int


@dataclass(eq=False)
class Recording(DispatchMode):
    """Notes the operations of what runs within it.

    :param inputs: tensors that are others each time.
    """

    inputs: Sequence[Tensor]
    given: list[Tensor] = field(default_factory=list)
    """Tensors that were there before; the inputs come first."""
    guards: list[tuple[_Made, int]] = field(default_factory=list)
    """Integers and truths that Python read, and what they were."""
    written: dict[int, Tensor] = field(default_factory=dict)
    """Copies of given tensors that were written into, as they were before, by number."""

    def __post_init__(self) -> None:
        """Know the inputs."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self._calls: list[tuple[Any, Any, Any, Any]] = []
        self._numbers = WeakTensorKeyDictionary()
        self._made = 0
        for one in self.inputs:
            self._give(one)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation, and note it."""
        kwargs = kwargs or {}
        noted = tree_map(self._number, (tuple(args), dict(kwargs)))
        if func._schema.is_mutable or func in WRITES:
            self._keep(func, args)
        result = func(*args, **kwargs)
        if func is READ:
            self._read(noted[0][0], result)
            return result
        self._calls.append((func, *noted, tree_map(self._new, result)))
        if torch.Tag.dynamic_output_shape in func.tags:
            self._guard_size(func, args)
        return result

    def _guard_size(self, func: Any, args: Sequence[Any]) -> None:
        """Note how many elements decided the size of a result, which later operations rely on."""
        if func is torch.ops.aten.nonzero.default:
            deciding = [args[0]]
        elif func is torch.ops.aten.masked_select.default:
            deciding = [args[1]]
        elif func is torch.ops.aten.index.Tensor:
            deciding = [one for one in args[1] if one is not None and one.dtype in MASKS]
        else:
            raise NotRecordableError("a size depends on values")
        for mask in deciding:
            count = self._also(torch.ops.aten.sum.default, self._also(torch.ops.aten.ne.Scalar, mask, 0))
            self.guards.append((self._number(count), int(count)))

    def _also(self, func: Any, *args: Any) -> Any:
        """Run and note an operation that the function did not ask for."""
        noted, result = tree_map(self._number, args), func(*args)
        self._calls.append((func, noted, {}, tree_map(self._new, result)))
        return result

    def _keep(self, func: Any, args: Sequence[Any]) -> None:
        """Copy what is about to be written into, where it was there before."""
        declared = [one.alias_info is not None and one.alias_info.is_write for one in func._schema.arguments]
        for number, value in enumerate(args):
            if not (declared[number] or number in WRITES.get(func, ())) or not isinstance(value, Tensor):
                continue
            place = value.untyped_storage().data_ptr()
            for number, one in enumerate(self.given):
                if number not in self.written and one.untyped_storage().data_ptr() == place:
                    self.written[number] = one.detach().clone()

    def undo(self) -> None:
        """Put given tensors back to what they held before."""
        with torch.no_grad():
            for number, before in self.written.items():
                self.given[number].detach().copy_(before)

    def _read(self, value: _Made, result: object) -> None:
        if isinstance(result, float | complex):
            raise NotRecordableError("it reads a real number from a tensor")
        self.guards.append((value, int(result)))  # type: ignore[call-overload]  # an int or a bool

    def _number(self, value: Any) -> Any:
        """A tensor's number; anything else as it is."""
        if isinstance(value, torch.Generator):
            raise NotRecordableError("it draws from a generator of its own")
        if not isinstance(value, Tensor):
            return value
        known = self._numbers.get(value)
        return self._give(value) if known is None else known

    def _give(self, value: Tensor) -> Any:
        self.given.append(value)
        return self._new(value)

    def _new(self, value: Any) -> Any:
        """The number of a tensor that is new; anything else as it is."""
        if not isinstance(value, Tensor):
            return value
        if value not in self._numbers:  # else it was written into
            self._numbers[value] = _Made(self._made)
            self._made += 1
        return self._numbers[value]

    def graph(self, outputs: Iterable[Tensor]) -> GraphModule:
        """The operations that outputs, guards and what was written depend on.

        :param outputs: tensors that were there or were made.
        :returns: a module that takes :attr:`given` and gives outputs, then guards.
        """
        graph, found = Graph(), dict[int, Node]()
        for number, tensor in enumerate(self.given):
            found[self._number(tensor).number] = graph.placeholder(f"given_{number}")

        def node_of(value: Any) -> Any:
            return found[value.number] if isinstance(value, _Made) else value

        for func, args, kwargs, result in self._calls:
            called = func.overloadpacket if iskeyword(func._overloadname) else func  # as in random_.from
            node = graph.call_function(called, tree_map(node_of, args), tree_map(node_of, kwargs))
            if isinstance(result, _Made):
                found[result.number] = node
                continue
            for place, one in enumerate(result if isinstance(result, tuple | list) else ()):
                if isinstance(one, _Made):
                    found[one.number] = graph.call_function(operator.getitem, (node, place))
        ends = [node_of(self._number(one)) for one in outputs] + [node_of(one) for one, _ in self.guards]
        graph.output(tuple(ends))
        graph.eliminate_dead_code()
        return GraphModule(torch.nn.Module(), graph)
