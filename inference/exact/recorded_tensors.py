"""Tensors that note how they were computed, and the expressions that a model comes to.

Torch takes a :class:`RecordedTensor` for a float tensor: it holds the value for one program, so that shapes
are known, and the node that says how the value of any program is computed.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.inference.exact.nodes import (
    Apply,
    Call,
    Choice,
    Data,
    Node,
    Operand,
    Select,
    Stack,
    with_contents,
)
from ntpt_pyro.language.branching import select
from ntpt_pyro.language.runtime_functions import RuntimeFunction
from ntpt_pyro.language.values import stack

SIZED = {Tensor.expand, Tensor.view, Tensor.reshape, torch.reshape, Tensor.broadcast_to, torch.broadcast_to}
"""Functions that are told the shape of their result, the axis of programs included."""


class Recorder:
    """Notes the nodes of one run of a model, in order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._made: dict[Any, Any] = {}
        """By what they are computed from: the same is not computed twice."""
        self._tensors: dict[Node, RecordedTensor] = {}

    def choice(self, site: str, size: int) -> "RecordedTensor":
        """A choice, at its first alternative.

        :param site: its name.
        :param size: the number of alternatives.
        :returns: ``[1, 1, size]``.
        """
        sample = torch.zeros(1, 1, size)
        sample[..., 0] = 1
        return self._noted(Choice(len(self.nodes), (1, size), site, size), sample)

    def select(self, index: Tensor, items: Sequence[Tensor]) -> "Tensor":
        """See :func:`~ntpt_pyro.select`.

        :param index: ``[*batch, n]``.
        :param items: n values.
        :returns: the selected.
        """
        if len(items) == 1:
            return items[0]
        read = tuple(_operand(item) for item in items)
        plain = [_plain(item) for item in items]
        if not isinstance(index, RecordedTensor):
            return self._select_by_data(index, items)
        key = (select, index.node, tuple(one if isinstance(one, Node) else id(one) for one in read))
        if key not in self._made:
            sample = select(_plain(index), plain)
            node = Select(len(self.nodes), tuple(sample.shape[1:]), index.node, read)
            self._made[key] = self._noted(node, sample)
        selected: Tensor = self._made[key]
        return selected

    def _select_by_data(self, index: Tensor, items: Sequence[Tensor]) -> Tensor:
        """Selected by an index that depends on no choice: often only one item is possible."""
        places = index.reshape(-1, len(items))
        possible = (places != 0).any(0).nonzero().flatten().tolist()
        sample = select(index, [_plain(item) for item in items])
        if len(possible) == 1 and bool((places[:, possible[0]] == 1).all()):
            item = items[possible[0]]
            if not isinstance(item, RecordedTensor):
                plain: Tensor = item.expand(sample.shape)
                return plain
            widened: Tensor = self.call(_Sized(Tensor.expand), (item, tuple(sample.shape)))
            return widened
        content = index.reshape(*(1,) * (sample.ndim - index.ndim), *index.shape)
        data = self._noted(Data(len(self.nodes), tuple(content.shape[1:]), content[0]), content)
        return self.select(data, items)

    def apply(self, function: RuntimeFunction, arguments: Sequence[Tensor]) -> "RecordedTensor":
        """A runtime function of values.

        :param function: it.
        :param arguments: of which some are recorded.
        :returns: its result.
        """
        key = (function, _key(arguments))
        if key not in self._made:
            sample = function(*map(_plain, arguments))
            operands = tuple(map(_operand, arguments))
            node = Apply(len(self.nodes), tuple(sample.shape[1:]), function, operands)
            self._made[key] = self._noted(node, sample)
        made: RecordedTensor = self._made[key]
        return made

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """A function of values.

        :param function: of tensors, with an axis of programs in front.
        :param arguments: what it is called with.
        :returns: what it yields, recorded.
        """
        key = (function, _key(arguments))
        if key not in self._made:
            given = with_contents(_nodes(arguments), _samples(arguments))
            with torch._C.DisableTorchFunctionSubclass():
                found = function(*given)
            if (
                isinstance(found, Tensor)
                and isinstance(function, _Sized)
                and found.shape == arguments[0].shape
            ):
                self._made[key] = arguments[0]
            elif isinstance(found, Tensor):
                self._made[key] = self._called(function, arguments, found)
            elif isinstance(found, (tuple, list)) and all(isinstance(one, Tensor) for one in found):
                made = [
                    self._called(_Part(function, place), arguments, one) for place, one in enumerate(found)
                ]
                self._made[key] = type(found)(made) if type(found) in (tuple, list) else tuple(made)
            else:
                raise refused(function)
        return self._made[key]

    def stack(self, values: Sequence[Tensor]) -> "RecordedTensor":
        """See :func:`~ntpt_pyro.stack`.

        :param values: the items.
        :returns: ``[*batch, items, n]``.
        """
        values = list(values)
        key = (stack, _key(values))
        if key not in self._made:
            sample = stack([_plain(value) for value in values])
            items = tuple(_operand(value) for value in values)
            node = Stack(
                len(self.nodes),
                tuple(sample.shape[1:]),
                _stacked,
                (_nodes(values),),
                (stack, _kind(values)),
                items,
            )
            self._made[key] = self._noted(node, sample)
        made: RecordedTensor = self._made[key]
        return made

    def _called(self, function: Any, arguments: Any, sample: Tensor) -> "RecordedTensor":
        if sample.ndim == 0 or sample.shape[0] != 1:
            raise refused(function)
        kind = (function, _kind(arguments))
        node = Call(len(self.nodes), tuple(sample.shape[1:]), function, _nodes(arguments), kind)
        return self._noted(node, sample)

    def _noted(self, node: Node, sample: Tensor) -> "RecordedTensor":
        self.nodes.append(node)
        self._tensors[node] = made = sample.detach().clone().as_subclass(RecordedTensor)
        made.node, made.recorder = node, self
        return made

    def tensors(self, operands: Sequence[Operand]) -> list[Tensor]:
        """Operands as tensors again.

        :param operands: nodes and data.
        :returns: recorded tensors and data.
        """
        return [self._tensors[one] if isinstance(one, Node) else one for one in operands]


