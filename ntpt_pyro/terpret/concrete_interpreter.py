"""Running a program text on plain integers: the oracle. One branch is taken, every variable is an integer.

Of learned functions it takes the most probable integer; what they make of tensors are tensors.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.statements import Cases, Walker, elements
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, Kind, RuntimeDeclared

Concrete = int | Tensor
"""A value: an integer, or a tensor of its declared shape."""


class Functions(Protocol):
    """Learned functions by name, such as :class:`~ntpt_pyro.language.concrete_library.ConcreteLibrary`."""

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """A function of plain integers and tensors."""


class Execution(Walker):
    """One run of a decided program on one instance; run when made.

    :param source: the text.
    :param hypers: integers by name.
    :param params: the integer of each parameter, by site.
    :param inputs: for each input an integer, or nested lists of its dimensions; of a tensor input its
        numbers, or what each learned function of one input reads there, by the function's name.
    :param functions: learned functions by name, of plain integers and tensors.
    :param known: what calls of learned functions come to, as far as that is known.
    :raises TerpretError: where the text or what it is given is wrong.
    """

    def __init__(
        self,
        source: Source,
        hypers: Mapping[str, int],
        params: Mapping[str, int],
        inputs: Mapping[str, Any],
        functions: Functions | None = None,
        known: Mapping[Call, Concrete] | None = None,
    ) -> None:
        super().__init__(source, hypers)
        self._params = params
        self._inputs = inputs
        self._functions = functions
        self._known = known or {}
        self._values: dict[Cell, Concrete] = {}
        self.walk()

    def values(self, *kinds: Kind) -> dict[str, Any]:
        """What variables came to.

        :param kinds: of the variables wanted.
        :returns: by name an integer, or nested lists of its dimensions; -1 where one was not set.
        """
        found = {}
        for name, declared in self.declared.items():
            if declared.kind in kinds:
                values = [self._values.get(cell, -1) for cell in elements(declared)]
                plain = [one.tolist() if isinstance(one, Tensor) else one for one in values]
                found[name] = _nested(plain, declared.dims)
        return found

    def set_to(self, cell: Cell, expression: Expression, node: ast.AST) -> None:
        """See :meth:`Walker.set_to`."""
        if isinstance(expression, Call):
            self._values[cell] = self._result(expression)
        else:
            self._values[cell] = self._value(expression)

    def set_constant(self, cell: Cell, value: int, node: ast.AST) -> None:
        """See :meth:`Walker.set_constant`."""
        self._values[cell] = value

    def possible(self, cell: Cell) -> Sequence[int]:
        """See :meth:`Walker.possible`: the one that it is."""
        return (int(self._value(cell)),)

    def branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        """See :meth:`Walker.branch`: the one that the variable's value leads to."""
        value = self._value(cell)
        for values, body in cases:
            if value in values:
                body()

    def _value(self, read: Cell | int) -> Concrete:
        if isinstance(read, int):
            return read
        if read in self._values:
            return self._values[read]
        if read.declared.kind == "Param":
            return self._params.get(read.site, 0)
        given = self._inputs[read.declared.name]
        if read.size:
            return int(_at(given, read.index))
        if isinstance(given, Mapping):
            raise self._lacks(f"the numbers of {read.text}", "what functions read in it", "give the numbers")
        return torch.as_tensor(_at(given, read.index), dtype=torch.get_default_dtype())

    def _result(self, call: Call) -> Concrete:
        if isinstance(call.function, RuntimeDeclared):
            return int(call.function.table[tuple(self._value(argument) for argument in call.arguments)])
        if call in self._known:
            return self._known[call]
        image, name = call.arguments[0], call.function.name
        if isinstance(image, Cell) and image.declared.kind == "Input" and len(call.arguments) == 1:
            given = self._inputs[image.declared.name]
            if isinstance(given, Mapping) and name in given:
                return int(_at(given[name], image.index))
        if self._functions is None:
            raise self._lacks(f"a library with {name}", "none", "give one to run the text with (library=)")
        found: Concrete = self._functions[name](*(self._value(argument) for argument in call.arguments))
        return found

    def _lacks(self, expected: str, got: str, remedy: str) -> UsageError:
        return UsageError(f"{self.source.name}, run on integers", expected=expected, got=got, remedy=remedy)


def _at(nested: Any, index: Sequence[int]) -> Any:
    for place in index:
        nested = nested[place]
    return nested


def _nested(values: Sequence[Any], dims: Sequence[int]) -> Any:
    """Values of an array as nested lists, the last index fastest."""
    if not dims:
        return values[0]
    each = len(values) // dims[0] if dims[0] else 0
    return [_nested(values[n * each : (n + 1) * each], dims[1:]) for n in range(dims[0])]
