"""Declarations of a program text: hypers, variables, functions."""

import ast
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from ntpt_pyro.bounds import counted, in_digits
from ntpt_pyro.errors import DataError, TerpretError
from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.expressions import Evaluator, in_words
from ntpt_pyro.terpret.function_tables import RuntimeFunctions
from ntpt_pyro.terpret.nearest_names import listed, nearest, to_rename
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.refused_syntax import as_written
from ntpt_pyro.terpret.scopes import MISSING
from ntpt_pyro.terpret.symbols import KINDS, Call, Declared, Family, Inline, RuntimeDeclared
from ntpt_pyro.terpret.taken_names import TakenNames

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
    :param setting: what these are called in their file, for messages.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int], setting: str = "") -> None:
        super().__init__(source, hypers)
        self.taken = TakenNames(self.names)
        """What names stand for that are not to be bound again."""
        self._in_setting = f" in setting {setting!r}" if setting else ""
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
        self._runtimes = RuntimeFunctions(source, self.origins)

    def check_hypers(self) -> None:
        """Raise where hypers have a name that the text does not have; it has been walked.

        :raises DataError: names the first of them, and what the text has.
        """
        own = self.taken.hypers
        for name in self.hypers:
            if name not in own:
                raise DataError(
                    f"hypers of {self.source.name}{self._in_setting}",
                    expected=f"hypers that the text has ({listed(sorted(own))})",
                    got=repr(name),
                    remedy=nearest(name, own, "leave it out, or declare it in the text by Hyper()"),
                )

    def check_free(self, name: str, node: ast.AST, what: str) -> None:
        """Raise where a name is to be bound that stands for something else throughout.

        :param name: in the text.
        :param node: where it would be bound.
        :param what: to what, in words.
        """
        told = self.taken.told(name)
        if told is not None:
            raise self._error(node, f"a free name for {what}", told, "take another name")

    def _check_new(self, name: str, node: ast.AST) -> None:
        """Raise where a name is to be declared that stands for anything."""
        self.check_free(name, node, "what is declared")
        if self.names.get(name) is not MISSING:
            got = f"{name}, which is bound above"
            raise self._error(node, "a free name for what is declared", got, "take another name")

    def _functiondef(self, statement: ast.FunctionDef) -> None:
        arguments = statement.args
        plain = [arguments.vararg, arguments.kwarg, *arguments.kwonlyargs, *arguments.defaults]
        decorators, name = statement.decorator_list, statement.name
        decorator = decorators[0] if len(decorators) == 1 else None
        kind = decorator.func if isinstance(decorator, ast.Call) else None
        if (
            not isinstance(decorator, ast.Call)
            or not isinstance(kind, ast.Name)
            or kind.id not in ("Runtime", "Inline", "Learn")
        ):
            got = " and ".join(f"@{as_written(one)}" for one in decorators) or "none"
            wanted = f"@Runtime([n1, ...], m), @Inline() or @Learn([d1, ...], d_out) above {name}"
            kind_of = "write it with its brackets" if len(decorators) == 1 else "say what kind it is"
            raise self._error(statement, wanted, got, kind_of)
        if any(part is not None for part in plain):
            got, remedy = as_written(arguments), "give arguments no defaults and no stars"
            raise self._error(statement, f"plain arguments of {name}", got, remedy)
        if not self.names.at_top or self._branches:
            got, remedy = f"{name} inside a function or a branch", "move it up"
            raise self._error(statement, "functions at the top of the text", got, remedy)
        self._check_new(name, statement)
        made: Any = Inline(statement)
        if kind.id == "Runtime":
            made = self._runtime(statement, decorator)
        elif kind.id == "Learn":
            made = self._learn(statement, decorator)
        self.names.bind(statement.name, made)

    def _runtime(self, statement: ast.FunctionDef, decorator: ast.Call) -> RuntimeDeclared:
        lists = (ast.List, ast.Tuple)
        if len(decorator.args) != 2 or decorator.keywords or not isinstance(decorator.args[0], lists):
            remedy = "give the range of each argument in brackets, then that of the result"
            raise self._error(decorator, "@Runtime([n1, ...], m)", f"@{as_written(decorator)}", remedy)
        ranges = tuple(self._positive(node, "range") for node in decorator.args[0].elts)
        out = self._positive(decorator.args[1], "range")
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
            wanted, remedy = "@Learn([d1, ...], d_out, hid_sizes=[...])", "give types and layers so"
            raise self._error(decorator, wanted, f"@{as_written(decorator)}", remedy)
        inputs = tuple(self._type(node) for node in decorator.args[0].elts)
        hidden = layers[0] if layers else ast.List([])
        if not isinstance(hidden, (ast.List, ast.Tuple)):
            got, remedy = as_written(hidden), "give the width of each, as hid_sizes=[16]"
            raise self._error(hidden, "a list of hidden layers", got, remedy)
        sizes = tuple(self._positive(node, "width") for node in hidden.elts)
        arguments = len(statement.args.posonlyargs) + len(statement.args.args)
        if not inputs:
            remedy = "give the type of each argument"
            raise self._error(decorator, f"at least one input of {statement.name}", "none", remedy)
        if len(inputs) != arguments:
            wanted = f"{counted(len(inputs), 'argument')} of {statement.name}, as many as types"
            raise self._error(statement, wanted, str(arguments), "give a type for each argument")
        doc = ast.get_docstring(statement) or ""
        made = LearnedFunction(statement.name, inputs, self._type(decorator.args[1]), sizes, doc)
        weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(made.layer_sizes))
        if weights > MOST_WEIGHTS:
            raise self._error(
                decorator,
                f"at most {MOST_WEIGHTS:,} weights",
                f"{in_digits(weights)}",
                self.origins.change(decorator, how="smaller", otherwise="make layers or inputs smaller"),
            )
        self.learned[statement.name] = made
        return made

    def _type(self, node: ast.expr) -> int | Tensor:
        """A range, or ``Tensor(shape)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tensor":
            if not node.args or node.keywords:
                remedy = "give the length of each axis"
                raise self._error(node, "Tensor(length, ...)", as_written(node), remedy)
            return Tensor(*(self._positive(length, "length") for length in node.args))
        return self._positive(node, "range")

    def _assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Subscript):
            self._declare_element(target, statement.value)
            return
        if len(statement.targets) != 1 or not isinstance(target, ast.Name):
            got = " = ".join(map(as_written, statement.targets))
            remedy = "write a statement for each; variables are set by set_to"
            raise self._error(statement, "one name on the left", got, remedy)
        made = self._declaration(target.id, statement.value)
        if made is None:
            self._check_no_variable(target, statement.value)
            self.check_free(target.id, target, "a constant or a variable")
            made = self.evaluate(statement.value)
            if isinstance(made, Call) or made is None:
                remedy = f"declare {target.id} = Var(n), and write {target.id}.set_to(...)"
                got = in_words(made)
                raise self._error(statement.value, "a constant or a variable", got, remedy)
        self.names.bind(target.id, made)

    def _check_no_variable(self, target: ast.expr, value: ast.expr) -> None:
        """Raise where a variable is assigned in place of being set."""
        name = target.value if isinstance(target, ast.Subscript) else target
        assert isinstance(name, ast.Name)
        declared = self.taken.variable(name.id)
        if declared is None:
            return
        one = next(iter(declared.members.values())) if isinstance(declared, Family) else declared
        whole = target is name and (isinstance(declared, Family) or bool(one.dims))
        if one.kind == "Input":
            raise self._error(target, "a free name", f"the Input {name.id}", "take another name")
        method = "set_to_constant" if one.kind == "Param" else "set_to"
        remedy = f"write {as_written(target)}{'[...]' * whole}.{method}({as_written(value)})"
        expected = f"{method}, as {name.id} is a declared {one.kind}"
        raise self._error(target, expected, "an assignment", remedy)

    def _declare_element(self, target: ast.Subscript, value: ast.expr) -> None:
        """``x[i] = Param(n + i)``: variables of one name that differ in range."""
        if not isinstance(target.value, ast.Name):
            raise self._error(target, "a name with indices", "something else", "declare one array at a time")
        name = target.value.id
        family = self.names.get(name)
        made = self._declaration(name, value, index := self._index(target))
        if made is None and isinstance(self.taken.variable(name), (Declared, Family)):
            self._check_no_variable(target, value)
        if family is MISSING:
            family = Family(name, {})
        elif not isinstance(family, Family):
            self._check_new(name, target)
        if min(index, default=0) < 0:
            raise self._error(target.slice, "indices from 0", str([*index]), "count from 0")
        if made is None or made.dims or made.kind not in ("Param", "Var"):
            remedy = "declare one variable here; to set one, write set_to"
            raise self._error(value, "Param(n) or Var(n)", as_written(value), remedy)
        assert isinstance(family, Family)
        family.members[index] = made
        self.names.bind(name, family)

    def _declaration(self, name: str, value: ast.expr, at: tuple[int, ...] = ()) -> Any:
        """What ``Hyper()`` or ``Kind(size)[dims]`` declares; None where the expression is neither."""
        call = value.value if isinstance(value, ast.Subscript) else value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        if call.func.id == "Hyper":
            return self._hyper(name, value, at)
        kind = next((kind for kind in KINDS if kind == call.func.id), None)
        if kind is None:
            return None
        text = f"{name}{list(at)}" if at else name
        if not self.names.at_top or self._branches:
            got, remedy = f"{text} inside a function or a branch", "move it up"
            raise self._error(value, "declarations at the top of the text", got, remedy)
        if text in self.declared:
            line = getattr(self.places[text], "lineno", 1)
            got, remedy = f"a second one of {text}, declared in line {line}", "take another name, or an array"
            raise self._error(value, "one declaration of a name", got, remedy)
        if not at:
            self._check_new(name, value)
        if len(call.args) != 1 or call.keywords:
            remedy = f"give the range of its values: {kind}(n) has 0..n-1"
            raise self._error(call, f"{kind}(n)", as_written(call), remedy)
        given = self._type(call.args[0])
        if isinstance(given, Tensor) and kind not in ("Input", "Var"):
            raise self._error(call, "a range", "Tensor", "only an Input or a Var can be a tensor")
        if isinstance(given, int) and given > MOST_VALUES:
            expected = f"a range of at most {MOST_VALUES:,}"
            raise self._wrong_size(call.args[0], expected, given, "smaller", "make it smaller")
        size = given if isinstance(given, int) else given.shape
        made = Declared(kind, name, size, self._dims(value), at)
        if isinstance(given, Tensor):
            self._numbers += prod(made.dims) * prod(given.shape)
        if self._numbers > MOST_NUMBERS:
            raise self._too_many(value, f"{MOST_NUMBERS:,} numbers in all tensors", self._numbers)
        self.declared[text], self.places[text] = made, value
        return made

    def _hyper(self, name: str, value: ast.expr, at: tuple[int, ...]) -> int:
        """The integer of a hyper."""
        if not isinstance(value, ast.Call) or value.args or value.keywords or at:
            remedy = "its one integer is in the file of hypers"
            raise self._error(value, f"{name} = Hyper()", as_written(value), remedy)
        self._check_new(name, value)
        if name not in self.hypers:
            expected = f"a value for the hyper {name}{self._in_setting}"
            got = f"none among {listed(self.hypers)}" if self.hypers else "none"
            remedy = to_rename(name, self.hypers, f"add {name!r} to it in the file of hypers")
            raise self._error(value, expected, got, remedy)
        self.taken.hypers.add(name)
        return self.hypers[name]

    def _dims(self, value: ast.expr) -> tuple[int, ...]:
        """The lengths of the axes that a declaration gives."""
        if not isinstance(value, ast.Subscript):
            return ()
        axes = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
        dims = tuple(self.integer(axis) for axis in axes)
        for axis, length in zip(axes, dims, strict=True):
            if length < 0:
                raise self._wrong_size(axis, "a length of at least 0", length, "larger", "write a larger one")
        self._elements += prod(dims)
        if self._elements > MOST_CELLS:
            raise self._too_many(value, f"{MOST_CELLS:,} variables in all arrays", self._elements)
        return dims

    def _too_many(self, value: ast.expr, most: str, number: int) -> TerpretError:
        """What to raise about a declaration that is too large, together with those above it."""
        told = self.origins.told(value)
        got = f"{in_digits(number)} with this one" + (f" ({told})" if told else "")
        remedy = self.origins.change(value, how="smaller", otherwise="make it smaller")
        return self._error(value, f"at most {most} together", got, remedy)
