"""Expressions of a program text, evaluated when it is walked: constants, variables, calls."""

import ast
import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ntpt_pyro.bounds import counted
from ntpt_pyro.errors import TerpretError
from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, OPERATORS, shown
from ntpt_pyro.terpret.nearest_names import listed, nearest
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.refused_syntax import as_written, called, instead
from ntpt_pyro.terpret.scopes import MISSING, Open, Scopes
from ntpt_pyro.terpret.symbols import (
    KINDS,
    Call,
    Cell,
    Declared,
    Expression,
    Family,
    Inline,
    RuntimeDeclared,
    tensor_shape,
)

MOST_EVALUATIONS = 3_000_000
"""Expressions, each with those inside it, that walking a text may evaluate."""
BUILTINS: dict[str, Callable[..., int]] = {"int": int, "abs": abs, "min": min, "max": max}
"""Functions of constants that a text has without declaring them."""


class Evaluator(ABC):
    """Evaluates the expressions of a text.

    :param source: the text.
    :param hypers: integers by name.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        self.source = source
        self.hypers = hypers
        self.origins = Origins(source, hypers)
        """Which hypers and loops are behind a place in the text."""
        self.names = Scopes()
        """What names stand for."""
        self.evaluations = 0
        """Expressions that have been evaluated."""

    @abstractmethod
    def too_much(self, node: ast.AST, expected: str) -> TerpretError:
        """What to raise where walking the text has become too long.

        :param node: where that was.
        :param expected: how long it may be.
        :returns: the error; it names the place that made it so.
        """

    @abstractmethod
    def expand(self, inline: Inline, node: ast.Call) -> Any:
        """The value of a call of an inline function.

        :param inline: the function.
        :param node: the call.
        :returns: what it returns, None where it does not.
        """

    def integer(self, node: ast.expr) -> int:
        """A compile-time integer.

        :param node: an expression of constants.
        :returns: its value.
        :raises TerpretError: where it is none.
        """
        value = self.evaluate(node)
        if not isinstance(value, int):
            remedy = "give a constant"
            if isinstance(value, Cell) and value.size:
                remedy = (
                    f"write `with {as_written(node)} as v:` and use v, or let a @Runtime function compute"
                )
            elif isinstance(value, Call):
                remedy = "set a Var to it first, and branch on that"
            elif isinstance(value, (Declared, Family)):
                remedy = "index it, and branch on the element"
            raise self._error(node, "a constant", in_words(value), remedy)
        return value

    def _positive(self, node: ast.expr, what: str) -> int:
        """A compile-time integer of at least 1, a range or a length."""
        value = self.integer(node)
        if value < 1:
            raise self._wrong_size(node, f"a {what} of at least 1", value, "larger", f"write a larger {what}")
        return value

    def _wrong_size(
        self, node: ast.expr, expected: str, value: int, how: str, otherwise: str
    ) -> TerpretError:
        """What to raise about a size, or a sum of sizes: which hypers made it so."""
        told = self.origins.told(node)
        because = f" ({told})" if told and not isinstance(node, ast.Name) else ""
        if isinstance(node, ast.Name):
            because = f" for {node.id}" if node.id in self.hypers or not told else f" for {node.id} ({told})"
        remedy = self.origins.change(node, how=how, otherwise=otherwise)
        return self._error(node, expected, f"{shown(value)}{because}", remedy)

    def evaluate(self, node: ast.expr) -> Any:
        """What an expression stands for: an integer, a variable, an array, a function, or a call of one.

        :param node: the expression.
        :returns: it.
        :raises TerpretError: where it stands for nothing.
        """
        self.evaluations += 1
        if self.evaluations > MOST_EVALUATIONS:
            expected = f"at most {MOST_EVALUATIONS:,} expressions once loops and cases are unrolled"
            raise self.too_much(node, expected)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return int(node.value)
        if isinstance(node, ast.Name):
            return self._lookup(node)
        if isinstance(node, ast.Subscript):
            return self._element(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.BinOp):
            return self._compute(node, type(node.op), node.left, node.right)
        if isinstance(node, ast.UnaryOp):
            value = self.integer(node.operand)
            return -value if isinstance(node.op, ast.USub) else int(not value)
        if isinstance(node, ast.Compare):
            terms = [node.left, *node.comparators]
            steps = zip(node.ops, pairwise(terms), strict=True)
            return int(all(self._compute(node, type(how), *pair) for how, pair in steps))
        if isinstance(node, ast.BoolOp):
            value = 0
            for operand in node.values:
                value = self.integer(operand)
                if bool(value) == isinstance(node.op, ast.Or):
                    break
            return value
        if isinstance(node, ast.IfExp):
            return self.evaluate(node.body if self.integer(node.test) else node.orelse)
        raise self._error(node, "an integer, a variable or a call", called(node), instead(node))

    def _expression(self, node: ast.expr) -> Expression:
        value = self.evaluate(node)
        if isinstance(value, (Declared, Family)):
            one = f"index it, in a loop if all are meant, as {self._indexed(value)}"
            raise self._error(node, f"an element of {value.name}", "the whole array", one)
        if not isinstance(value, (int, Cell, Call)):
            raise self._error(node, "a value", in_words(value), "call a function, and let it return a value")
        return value

    def _compute(self, node: ast.expr, how: type[ast.AST], left: ast.expr, right: ast.expr) -> int:
        operands = self.integer(left), self.integer(right)
        if how in (ast.FloorDiv, ast.Mod) and not operands[1]:
            raise self._wrong_size(
                right, "a divisor other than 0", 0, "different", "divide by something else"
            )
        value = int(OPERATORS[how](*operands))
        if abs(value) > LARGEST_INTEGER:
            expected = f"integers up to {LARGEST_INTEGER}"
            raise self._wrong_size(node, expected, value, "smaller", "compute with smaller ones")
        return value

    def _lookup(self, node: ast.Name) -> Any:
        found = self.names.get(node.id)
        if found is MISSING:
            got, known = repr(node.id), [*self.names.known, *BUILTINS, *KINDS]
            remedy = nearest(node.id, known, "declare it above, or correct the spelling")
            if node.id in dir(builtins):
                got = f"{got}, which Python has and TerpreT has not"
                remedy = f"of Python's functions there are {listed(BUILTINS)}; declare others with @Runtime"
            raise self._error(node, "a name that is known here", got, remedy)
        if isinstance(found, Open):
            raise self._error(
                node,
                "a name that stands for one thing here",
                f"{node.id!r}, to which cases of the branch in line {found.line} give different meanings",
                "use it inside the case, bind it again, or set a Var in every case",
            )
        return Cell(found) if isinstance(found, Declared) and not found.dims else found

    def _element(self, node: ast.Subscript) -> Cell:
        if isinstance(node.value, ast.Subscript):
            base, first = as_written(node.value.value), as_written(node.value.slice)
            remedy = f"write {base}[{first}, {as_written(node.slice)}]"
            raise self._error(node, "all indices between one pair of brackets", as_written(node), remedy)
        array = self.evaluate(node.value)
        if not isinstance(array, (Declared, Family)):
            remedy = "leave the index out, or declare an array: x = Var(n)[length]"
            raise self._error(node, "an array", in_words(array), remedy)
        index = self._index(node)
        if isinstance(array, Family):
            if index in array.members:
                return Cell(array.members[index], index)
            there = listed(str(list(one)) for one in array.members)
            raise self._error(
                node.slice,
                f"an index of {array.name} that is declared ({there})",
                str([*index]),
                "declare it",
            )
        if len(index) != len(array.dims):
            wanted = f"{counted(len(array.dims), 'index')} of {array.name}"
            remedy = f"give one for each dimension, as {self._indexed(array)}"
            raise self._error(node, wanted, counted(len(index), "index"), remedy)
        if not all(0 <= place < length for place, length in zip(index, array.dims, strict=True)):
            raise self._outside(node, array, index)
        return Cell(array, index)

    def _outside(self, node: ast.Subscript, array: Declared, index: Sequence[int]) -> TerpretError:
        """What to raise about an index outside of its array, under the index."""
        ranges = zip(index, array.dims, strict=True)
        axis = next(n for n, (place, length) in enumerate(ranges) if not 0 <= place < length)
        bounds = ", ".join(f"0..{length - 1}" if length else "none" for length in array.dims)
        remedy = "stay inside the array, or declare it longer"
        if index[axis] < 0:
            remedy = "count from 0; there is no counting from the end"
        return self._error(
            _axes(node)[axis], f"indices of {array.name} in [{bounds}]", f"{list(index)}", remedy
        )

    def _indexed(self, array: Declared | Family) -> str:
        """How an element of an array is written."""
        some = array.dims if isinstance(array, Declared) else next(iter(array.members))
        return f"{array.name}[{', '.join('0' for _ in some)}]"

    def _index(self, node: ast.Subscript) -> tuple[int, ...]:
        return tuple(self.integer(place) for place in _axes(node))

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            got = f"{as_written(node.func)}(...)"
            raise self._error(node, "a call of a declared function", got, "call a function by its name")
        self.check_plain(node)
        if node.func.id in BUILTINS and self.names.get(node.func.id) is MISSING:
            return self._builtin(node.func.id, node)
        function = self._lookup(node.func)
        if isinstance(function, Inline):
            return self.expand(function, node)
        if not isinstance(function, (RuntimeDeclared, LearnedFunction)):
            raise self._error(
                node, "a function", in_words(function), "call what @Runtime, @Inline or @Learn declares"
            )
        arguments = tuple(self._expression(argument) for argument in node.args)
        wanted = function.ranges if isinstance(function, RuntimeDeclared) else function.inputs
        if len(arguments) != len(wanted):
            expected = f"{counted(len(wanted), 'argument')} of {function.name}"
            raise self._error(node, expected, str(len(arguments)), "give one for each")
        for number, (argument, kind) in enumerate(zip(arguments, wanted, strict=True)):
            self._check_argument(argument, kind, node, number)
        if isinstance(function, RuntimeDeclared) and all(isinstance(a, int) for a in arguments):
            return int(function.table[arguments])  # type: ignore[index]  # integers all
        return Call(function, arguments)  # type: ignore[arg-type]  # no calls among them, checked

    def check_plain(self, node: ast.Call) -> None:
        """Raise where a call gives arguments by their names.

        :param node: the call.
        """
        if node.keywords:
            got, remedy = as_written(node.keywords[0]), "give arguments in order, without their names"
            raise self._error(node.keywords[0], "arguments without names", got, remedy)

    def _builtin(self, name: str, node: ast.Call) -> int:
        """``int``, ``abs``, ``min`` or ``max`` of constants."""
        given = [self.integer(argument) for argument in node.args]
        if not given or (len(given) != 1) == (name in ("int", "abs")):
            wanted, remedy = "at least two arguments", "give more"
            if name in ("int", "abs"):
                wanted, remedy = "one argument", "give one"
            raise self._error(node, f"{wanted} of {name}", str(len(given)), remedy)
        return BUILTINS[name](*given)

    def _check_argument(self, argument: Expression, kind: int | Tensor, call: ast.Call, number: int) -> None:
        place = call.args[number]
        if isinstance(argument, Call):
            remedy = f"calls do not nest: set a Var to {as_written(place)} first, and give that"
            raise self._error(place, "a variable or a constant", in_words(argument), remedy)
        if isinstance(kind, Tensor):
            fits = tensor_shape(argument) == kind.shape
        else:
            fits = 0 < argument.size <= kind if isinstance(argument, Cell) else 0 <= argument < kind
        if not fits:
            raise self._wrong_argument(
                argument, kind, place, f"argument {number + 1} of {as_written(call.func)}"
            )

    def _wrong_argument(
        self, argument: Cell | int, kind: int | Tensor, place: ast.expr, which: str
    ) -> TerpretError:
        """What to raise about an argument of another range or shape."""
        got = str(argument) if isinstance(argument, int) else f"{argument.text} {kind_of(argument)}"
        remedy = f"declare a larger range for {which}"
        if isinstance(kind, Tensor):
            wanted, remedy = f"a tensor of shape {list(kind.shape)}", "make shapes agree"
        elif isinstance(argument, int):
            wanted = f"a constant in 0..{kind - 1}"
        else:
            wanted = f"a range of at most {kind}"
            remedy += f", or a smaller one for {argument.declared.name}"
            if not argument.size:
                remedy = "let a learnable function read the tensor first"
        return self._error(place, f"{wanted} as {which}", got, remedy)

    def _error(self, node: ast.AST, expected: str, got: str, remedy: str) -> TerpretError:
        return self.source.error(node, expected=expected, got=got, remedy=remedy)


def kind_of(expression: Expression) -> str:
    """The kind of values that an expression has, for messages.

    :param expression: the expression.
    :returns: its range or its shape, in words; a constant itself.
    """
    if isinstance(expression, int):
        return str(expression)
    shape = tensor_shape(expression)
    return f"of range {expression.size}" if shape is None else f"of shape {list(shape)}"


def in_words(value: Any) -> str:
    """What an expression stands for that is not wanted there.

    :param value: what :meth:`Evaluator.evaluate` gives.
    :returns: in words, with its name.
    """
    if isinstance(value, Cell):
        return f"the {value.declared.kind} {value.text}"
    if isinstance(value, (Declared, Family)):
        return f"the whole array {value.name}"
    if isinstance(value, Call):
        return f"a call of {value.function.name}"
    if isinstance(value, Inline):
        return f"the function {value.function.name}"
    if value is None:
        return "a call that returns nothing"
    return f"the constant {value}" if isinstance(value, int) else f"the function {value.name}"


def _axes(node: ast.Subscript) -> list[ast.expr]:
    """The indices between brackets."""
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
