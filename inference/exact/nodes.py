"""A model's values as expressions of its choices and its data.

Every value that depends on a choice is a node: a choice, one of several values selected by another, or a
function of values. Values that depend on data alone stay tensors. What a node is evaluated to for a program
is a *content*: a tensor ``[*shape]`` over all examples, without an axis of programs.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ntpt_pyro.language.runtime_functions import RuntimeFunction

Shape = tuple[int, ...]


@dataclass(eq=False)
class Node:
    """A value that depends on choices.

    :param number: its place in the order in which the model computes.
    :param shape: of its content.
    """

    number: int
    shape: Shape

    def read(self) -> "Iterator[Node]":
        """The nodes that it is computed from."""
        return iter(())


Operand = Node | Tensor
"""What a node is computed from: another node, or data."""


@dataclass(eq=False)
class Choice(Node):
    """A program choice.

    :param site: its name.
    :param size: the number of alternatives.
    """

    site: str
    size: int


@dataclass(eq=False)
class Data(Node):
    """Data in the place of a node.

    :param value: ``[*shape]``.
    """

    value: Tensor


@dataclass(eq=False)
class Select(Node):
    """One of several values, by an index: their mixture where the index is uncertain.

    :param index: ``[*batch, n]``.
    :param items: ``n`` values.
    """

    index: Node
    items: tuple[Operand, ...]

    def read(self) -> Iterator[Node]:
        """See :class:`Node`."""
        yield self.index
        yield from (item for item in self.items if isinstance(item, Node))


@dataclass(eq=False)
class Call(Node):
    """A function of values.

    :param function: takes contents with an axis of programs in front, and yields such.
    :param arguments: nodes where values go, and whatever else it is called with.
    :param kind: equal for calls that compute the same from equal contents.
    """

    function: Any
    arguments: tuple[Any, ...]
    kind: Hashable

    def read(self) -> Iterator[Node]:
        """The nodes among its arguments, in order; one that comes twice is there twice."""
        return _nodes_in(self.arguments)

    def apply(self, *contents: Tensor) -> Tensor:
        """Compute it.

        :param contents: of its values, ``[programs, *shape]`` each.
        :returns: ``[programs, *shape]``.
        """
        found: Tensor = self.function(*with_contents(self.arguments, iter(contents)))
        return found


@dataclass(eq=False)
class Stack(Call):
    """Values side by side, so that one can be selected without the others.

    :param items: they.
    """

    items: tuple[Operand, ...]


@dataclass(eq=False)
class Apply(Node):
    """A runtime function of values.

    :param function: on integers, with its table.
    :param operands: its arguments.
    """

    function: RuntimeFunction
    operands: tuple[Operand, ...]

    def read(self) -> Iterator[Node]:
        """The nodes among its operands, in order; one that comes twice is there twice."""
        return _nodes_in(self.operands)


def _nodes_in(given: Any) -> Iterator[Node]:
    if isinstance(given, Node):
        yield given
    elif isinstance(given, (tuple, list)):
        for one in given:
            yield from _nodes_in(one)
    elif isinstance(given, dict):
        for one in given.values():
            yield from _nodes_in(one)


def with_contents(given: Any, contents: Iterator[Tensor]) -> Any:
    """Arguments with contents in the place of nodes, in their order.

    :param given: arguments of a call.
    :param contents: as many as there are nodes.
    :returns: arguments to call with.
    """
    if isinstance(given, Node):
        return next(contents)
    if isinstance(given, (tuple, list)):
        return type(given)(with_contents(one, contents) for one in given)
    if isinstance(given, dict):
        return {name: with_contents(one, contents) for name, one in given.items()}
    return given
