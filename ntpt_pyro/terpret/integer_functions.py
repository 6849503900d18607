"""Integer arithmetic of program texts, and the functions that texts declare with it.

A ``@Runtime`` function is evaluated on its whole domain at once: where its body branches, the domain is
split.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ntpt_pyro.terpret.parser import Source

OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
"""Operators and comparisons, on integers and on arrays of them alike."""
LARGEST_DOMAIN = 2**20
"""Combinations of arguments of a function at most."""
LARGEST_INTEGER = 2**31
"""Absolute values of intermediate results at most."""

Integers = npt.NDArray[np.int64]


@lru_cache(maxsize=1000)
def table(
    source: Source,
    function: ast.FunctionDef,
    ranges: tuple[int, ...],
    out_range: int,
    constants: frozenset[tuple[str, int]],
) -> Integers:
    """A declared function on its whole domain; kept, because every execution of a text asks for it.

    :param source: the text.
    :param function: in it; its body returns, branches, and computes with arguments and constants.
    :param ranges: the range of each argument.
    :param out_range: results lie in ``0..out_range-1``.
    :param constants: pairs of a name and an integer that the body may use.
    :returns: ``[*ranges]``, not to be written to.
    :raises TerpretError: where the body does something else, divides by zero, does not return, or a result is
        out of range (the message names the arguments).
    """
    names = [argument.arg for argument in function.args.args]
    if len(names) != len(ranges):
        raise source.error(
            function,
            expected=f"{len(ranges)} arguments, one for each range",
            got=str(len(names)),
            remedy="declare the range of each argument",
        )
    size = int(np.prod([int(size) for size in ranges], dtype=object))
    if not 0 < size <= LARGEST_DOMAIN:
        raise source.error(
            function,
            expected=f"from 1 to {LARGEST_DOMAIN} combinations of arguments",
            got=str(size),
            remedy="make the ranges smaller",
        )
    columns = np.indices(tuple(ranges)).reshape(len(names), size)
    body = _Body(source, function, dict(zip(names, columns, strict=True)), dict(constants))
    results = body.results(size)
    wrong = ((results < 0) | (results >= out_range)).nonzero()[0]
    if len(wrong):
        raise source.error(
            function,
            expected=f"results in 0..{out_range - 1}",
            got=f"{function.name}({body.arguments(wrong[0])}) = {results[wrong[0]]}",
            remedy="enlarge the range of the result, or correct the body",
        )
    return results.reshape(tuple(ranges))


class _Body:
    """A function's body on part of its domain: every integer is an array over that part."""

    def __init__(
        self,
        source: Source,
        function: ast.FunctionDef,
        columns: Mapping[str, Integers],
        constants: Mapping[str, int],
    ) -> None:
        self.source = source
        self.function = function
        self.columns = columns
        self.constants = constants

    def arguments(self, place: int) -> str:
        """The arguments at a place in the domain, as text."""
        return ", ".join(str(column[place]) for column in self.columns.values())

    def results(self, size: int) -> Integers:
        """What is returned for every combination of arguments."""
        results = np.zeros(size, dtype=np.int64)
        left = self._run(self.function.body, np.arange(size), results)
        if len(left):
            raise self.source.error(
                self.function,
                expected="a return on every way through the body",
                got=f"none for {self.function.name}({self.arguments(left[0])})",
                remedy="return something there",
            )
        return results

    def _run(self, body: Sequence[ast.stmt], part: Integers, results: Integers) -> Integers:
        """Run statements on a part of the domain; the part that has not returned."""
        for statement in body:
            if isinstance(statement, ast.Return) and statement.value is not None:
                results[part] = self._value(statement.value, part)
                return part[:0]
            if isinstance(statement, ast.If):
                holds = self._value(statement.test, part) != 0
                branches = ((statement.body, part[holds]), (statement.orelse, part[~holds]))
                left = [self._run(inner, some, results) for inner, some in branches if len(some)]
                part = np.sort(np.concatenate([*left, part[:0]]))
            elif not _is_text(statement) and not isinstance(statement, ast.Pass):
                raise self._refused(statement)
            if not len(part):
                break
        return part

    def _value(self, node: ast.expr, part: Integers) -> Integers:
        """An expression on a part of the domain."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return np.full(len(part), int(node.value), dtype=np.int64)
        if isinstance(node, ast.Name):
            if node.id in self.columns:
                return self.columns[node.id][part]
            if node.id in self.constants:
                return np.full(len(part), self.constants[node.id], dtype=np.int64)
            raise self.source.error(
                node,
                expected="an argument of the function or a constant",
                got=repr(node.id),
                remedy="use what the function is given",
            )
        if isinstance(node, ast.BinOp):
            right = self._value(node.right, part)
            if isinstance(node.op, (ast.FloorDiv, ast.Mod)) and (right == 0).any():
                where = part[(right == 0).nonzero()[0][0]]
                raise self.source.error(
                    node,
                    expected="a divisor other than 0",
                    got=f"0 in {self.function.name}({self.arguments(where)})",
                    remedy="treat that case by itself",
                )
            return self._bounded(node, OPERATORS[type(node.op)](self._value(node.left, part), right))
        if isinstance(node, ast.UnaryOp):
            operand = self._value(node.operand, part)
            return -operand if isinstance(node.op, ast.USub) else (operand == 0).astype(np.int64)
        if isinstance(node, ast.Compare):
            operands = [self._value(term, part) for term in (node.left, *node.comparators)]
            every = np.ones(len(part), dtype=bool)
            for how, pair in zip(node.ops, pairwise(operands), strict=True):
                every &= OPERATORS[type(how)](*pair)
            return every.astype(np.int64)
        if isinstance(node, ast.BoolOp):
            return self._either(node.values, part, stop_at=isinstance(node.op, ast.Or))
        if isinstance(node, ast.IfExp):
            holds = self._value(node.test, part) != 0
            found = np.zeros(len(part), dtype=np.int64)
            for chosen, where in ((node.body, holds), (node.orelse, ~holds)):
                if where.any():
                    found[where] = self._value(chosen, part[where])
            return found
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "int"
            and len(node.args) == 1
        ):
            return self._value(node.args[0], part)
        raise self._refused(node)

    def _either(self, operands: Sequence[ast.expr], part: Integers, *, stop_at: bool) -> Integers:
        """``and`` and ``or``: the first operand that decides, the rest not looked at; else the last."""
        found = self._value(operands[0], part)
        if len(operands) > 1:
            on = (found != 0) != stop_at
            if on.any():
                found = found.copy()
                found[on] = self._either(operands[1:], part[on], stop_at=stop_at)
        return found

    def _bounded(self, node: ast.expr, values: Integers) -> Integers:
        if len(values) and np.abs(values).max() > LARGEST_INTEGER:
            raise self.source.error(
                node,
                expected=f"integers up to {LARGEST_INTEGER}",
                got=str(np.abs(values).max()),
                remedy="compute with smaller ones",
            )
        return values

    def _refused(self, node: ast.AST) -> Exception:
        return self.source.error(
            node,
            expected="return, if, and integer arithmetic on arguments and constants",
            got=type(node).__name__,
            remedy="a Runtime function can do nothing else",
        )


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
