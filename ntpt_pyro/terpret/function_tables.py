"""Tables of ``@Runtime`` functions: what a body may hold and what it costs, before it is evaluated."""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ntpt_pyro.bounds import counted, in_digits
from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret.function_bodies import Body, Definition, turns
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, shown
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import Source, bounds_of
from ntpt_pyro.terpret.refused_syntax import called, instead
from ntpt_pyro.terpret.symbols import RuntimeDeclared

LARGEST_DOMAIN = 2**20
"""Combinations of arguments of a function at most."""
MOST_ARGUMENTS = 20
"""Arguments of a function at most."""
MOST_WORK = 10**9
"""Work for all functions of a text at most: an operation on one combination of arguments is 1."""
OVERHEAD = 2000
"""Work that an operation on any number of combinations is, besides."""
DIVISION = 4
"""Work that a division on one combination is."""
ENTRY = 30
"""Work that a combination is by itself: its place in the table, which takes memory too."""
AT_ONCE = 2**13
"""Combinations that are evaluated together at most."""
MOST_CELLS = 2**20
"""Those times local variables at most."""
SMALL = 2**14
"""Combinations of a function of which many tables are kept; of larger ones few are."""

EXPRESSIONS = (
    *(ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call),
)
"""What the expressions of a body are made of."""


class RuntimeFunctions:
    """The functions of integers that a text declares.

    :param source: the text.
    :param origins: which hypers are behind a place in it.
    """

    def __init__(self, source: Source, origins: Origins) -> None:
        self.source = source
        self.origins = origins
        self.work = 0
        """What all of them cost so far; see :data:`MOST_WORK`."""

    def declare(
        self, node: ast.FunctionDef, ranges: tuple[int, ...], out_range: int, names: Mapping[str, Any]
    ) -> RuntimeDeclared:
        """Tabulate a function; tables are kept, because every execution of a text asks for them.

        :param node: the function in the text.
        :param ranges: the range of each argument.
        :param out_range: results lie in ``0..out_range-1``.
        :param names: what is declared above it; the body may use the constants and the functions.
        :returns: the function.
        :raises TerpretError: where it is more than a body may be, costs too much, divides by zero, does not
            return, or a result is out of range (the message names the arguments).
        """
        useful = [name for name in _names(node) if isinstance(names.get(name), (int, RuntimeDeclared))]
        known = frozenset((name, names[name]) for name in useful)
        definition = Definition(self.source, node, ranges, out_range, known, self.origins)
        _check_signature(definition)
        work = _work(definition)
        if self.work + work > MOST_WORK:
            raise _too_much(definition, node, self.work + work, f"with that of functions above {node.name}")
        self.work += work
        made: RuntimeDeclared = (_small if prod(ranges) <= SMALL else _large)(definition)
        return made


@lru_cache(maxsize=1000)
def _names(node: ast.FunctionDef) -> frozenset[str]:
    """Names that a body has."""
    inside = (part for statement in node.body for part in ast.walk(statement))
    return frozenset(part.id for part in inside if isinstance(part, ast.Name))


def _check_signature(definition: Definition) -> None:
    """Arguments and ranges go together, and the domain is small enough."""
    names, ranges = definition.arguments, definition.ranges
    node, size = definition.node, prod(ranges)
    for right, expected, got, remedy in (
        (
            len(names) == len(ranges),
            f"{counted(len(ranges), 'argument')}, one for each range",
            str(len(names)),
            "declare the range of each argument",
        ),
        (
            len(names) <= MOST_ARGUMENTS,
            f"at most {MOST_ARGUMENTS} arguments",
            str(len(names)),
            "compute in steps, with functions of fewer arguments",
        ),
        (len(set(names)) == len(names), "arguments of different names", ", ".join(names), "rename one"),
    ):
        if not right:
            raise definition.source.error(node, expected=expected, got=got, remedy=remedy)
    for number, most, what in (
        (size, LARGEST_DOMAIN, "combinations of arguments"),
        (definition.out_range, LARGEST_INTEGER, "as the range of results"),
    ):
        if number > most:
            ranges_of = node.decorator_list[0]
            smaller = definition.origins.change(ranges_of, how="smaller", otherwise="make ranges smaller")
            raise definition.source.error(
                ranges_of,
                expected=f"at most {in_digits(most)} {what}",
                got=shown(number),
                remedy=f"{smaller}, or compute in steps, with functions of fewer arguments",
            )


