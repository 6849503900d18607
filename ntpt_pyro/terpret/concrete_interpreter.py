"""Running a program text on plain integers: the oracle. One branch is taken, every variable is an integer."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.statements import Cases, Walker, elements
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, Kind, RuntimeDeclared


class Execution(Walker):
    """One run of a decided program on one instance; run when made.

    :param source: the text.
    :param hypers: integers by name.
    :param params: the integer of each parameter, by site.
    :param inputs: for each input an integer, or nested lists of its dimensions; of a tensor input what each
        learned function reads there, by the function's name.
    :raises TerpretError: where the text or what it is given is wrong.
    """

    def __init__(
        self,
        source: Source,
        hypers: Mapping[str, int],
        params: Mapping[str, int],
        inputs: Mapping[str, Any],
    ) -> None:
        super().__init__(source, hypers)
        self._params = params
        self._inputs = inputs
        self._values: dict[Cell, int] = {}
        self.walk()

    def values(self, *kinds: Kind) -> dict[str, Any]:
        """What variables came to.

        :param kinds: of the variables wanted.
        :returns: by name an integer, or nested lists of its dimensions; -1 where one was not set.
        """
        found = {}
        for name, declared in self.declared.items():
            if declared.kind in kinds:
                values = np.array([self._values.get(cell, -1) for cell in elements(declared)])
                found[name] = values.reshape(declared.dims).tolist()
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

    def branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        """See :meth:`Walker.branch`: the one that the variable's value leads to."""
        value = self._value(cell)
        for values, body in cases:
            if value in values:
                body()

    def _value(self, read: Cell | int) -> int:
        if isinstance(read, int):
            return read
        if read in self._values:
            return self._values[read]
        if read.declared.kind == "Param":
            return self._params.get(read.site, 0)
        return int(_at(self._inputs[read.declared.name], read.index))

    def _result(self, call: Call) -> int:
        if isinstance(call.function, RuntimeDeclared):
            return int(call.function.table[tuple(self._value(argument) for argument in call.arguments)])
        (image,) = call.arguments
        assert isinstance(image, Cell)
        return int(_at(self._inputs[image.declared.name][call.function.name], image.index))


def _at(nested: Any, index: Sequence[int]) -> Any:
    for place in index:
        nested = nested[place]
    return nested