class _Part:
    """One of several results of a function."""

    def __init__(self, function: Any, place: int) -> None:
        self.function = function
        self.place = place

    def __call__(self, *arguments: Any) -> Tensor:
        found: Tensor = self.function(*arguments)[self.place]
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and (self.function, self.place) == (other.function, other.place)

    def __hash__(self) -> int:
        return hash((self.function, self.place))


class _Named:
    """A torch function with the arguments that were given by name."""

    def __init__(self, function: Any, names: Sequence[str]) -> None:
        self.function = function
        self.names = tuple(names)
        self.__name__ = getattr(function, "__name__", str(function))

    def __call__(self, *arguments: Any) -> Any:
        given = len(arguments) - len(self.names)
        return self.function(*arguments[:given], **dict(zip(self.names, arguments[given:], strict=True)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Named) and (self.function, self.names) == (other.function, other.names)

    def __hash__(self) -> int:
        return hash((self.function, self.names))


class _Sized:
    """A function that is told the shape of its result: its first axis is that of programs, however many."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", str(function))

    def __call__(self, value: Tensor, *sizes: Any) -> Tensor:
        shape = list(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else list(sizes)
        if shape[0] == 1:
            shape[0] = value.shape[0]
        found: Tensor = self.function(value, shape)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sized) and self.function == other.function

    def __hash__(self) -> int:
        return hash((_Sized, self.function))


class RecordedTensor(Tensor):
    """The value of one program, and how that of any other is computed; made by a :class:`Recorder`."""

    node: Node
    recorder: Recorder

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"<RecordedTensor {list(self.shape)}>"

    @classmethod
    def ntpt_function(cls, function: Any, arguments: tuple[Any, ...]) -> Tensor:
        """What a function of the language makes of recorded values.

        :param function: of the language.
        :param arguments: of which some are recorded.
        :returns: the recorded result.
        """
        recorder = _recorder(arguments)
        if function is stack:
            return recorder.stack(*arguments)
        if function is select:
            index, items = arguments
            if isinstance(items, RecordedTensor) and isinstance(items.node, Stack):
                items = recorder.tensors(items.node.items)
            if not isinstance(items, Tensor):
                return recorder.select(index, items)
            found: Tensor = recorder.call(select, (index, items))
            return found
        return recorder.apply(function, arguments)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", str(func))
        if name == "__get__" or func in READS:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        if name in ("__bool__", "__setitem__") or (name.endswith("_") and not name.endswith("__")):
            raise refused(name)
        if func in SIZED:
            func = _Sized(func)
        if kwargs:
            func, args = _Named(func, list(kwargs)), (*args, *kwargs.values())
        return _recorder(args).call(func, tuple(args))


READS = {Tensor.size, Tensor.dim, Tensor.numel, Tensor.__len__, Tensor.is_floating_point, Tensor.stride}
"""What shows nothing of a value but its shape and type."""


class NotSharedError(Exception):
    """A model cannot be run on values of many programs at once.

    :param operation: because of this operation on a value.
    """

    def __init__(self, operation: str) -> None:
        super().__init__(f"because of {operation}")


def refused(operation: Any) -> NotSharedError:
    """The error for what cannot be shared between programs.

    :param operation: a function, or what it is called.
    :returns: the error.
    """
    name = operation if isinstance(operation, str) else getattr(operation, "__name__", str(operation))
    return NotSharedError(f"the operation {name!r} on a value")


def _recorder(given: Any) -> Recorder:
    if isinstance(given, RecordedTensor):
        return given.recorder
    for one in given.values() if isinstance(given, dict) else given:
        if isinstance(one, (RecordedTensor, tuple, list, dict)):
            try:
                return _recorder(one)
            except LookupError:
                continue
    raise LookupError


def _operand(value: Tensor) -> Operand:
    return value.node if isinstance(value, RecordedTensor) else value


def _plain(value: Tensor) -> Tensor:
    return value.as_subclass(Tensor) if isinstance(value, RecordedTensor) else value


def _nodes(given: Any) -> Any:
    """Arguments with nodes in the place of recorded tensors."""
    if isinstance(given, RecordedTensor):
        return given.node
    if type(given) in (tuple, list, torch.Size):
        return type(given)(_nodes(one) for one in given)
    if type(given) is dict:
        return {name: _nodes(one) for name, one in given.items()}
    return given


def _samples(given: Any) -> Any:
    if isinstance(given, RecordedTensor):
        yield _plain(given)
    elif isinstance(given, (tuple, list)):
        for one in given:
            yield from _samples(one)
    elif isinstance(given, dict):
        for one in given.values():
            yield from _samples(one)


def _key(given: Any) -> Any:
    """Arguments as something that can be looked up, equal where they are."""
    if isinstance(given, RecordedTensor):
        return given.node
    if isinstance(given, Tensor):
        return ("tensor", id(given), given)  # kept, so that no other takes its place in memory
    if isinstance(given, (tuple, list)):
        return (type(given), *(_key(one) for one in given))
    return repr(given)


def _kind(given: Any) -> Any:
    """Arguments as something that is equal where only the nodes in them are different."""
    if isinstance(given, RecordedTensor):
        return tuple(given.shape)
    if isinstance(given, (tuple, list)):
        return (type(given), *(_kind(one) for one in given))
    return _key(given)


def _stacked(items: list[Tensor]) -> Tensor:
    return stack(items)