def _at_once(definition: Definition) -> int:
    """How many combinations of arguments are evaluated together."""
    return max(1, min(AT_ONCE, MOST_CELLS // (1 + len(definition.locals))))


def _tabulated(definition: Definition) -> RuntimeDeclared:
    """A function on its whole domain; its table is not to be written to."""
    size, step, out_range = prod(definition.ranges), _at_once(definition), definition.out_range
    table = np.empty(size, dtype=np.int32)
    for first in range(0, size, step):
        places = np.arange(first, min(first + step, size))
        results = Body(definition, places).results()
        wrong = (results < 0) | (results >= out_range)
        if wrong.any():
            place = wrong.argmax()
            alone = Body(definition, places[place : place + 1])
            alone.results()
            raise definition.source.error(
                alone.returned or definition.node,
                expected=f"results in 0..{out_range - 1}, for all arguments in their ranges",
                got=f"{definition.call(places[place])} = {results[place]}",
                remedy="enlarge the range of the result, or return something else there",
            )
        table[places] = results
    return RuntimeDeclared(
        definition.node.name, definition.ranges, out_range, table.reshape(definition.ranges)
    )


_small, _large = lru_cache(maxsize=1000)(_tabulated), lru_cache(maxsize=16)(_tabulated)


@lru_cache(maxsize=1000)
def _work(definition: Definition) -> int:
    """What a function costs."""
    return _Account(definition).total


def _too_much(definition: Definition, place: ast.AST, work: int, what: str) -> TerpretError:
    return definition.source.error(
        place,
        expected=f"at most {MOST_WORK:,} operations to tabulate the functions of a text",
        got=f"at least {in_digits(work)} {what}",
        remedy=definition.origins.change(
            definition.node.decorator_list[0],
            place,
            how="smaller",
            otherwise=f"make the ranges of {definition.node.name} smaller, or loops shorter",
        ),
    )


class _Account:
    """What a body costs, counted statement by statement, loops included; and whether it is a body.

    :param definition: the function.
    :raises TerpretError: where it costs too much, or holds what no body may.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._size = prod(definition.ranges)
        self._each = self._size + OVERHEAD * -(-self._size // _at_once(definition))
        self._operations: dict[ast.stmt, int] = {}
        self._costs: Counter[ast.stmt] = Counter()
        self._loops: dict[str, int] = {}
        self.total = self._size * ENTRY + self._each
        """The sum."""
        self._block(definition.node.body)

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._spend(statement)
            if isinstance(statement, ast.If):
                self._block(statement.body)
                self._block(statement.orelse)
            elif isinstance(statement, ast.For):
                self._loop(statement)

    def _loop(self, loop: ast.For) -> None:
        assert isinstance(loop.target, ast.Name)
        for turn in turns(self._definition, loop, self._loops):
            self._spend(loop)
            self._loops[loop.target.id] = turn
            self._block(loop.body)
        self._loops.pop(loop.target.id, None)

    def _spend(self, statement: ast.stmt) -> None:
        """Count a statement that is run once more; refuse it where that is too much."""
        if statement not in self._operations:
            self._operations[statement] = self._checked(statement)
        cost = self._operations[statement] * self._each
        self._costs[statement] += cost
        self.total += cost
        if self.total > MOST_WORK:
            most = max(self._costs, key=self._costs.__getitem__)
            what = f"for {in_digits(self._size)} combinations of arguments, the most by this statement"
            raise _too_much(self._definition, most, self.total, what)

    def _checked(self, statement: ast.stmt) -> int:
        """How many operations a statement is, without the statements inside it."""
        if isinstance(statement, ast.Return) and statement.value is not None:
            return 1 + self._expressions(statement.value)
        if isinstance(statement, ast.If):
            return 4 + self._expressions(statement.test)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._check_target(statement.targets[0])
            return 4 + self._expressions(statement.value)
        if isinstance(statement, ast.For):
            self._check_target(statement.target)
            return 1 + self._expressions(*bounds_of(statement, self._definition.source))
        if isinstance(statement, ast.Pass) or _is_text(statement):
            return 1
        raise self._refused(statement)

    def _check_target(self, target: ast.expr) -> None:
        """What is assigned is a name, and no variable of an open loop: turns depend on these."""
        if not isinstance(target, ast.Name):
            raise self._refused(target)
        if target.id in self._loops:
            raise self._definition.source.error(
                target,
                expected="a free name",
                got=f"{target.id}, the variable of a loop around it",
                remedy="use another name",
            )

    def _expressions(self, *expressions: ast.expr) -> int:
        """How many operations expressions are."""
        operations = 0
        for part in (part for expression in expressions for part in ast.walk(expression)):
            if isinstance(part, ast.expr):
                known = isinstance(part, EXPRESSIONS)
                if isinstance(part, ast.Call):
                    known = isinstance(part.func, ast.Name) and not part.keywords
                elif isinstance(part, ast.Constant):
                    known = isinstance(part.value, int)
                if not known:
                    raise self._refused(part)
                operations += 1
            operations += DIVISION * isinstance(part, (ast.FloorDiv, ast.Mod))
        return operations

    def _refused(self, node: ast.AST) -> TerpretError:
        return self._definition.source.error(
            node,
            expected="return, if, for over a range, assignment of one name, or arithmetic of integers",
            got=called(node),
            remedy=f"a @Runtime function can do nothing else; {instead(node)}",
        )


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
