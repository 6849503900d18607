"""Expressions of a program text, evaluated when it is walked: constants, variables, calls."""

import ast
from abc import ABC, abstractmethod
from collections.abc import MutableMapping
from itertools import pairwise
from typing import Any

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, OPERATORS
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import Call, Cell, Declared, Expression, Inline, RuntimeDeclared


class Evaluator(ABC):
    """Evaluates the expressions of a text.

    :param source: the text.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._globals: dict[str, Any] = {}
        self._scope: MutableMapping[str, Any] = self._globals

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
            what = value.text if isinstance(value, Cell) else type(value).__name__
            raise self._error(node, "a constant", what, "only constants can be computed with here")
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
        if isinstance(value, Declared):
            raise self._error(node, f"an element of {value.name}", "the whole array", "index it")
        if not isinstance(value, (int, Cell, Call)):
            raise self._error(node, "a value", "a function", "call it")
        return value

    def _compute(self, node: ast.expr, how: type[ast.AST], left: ast.expr, right: ast.expr) -> int:
        operands = self.integer(left), self.integer(right)
        if how in (ast.FloorDiv, ast.Mod) and not operands[1]:
            raise self._error(node, "a divisor other than 0", "0", "divide by something else")
        value = int(OPERATORS[how](*operands))
        if abs(value) > LARGEST_INTEGER:
            raise self._error(node, f"integers up to {LARGEST_INTEGER}", "more", "compute with smaller ones")
        return value

    def _lookup(self, node: ast.Name) -> Any:
        if node.id not in self._scope:
            raise self._error(
                node, "a name that is known here", repr(node.id), "declare it above, or correct the spelling"
            )
        found = self._scope[node.id]
        return Cell(found) if isinstance(found, Declared) and not found.dims else found

    def _element(self, node: ast.Subscript) -> Cell:
        array = self.evaluate(node.value)
        if not isinstance(array, Declared):
            raise self._error(node, "an array", "something else", "index what was declared with dimensions")
        nodes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index = tuple(self.integer(place) for place in nodes)
        inside = len(index) == len(array.dims) and all(
            0 <= place < length for place, length in zip(index, array.dims, strict=True)
        )
        if not inside:
            bounds = ", ".join(f"0..{length - 1}" for length in array.dims)
            raise self._error(
                node, f"indices of {array.name} in [{bounds}]", f"{list(index)}", "stay inside the array"
            )
        return Cell(array, index)

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self._error(node, "a call of a declared function", "another call", "call it by its name")
        if node.func.id == "int" and len(node.args) == 1:
            return self.integer(node.args[0])
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

    def _check_argument(self, argument: Expression, kind: int | Tensor, place: ast.expr) -> None:
        if isinstance(argument, Call):
            raise self._error(place, "a variable or constant", "a call", "set a Var to it first")
        if isinstance(kind, Tensor):
            fits = isinstance(argument, Cell) and argument.declared.size == kind.shape
            wanted = f"an input of shape {kind.shape}"
        elif isinstance(argument, Cell):
            fits, wanted = 0 < argument.size <= kind, f"a range of at most {kind}"
        else:
            fits, wanted = 0 <= argument < kind, f"a constant in 0..{kind - 1}"
        if not fits:
            got = (
                str(argument) if isinstance(argument, int) else f"{argument.text} of {argument.declared.size}"
            )
            raise self._error(place, wanted, got, "make ranges agree")

    def _error(self, node: ast.AST, expected: str, got: str, remedy: str) -> TerpretError:
        return self.source.error(node, expected=expected, got=got, remedy=remedy)
