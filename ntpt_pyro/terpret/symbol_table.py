"""Declarations of a program text: hypers, variables, functions."""

import ast
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.expressions import Evaluator
from ntpt_pyro.terpret.function_tables import RuntimeFunctions
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.scopes import MISSING
from ntpt_pyro.terpret.symbols import KINDS, Call, Declared, Family, Inline, RuntimeDeclared

MOST_VALUES = 10_000
"""The largest range of a variable."""
MOST_CELLS = 300_000
"""Elements that all arrays of a text may have together."""
MOST_NUMBERS = 10_000_000
"""Numbers that all tensors of a text may have together."""
MOST_WEIGHTS = 20_000_000
"""Weights of a learnable function."""


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
        self._elements = 0
        """Elements of all arrays that are declared."""
        self._numbers = 0
        """Numbers in all tensors that are declared."""
        self._runtimes = RuntimeFunctions(source)

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
            or not self.names.at_top
            or self._branches
        ):
            raise self._error(
                statement,
                "a function of plain arguments under @Runtime, @Inline() or @Learn, in no function or branch",
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
        self.names.bind(statement.name, made)

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
        return self._runtimes.declare(statement, ranges, out, self.names.top)

    def _learn(self, statement: ast.FunctionDef, decorator: ast.Call) -> LearnedFunction:
        layers = decorator.args[2:] + [word.value for word in decorator.keywords if word.arg == "hid_sizes"]
        known = len(layers) + 2 == len(decorator.args) + len(decorator.keywords)
        if (
            len(decorator.args) < 2
            or len(layers) > 1
            or not known
            or not isinstance(decorator.args[0], (ast.List, ast.Tuple))
        ):
            raise self._error(
                decorator,
                "@Learn([d1, ...], d_out, hid_sizes=[...])",
                "something else",
                "give types and layers",
            )
        inputs = tuple(self._type(node) for node in decorator.args[0].elts)
        hidden = layers[0] if layers else ast.List([])
        if not isinstance(hidden, (ast.List, ast.Tuple)):
            raise self._error(hidden, "a list of layers", "something else", "write hid_sizes=[...]")
        sizes = tuple(self._positive(node) for node in hidden.elts)
        arguments = len(statement.args.posonlyargs) + len(statement.args.args)
        if not inputs or len(inputs) != arguments or statement.name in self.learned:
            raise self._error(
                statement,
                "a new function of at least one input, with an argument for each",
                f"{statement.name} of {len(inputs)} inputs and {arguments} arguments",
                "give a type for each argument, and each function a name of its own",
            )
        doc = ast.get_docstring(statement) or ""
        made = LearnedFunction(statement.name, inputs, self._type(decorator.args[1]), sizes, doc)
        weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(made.layer_sizes))
        if weights > MOST_WEIGHTS:
            raise self._error(
                decorator,
                f"at most {MOST_WEIGHTS:,} weights",
                f"{weights:,}",
                "make layers or inputs smaller",
            )
        self.learned[statement.name] = made
        return made

    def _type(self, node: ast.expr) -> int | Tensor:
        """A range, or ``Tensor(shape)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tensor":
            if not node.args or node.keywords:
                raise self._error(
                    node, "Tensor(length, ...)", "other arguments", "give the length of each axis"
                )
            return Tensor(*(self._positive(length) for length in node.args))
        return self._positive(node)

    def _assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Subscript):
            self._declare_element(target, statement.value)
            return
        if len(statement.targets) != 1 or not isinstance(target, ast.Name):
            raise self._error(
                statement, "one name on the left", "something else", "variables are set by set_to"
            )
        made = self._declaration(target.id, statement.value)
        if made is None:
            made = self.evaluate(statement.value)
            if isinstance(made, Call) or made is None:
                raise self._error(
                    statement, "a constant or a variable", "a call", "set a Var to it by set_to"
                )
        self.names.bind(target.id, made)

    def _declare_element(self, target: ast.Subscript, value: ast.expr) -> None:
        """``x[i] = Param(n + i)``: variables of one name that differ in range."""
        if not isinstance(target.value, ast.Name):
            raise self._error(target, "a name with indices", "something else", "declare one array at a time")
        name = target.value.id
        family = self.names.get(name)
        if family is MISSING:
            family = Family(name, {})
        elif not isinstance(family, Family):
            raise self._error(target, "a name that is not used yet", name, "variables are set by set_to")
        index = self._index(target)
        if min(index, default=0) < 0 or index in family.members:
            raise self._error(target, "an index from 0 that is declared once", f"{list(index)}", "correct it")
        made = self._declaration(name, value, index)
        if made is None or made.dims or made.kind not in ("Param", "Var"):
            raise self._error(
                value,
                "Param(n) or Var(n)",
                "something else",
                "variables are set by set_to",
            )
        family.members[index] = made
        self.names.bind(name, family)

    def _declaration(self, name: str, value: ast.expr, at: tuple[int, ...] = ()) -> Any:
        """What ``Hyper()`` or ``Kind(size)[dims]`` declares; None where the expression is neither."""
        call = value.value if isinstance(value, ast.Subscript) else value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        if call.func.id == "Hyper" and not at:
            if name not in self.hypers:
                raise self._error(
                    call, f"a value for the hyper {name}", "none", "add it to the file of hypers"
                )
            return self.hypers[name]
        kind = next((kind for kind in KINDS if kind == call.func.id), None)
        if kind is None:
            return None
        text = f"{name}{list(at)}" if at else name
        if not self.names.at_top or self._branches or text in self.declared:
            raise self._error(value, "declarations at the top of the text, once", text, "move or rename it")
        if len(call.args) != 1 or call.keywords:
            raise self._error(call, f"{kind}(size)", "other arguments", "give the range of its values")
        given = self._type(call.args[0])
        if isinstance(given, Tensor) and kind not in ("Input", "Var"):
            raise self._error(call, "a range", "Tensor", "only an Input or a Var can be a tensor")
        if isinstance(given, int) and given > MOST_VALUES:
            raise self._error(call, f"a range of at most {MOST_VALUES:,}", str(given), "make it smaller")
        size = given if isinstance(given, int) else given.shape
        made = Declared(kind, name, size, self._dims(value), at)
        if isinstance(given, Tensor):
            self._numbers += prod(made.dims) * prod(given.shape)
        if self._numbers > MOST_NUMBERS:
            raise self._error(
                value,
                f"at most {MOST_NUMBERS:,} numbers in all tensors together",
                f"{self._numbers:,} up to here",
                "make it smaller",
            )
        self.declared[text], self.places[text] = made, value
        return made

    def _dims(self, value: ast.expr) -> tuple[int, ...]:
        """The lengths of the axes that a declaration gives."""
        if not isinstance(value, ast.Subscript):
            return ()
        axes = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
        dims = tuple(self.integer(axis) for axis in axes)
        if min(dims, default=0) < 0:
            raise self._error(value, "lengths of at least 0", str(list(dims)), "give more")
        self._elements += prod(dims)
        if self._elements > MOST_CELLS:
            raise self._error(
                value,
                f"at most {MOST_CELLS:,} variables in all arrays together",
                f"{self._elements:,} up to here",
                "make it smaller",
            )
        return dims
