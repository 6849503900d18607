"""Expressions of a program text, evaluated when it is walked: constants, variables, calls."""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, OPERATORS, shown
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.scopes import MISSING, Open, Scopes
from ntpt_pyro.terpret.symbols import (
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
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = Scopes()
        """What names stand for."""
        self.evaluations = 0
        """Expressions that have been evaluated."""

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
            remedy = "only constants can be computed with here"
            if isinstance(value, Cell):
                remedy += f"; split the cases of {value.text} by `with`, or let a @Runtime function compute"
            raise self._error(node, "a constant", _in_words(value), remedy)
        return value

    def _positive(self, node: ast.expr) -> int:
        value = self.integer(node)
        if value < 1:
            raise self._error(node, "at least 1", str(value), "give more")
        return value

    def evaluate(self, node: ast.expr) -> Any:
        """What an expression stands for: an integer, a variable, an array, a function, or a call of one.

        :param node: the expression.
        :returns: it.
        :raises TerpretError: where it stands for nothing.
        """
        self.evaluations += 1
        if self.evaluations > MOST_EVALUATIONS:
            raise self._error(
                node,
                f"at most {MOST_EVALUATIONS:,} expressions once loops and cases are unrolled",
                "more",
                "make hypers smaller, or compute what stays the same outside of loops",
            )
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
        raise self._error(node, "an expression", type(node).__name__, "use integers, variables and calls")

    def _expression(self, node: ast.expr) -> Expression:
        value = self.evaluate(node)
        if isinstance(value, (Declared, Family)):
            raise self._error(node, f"an element of {value.name}", "the whole array", "index it")
        if not isinstance(value, (int, Cell, Call)):
            raise self._error(node, "a value", _in_words(value), "call a function, and let it return a value")
        return value

    def _compute(self, node: ast.expr, how: type[ast.AST], left: ast.expr, right: ast.expr) -> int:
        operands = self.integer(left), self.integer(right)
        if how in (ast.FloorDiv, ast.Mod) and not operands[1]:
            raise self._error(node, "a divisor other than 0", "0", "divide by something else")
        value = int(OPERATORS[how](*operands))
        if abs(value) > LARGEST_INTEGER:
            expected = f"integers up to {LARGEST_INTEGER}"
            raise self._error(node, expected, shown(value), "compute with smaller ones")
        return value

    def _lookup(self, node: ast.Name) -> Any:
        found = self.names.get(node.id)
        if found is MISSING:
            raise self._error(
                node, "a name that is known here", repr(node.id), "declare it above, or correct the spelling"
            )
        if isinstance(found, Open):
            raise self._error(
                node,
                "a name that stands for one thing here",
                f"{node.id!r}, to which cases of the branch in line {found.line} give different meanings",
                "use it inside the case, bind it again, or set a Var in every case",
            )
        return Cell(found) if isinstance(found, Declared) and not found.dims else found

    def _element(self, node: ast.Subscript) -> Cell:
        array = self.evaluate(node.value)
        if not isinstance(array, (Declared, Family)):
            raise self._error(node, "an array", _in_words(array), "index what was declared with dimensions")
        index = self._index(node)
        if isinstance(array, Family):
            if index in array.members:
                return Cell(array.members[index], index)
            raise self._error(
                node, f"an element of {array.name} that is declared", f"{list(index)}", "declare it above"
            )
        inside = len(index) == len(array.dims) and all(
            0 <= place < length for place, length in zip(index, array.dims, strict=True)
        )
        if not inside:
            bounds = ", ".join(f"0..{length - 1}" if length else "none" for length in array.dims)
            raise self._error(
                node, f"indices of {array.name} in [{bounds}]", f"{list(index)}", "stay inside the array"
            )
        return Cell(array, index)

    def _index(self, node: ast.Subscript) -> tuple[int, ...]:
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return tuple(self.integer(place) for place in places)

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self._error(node, "a call of a declared function", "another call", "call it by its name")
        if node.func.id in BUILTINS and self.names.get(node.func.id) is MISSING:
            return self._builtin(node.func.id, node)
        function = self._lookup(node.func)
        if isinstance(function, Inline):
            return self.expand(function, node)
        if not isinstance(function, (RuntimeDeclared, LearnedFunction)):
            raise self._error(node, "a function", repr(node.func.id), "declare it with @Runtime or @Inline()")
        arguments = tuple(self._expression(argument) for argument in node.args)
        wanted = function.ranges if isinstance(function, RuntimeDeclared) else function.inputs
        if len(arguments) != len(wanted):
            raise self._error(node, f"{len(wanted)} arguments", str(len(arguments)), "give one for each")
        for argument, kind, place in zip(arguments, wanted, node.args, strict=True):
            self._check_argument(argument, kind, place)
        if isinstance(function, RuntimeDeclared) and all(isinstance(a, int) for a in arguments):
            return int(function.table[arguments])  # type: ignore[index]  # integers all
        return Call(function, arguments)  # type: ignore[arg-type]  # no calls among them, checked

    def _builtin(self, name: str, node: ast.Call) -> int:
        """``int``, ``abs``, ``min`` or ``max`` of constants."""
        given = [self.integer(argument) for argument in node.args]
        if not given or (len(given) != 1) == (name in ("int", "abs")):
            wanted = "one argument" if name in ("int", "abs") else "at least two arguments"
            raise self._error(node, f"{wanted} of {name}", str(len(given)), "correct the call")
        return BUILTINS[name](*given)

    def _check_argument(self, argument: Expression, kind: int | Tensor, place: ast.expr) -> None:
        if isinstance(argument, Call):
            raise self._error(place, "a variable or constant", "a call", "set a Var to it first")
        if isinstance(kind, Tensor):
            fits = tensor_shape(argument) == kind.shape
            wanted = f"a tensor of shape {list(kind.shape)}"
        elif isinstance(argument, Cell):
            fits, wanted = 0 < argument.size <= kind, f"a range of at most {kind}"
        else:
            fits, wanted = 0 <= argument < kind, f"a constant in 0..{kind - 1}"
        if not fits:
            got = str(argument) if isinstance(argument, int) else f"{argument.text} {kind_of(argument)}"
            raise self._error(place, wanted, got, "make ranges and shapes agree")

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


def _in_words(value: Any) -> str:
    """What an expression stands for that is not wanted there."""
    if isinstance(value, Cell):
        return value.text
    if isinstance(value, (Declared, Family)):
        return f"the whole array {value.name}"
    if isinstance(value, Call):
        return f"a call of {value.function.name}"
    if isinstance(value, Inline):
        return f"the function {value.function.name}"
    if value is None:
        return "a call that returns nothing"
    return str(value) if isinstance(value, int) else f"the function {value.name}"
