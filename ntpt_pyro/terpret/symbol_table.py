"""Declarations of a program text: hypers, variables, functions."""

import ast
from collections.abc import Mapping
from math import prod
from typing import Any

from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.expressions import Evaluator
from ntpt_pyro.terpret.integer_functions import table
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import KINDS, Call, Declared, Inline, RuntimeDeclared

MOST_VALUES = 10_000
"""The largest range of a variable."""
MOST_CELLS = 100_000
"""Elements that an array may have."""


class Declarer(Evaluator):
    """Takes in what a text declares.

    :param source: the text.
    :param hypers: integers by name.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        super().__init__(source)
        self.hypers = hypers
        self.declared: dict[str, Declared] = {}
        """Variables and arrays of them, by name."""
        self.places: dict[str, ast.AST] = {}
        """Where they are declared."""
        self.learned: dict[str, LearnedFunction] = {}
        """Learnable functions, by name."""
        self._branches = 0
        """Branches on variables that are open."""

    def _functiondef(self, statement: ast.FunctionDef) -> None:
        plain = [
            statement.args.vararg,
            statement.args.kwarg,
            *statement.args.kwonlyargs,
            *statement.args.defaults,
        ]
        decorators = statement.decorator_list
        if (
            len(decorators) != 1
            or any(part is not None for part in plain)
            or not isinstance(decorators[0], ast.Call)
            or not isinstance(decorators[0].func, ast.Name)
            or decorators[0].func.id not in ("Runtime", "Inline", "Learn")
            or self._scope is not self._globals
        ):
            raise self._error(
                statement,
                "a function of plain arguments under @Runtime, @Inline() or @Learn, not inside another",
                f"{statement.name}",
                "declare what kind of function it is",
            )
        decorator = decorators[0]
        assert isinstance(decorator.func, ast.Name)
        made: Any = Inline(statement)
        if decorator.func.id == "Runtime":
            made = self._runtime(statement, decorator)
        elif decorator.func.id == "Learn":
            made = self._learn(statement, decorator)
        self._scope[statement.name] = made

    def _runtime(self, statement: ast.FunctionDef, decorator: ast.Call) -> RuntimeDeclared:
        if (
            len(decorator.args) != 2
            or decorator.keywords
            or not isinstance(decorator.args[0], (ast.List, ast.Tuple))
        ):
            raise self._error(
                decorator, "@Runtime([n1, ...], m)", "something else", "give ranges of arguments and result"
            )
        ranges = tuple(self._positive(node) for node in decorator.args[0].elts)
        out = self._positive(decorator.args[1])
        constants = frozenset(
            (name, value) for name, value in self._globals.items() if isinstance(value, int)
        )
        values = table(self.source, statement, ranges, out, constants)
        return RuntimeDeclared(statement.name, ranges, out, values)

    def _learn(self, statement: ast.FunctionDef, decorator: ast.Call) -> LearnedFunction:
        known = [keyword.arg for keyword in decorator.keywords] in ([], ["hid_sizes"])
        if len(decorator.args) != 2 or not known or not isinstance(decorator.args[0], (ast.List, ast.Tuple)):
            raise self._error(
                decorator,
                "@Learn([d1, ...], d_out, hid_sizes=[...])",
                "something else",
                "give types and layers",
            )
        inputs = tuple(self._type(node) for node in decorator.args[0].elts)
        hidden = decorator.keywords[0].value if decorator.keywords else ast.List([])
        if not isinstance(hidden, (ast.List, ast.Tuple)):
            raise self._error(hidden, "a list of layers", "something else", "write hid_sizes=[...]")
        sizes = tuple(self._positive(node) for node in hidden.elts)
        if len(inputs) != 1 or isinstance(inputs[0], int):
            raise self._error(
                decorator, "one input that is a Tensor(...)", "other inputs", "learn functions of one tensor"
            )
        doc = ast.get_docstring(statement) or ""
        made = LearnedFunction(statement.name, inputs, self._positive(decorator.args[1]), sizes, doc)
        self.learned[statement.name] = made
        return made

    def _type(self, node: ast.expr) -> int | Tensor:
        """A range, or ``Tensor(shape)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tensor":
            return Tensor(*(self._positive(length) for length in node.args))
        return self._positive(node)

    def _assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name):
            raise self._error(
                statement, "one name on the left", "something else", "variables are set by set_to"
            )
        made = self._declaration(target.id, statement.value)
        if made is None:
            made = self.evaluate(statement.value)
            if isinstance(made, Call):
                raise self._error(
                    statement, "a constant or a variable", "a call", "set a Var to it by set_to"
                )
        self._scope[target.id] = made

    def _declaration(self, name: str, value: ast.expr) -> Any:
        """What ``Hyper()`` or ``Kind(size)[dims]`` declares; None where the expression is neither."""
        call = value.value if isinstance(value, ast.Subscript) else value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        if call.func.id == "Hyper":
            if name not in self.hypers:
                raise self._error(
                    call, f"a value for the hyper {name}", "none", "add it to the file of hypers"
                )
            return self.hypers[name]
        kind = next((kind for kind in KINDS if kind == call.func.id), None)
        if kind is None:
            return None
        if self._scope is not self._globals or self._branches or name in self.declared:
            raise self._error(value, "declarations at the top of the text, once", name, "move or rename it")
        if len(call.args) != 1 or call.keywords:
            raise self._error(call, f"{kind}(size)", "other arguments", "give the range of its values")
        given = self._type(call.args[0])
        if isinstance(given, Tensor) and kind != "Input":
            raise self._error(call, "a range", "Tensor", "only an Input can be a tensor")
        dims: tuple[int, ...] = ()
        if isinstance(value, ast.Subscript):
            axes = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
            dims = tuple(self._positive(axis) for axis in axes)
        if prod(dims) > MOST_CELLS:
            raise self._error(value, f"at most {MOST_CELLS:,} elements", str(prod(dims)), "make it smaller")
        size = given if isinstance(given, int) else given.shape
        if isinstance(size, int) and size > MOST_VALUES:
            raise self._error(call, f"a range of at most {MOST_VALUES:,}", str(size), "make it smaller")
        self.declared[name] = Declared(kind, name, size, dims)
        self.places[name] = value
        return self.declared[name]
