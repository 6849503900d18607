"""Bodies of ``@Runtime`` functions, evaluated on many combinations of arguments at once.

Every argument and local variable is a column of integers, one for each combination. Where the body branches,
the combinations part. The meaning is Python's own on integers, but that integers are bounded.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ntpt_pyro.bounds import counted
from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, OPERATORS, Integers, shown
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import Source, range_of
from ntpt_pyro.terpret.symbols import RuntimeDeclared

BUILTINS: dict[str, Callable[..., Integers]] = {
    "int": np.positive,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
"""Functions that bodies have without declaring them; the first two take one argument, the others more."""


@dataclass(frozen=True)
class Definition:
    """A function that a text defines.

    :param source: the text.
    :param node: the function in it.
    :param ranges: the range of each argument.
    :param out_range: results lie in ``0..out_range-1``.
    :param known: constants and functions that are declared above it and that the body names.
    :param origins: which hypers are behind a place in the text.
    """

    source: Source
    node: ast.FunctionDef
    ranges: tuple[int, ...]
    out_range: int
    known: frozenset[tuple[str, int | RuntimeDeclared]]
    origins: Origins = field(compare=False, repr=False)

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return tuple(one.arg for one in (*self.node.args.posonlyargs, *self.node.args.args))

    @cached_property
    def locals(self) -> frozenset[str]:
        """Names that stand for something of the function's own: arguments, and what the body assigns."""
        names = (node for statement in self.node.body for node in ast.walk(statement))
        stored = (node.id for node in names if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        return frozenset([*self.arguments, *stored])

    @cached_property
    def meanings(self) -> Mapping[str, int | RuntimeDeclared]:
        """What is known, by name."""
        return dict(self.known)

    def columns(self, places: Integers) -> tuple[Integers, ...]:
        """The arguments at places of the domain, the last one fastest.

        :param places: numbers of combinations.
        :returns: for each argument a column.
        """
        return np.unravel_index(places, self.ranges) if self.ranges else ()

    def call(self, place: int) -> str:
        """A call at one place of the domain, as text.

        :param place: number of the combination.
        :returns: it, as ``f(1, 2)``.
        """
        arguments = ", ".join(str(column[0]) for column in self.columns(np.array([place])))
        return f"{self.node.name}({arguments})"


class _Expressions(ABC):
    """Evaluates expressions of a body: an integer is an array over some of the rows.

    :param definition: the function.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @abstractmethod
    def _local(self, node: ast.Name, rows: Integers) -> Integers:
        """An argument or a local variable."""

    @abstractmethod
    def _call_at(self, row: int) -> str:
        """The call of the function that a row stands for, as text."""

    def _value(self, node: ast.expr, rows: Integers) -> Integers:
        found: Integers = getattr(self, f"_{type(node).__name__.lower()}")(node, rows)
        return found

    def _error(self, node: ast.AST, expected: str, got: str, remedy: str) -> TerpretError:
        return self.definition.source.error(node, expected=expected, got=got, remedy=remedy)

    def _constant(self, node: ast.Constant, rows: Integers) -> Integers:
        assert isinstance(node.value, int)
        return self._full(node, int(node.value), rows)

    def _full(self, node: ast.AST, value: int, rows: Integers) -> Integers:
        if abs(value) > LARGEST_INTEGER:
            raise self._too_large(node, value)
        return np.full(len(rows), value, dtype=np.int64)

    def _name(self, node: ast.Name, rows: Integers) -> Integers:
        if node.id in self.definition.locals:
            return self._local(node, rows)
        value = self.definition.meanings.get(node.id)
        if isinstance(value, int):
            return self._full(node, value, rows)
        raise self._error(
            node,
            "an argument or a local variable of the function, or a constant",
            repr(node.id),
            "use what the function is given, or what is declared above it",
        )

    def _binop(self, node: ast.BinOp, rows: Integers) -> Integers:
        left, right = self._value(node.left, rows), self._value(node.right, rows)
        if isinstance(node.op, (ast.FloorDiv, ast.Mod)) and not right.all():
            where = self._call_at(rows[(right == 0).argmax()])
            raise self._error(
                node.right, "a divisor other than 0", f"0 in {where}", "treat that case by itself"
            )
        values: Integers = OPERATORS[type(node.op)](left, right)
        for extreme in (values.max(), values.min()):
            if abs(extreme) > LARGEST_INTEGER:
                raise self._too_large(node, int(extreme))
        return values

    def _too_large(self, node: ast.AST, value: int) -> TerpretError:
        return self._error(
            node, f"integers up to {LARGEST_INTEGER}", shown(value), "compute with smaller ones"
        )

    def _unaryop(self, node: ast.UnaryOp, rows: Integers) -> Integers:
        operand = self._value(node.operand, rows)
        return -operand if isinstance(node.op, ast.USub) else (operand == 0).astype(np.int64)

    def _compare(self, node: ast.Compare, rows: Integers) -> Integers:
        """A chain of comparisons: terms after the first that does not hold are not looked at."""
        on, left = np.arange(len(rows)), self._value(node.left, rows)
        for how, term in zip(node.ops, node.comparators, strict=True):
            if len(on):
                right = self._value(term, rows[on])
                holds = OPERATORS[type(how)](left, right)
                on, left = on[holds], right[holds]
        found = np.zeros(len(rows), dtype=np.int64)
        found[on] = 1
        return found

    def _boolop(self, node: ast.BoolOp, rows: Integers) -> Integers:
        """``and`` and ``or``: the first operand that decides, the rest not looked at; else the last."""
        found, on = self._value(node.values[0], rows).copy(), np.arange(len(rows))
        for operand in node.values[1:]:
            on = on[(found[on] == 0) == isinstance(node.op, ast.Or)]
            if len(on):
                found[on] = self._value(operand, rows[on])
        return found

    def _ifexp(self, node: ast.IfExp, rows: Integers) -> Integers:
        holds = self._value(node.test, rows) != 0
        found = np.zeros(len(rows), dtype=np.int64)
        for chosen, where in ((node.body, holds), (node.orelse, ~holds)):
            if where.any():
                found[where] = self._value(chosen, rows[where])
        return found

    def _call(self, node: ast.Call, rows: Integers) -> Integers:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        called = None if name in self.definition.locals else self.definition.meanings.get(name)
        builtin = name in BUILTINS and called is None and name not in self.definition.locals
        if name == self.definition.node.name or not (builtin or isinstance(called, RuntimeDeclared)):
            raise self._error(
                node,
                f"a @Runtime function that is declared above, or one of {', '.join(BUILTINS)}",
                repr(name),
                "declare it above; a function cannot call itself",
            )
        if isinstance(called, RuntimeDeclared):
            return self._looked_up(node, called, rows)
        one = name in ("int", "abs")
        if not node.args or (len(node.args) == 1) != one:
            wanted = f"{'one argument' if one else 'at least two arguments'} of {name}"
            remedy = "give one" if one else "give more"
            raise self._error(node, wanted, str(len(node.args)), remedy)
        found = self._value(node.args[0], rows)
        if one:
            return BUILTINS[name](found)
        for argument in node.args[1:]:
            found = BUILTINS[name](found, self._value(argument, rows))
        return found

    def _looked_up(self, node: ast.Call, called: RuntimeDeclared, rows: Integers) -> Integers:
        """Results of another function, whose table is made."""
        if len(node.args) != len(called.ranges):
            wanted = f"{counted(len(called.ranges), 'argument')} of {called.name}"
            raise self._error(node, wanted, str(len(node.args)), "give one for each range")
        place: Integers = np.zeros(len(rows), dtype=np.int64)
        for number, (argument, size) in enumerate(zip(node.args, called.ranges, strict=True), 1):
            values = self._value(argument, rows)
            outside = (values < 0) | (values >= size)
            if outside.any():
                first = outside.argmax()
                raise self._error(
                    argument,
                    f"0..{size - 1} as argument {number} of {called.name}",
                    f"{values[first]} in {self._call_at(rows[first])}",
                    f"enlarge the ranges of {called.name}, or call it with others",
                )
            place = place * size + values
        return called.table.ravel()[place].astype(np.int64)


class _Bounds(_Expressions):
    """Evaluates the bounds of a loop, which know only the variables of loops around it."""

    def __init__(self, definition: Definition, loops: Mapping[str, int]) -> None:
        super().__init__(definition)
        self._loops = loops

    def integer(self, node: ast.expr) -> int:
        """The value of a bound."""
        return int(self._value(node, np.zeros(1, dtype=np.int64))[0])

    def _local(self, node: ast.Name, rows: Integers) -> Integers:
        if node.id not in self._loops:
            raise self._error(
                node,
                "constants and variables of loops around this one",
                repr(node.id),
                "loop over constants, with an `if` inside",
            )
        return self._full(node, self._loops[node.id], rows)

    def _call_at(self, row: int) -> str:
        return self.definition.node.name


def turns(definition: Definition, loop: ast.For, loops: Mapping[str, int]) -> range:
    """What the variable of a loop runs through.

    :param definition: the function.
    :param loop: in its body, over a ``range(...)``.
    :param loops: the variables of loops around it, and where they are.
    :returns: the range.
    :raises TerpretError: where its bounds are no constants.
    """
    return range_of(loop, definition.source, _Bounds(definition, loops).integer)


class Body(_Expressions):
    """A function's body on some places of its domain, each a row.

    :param definition: the function; its body holds what a body may.
    :param places: numbers of combinations of arguments.
    """

    def __init__(self, definition: Definition, places: Integers) -> None:
        super().__init__(definition)
        self._places = places
        self._results = np.zeros(len(places), dtype=np.int64)
        self._columns = dict(zip(definition.arguments, definition.columns(places), strict=True))
        self._unset: dict[str, npt.NDArray[np.bool_]] = {}  # rows where a column has no value, if some
        self._loops: dict[str, int] = {}  # variables of loops, the last turn of each
        self.returned: ast.expr | None = None
        """What was returned last."""

    def results(self) -> Integers:
        """What is returned at each place.

        :returns: the results.
        :raises TerpretError: where there is none, or the body goes wrong; the message names the arguments.
        """
        left = self._block(self.definition.node.body, np.arange(len(self._places)))
        if len(left):
            raise self._error(
                self.definition.node,
                "a return on every way through the body",
                f"none for {self._call_at(left[0])}",
                "return something there",
            )
        return self._results

    def _call_at(self, row: int) -> str:
        return self.definition.call(self._places[row])

    def _local(self, node: ast.Name, rows: Integers) -> Integers:
        unset = self._unset.get(node.id)
        if node.id not in self._columns or (unset is not None and unset[rows].any()):
            row = rows[0] if unset is None else rows[unset[rows].argmax()]
            raise self._error(
                node,
                f"{node.id} to be set before it is read",
                f"no value in {self._call_at(row)}",
                "set it on every way that leads here",
            )
        column = self._columns[node.id]
        return column if len(rows) == len(column) else column[rows]

    def _set(self, name: str, values: Integers, rows: Integers) -> None:
        """Set a local variable at some rows; columns are shared, hence not written to."""
        if len(rows) == len(self._places):
            self._columns[name] = values
            self._unset.pop(name, None)
            return
        column = self._columns.get(name)
        self._columns[name] = np.empty_like(self._places) if column is None else column.copy()
        self._columns[name][rows] = values
        unset = np.ones(len(self._places), dtype=bool) if column is None else self._unset.get(name)
        if unset is not None:
            unset[rows] = False
            self._unset[name] = unset

    def _block(self, body: Sequence[ast.stmt], rows: Integers) -> Integers:
        """Run statements for some rows; those that have not returned, in order."""
        for statement in body:
            if not len(rows):
                break
            rows = getattr(self, f"_{type(statement).__name__.lower()}")(statement, rows)
        return rows

    def _pass(self, statement: ast.Pass, rows: Integers) -> Integers:
        return rows

    def _expr(self, statement: ast.Expr, rows: Integers) -> Integers:
        return rows

    def _return(self, statement: ast.Return, rows: Integers) -> Integers:
        assert statement.value is not None
        self.returned = statement.value
        self._results[rows] = self._value(statement.value, rows)
        return rows[:0]

    def _assign(self, statement: ast.Assign, rows: Integers) -> Integers:
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        self._set(target.id, self._value(statement.value, rows), rows)
        return rows

    def _if(self, statement: ast.If, rows: Integers) -> Integers:
        holds = self._value(statement.test, rows) != 0
        left = [rows[holds], rows[~holds]]
        for number, inner in enumerate((statement.body, statement.orelse)):
            left[number] = self._block(inner, left[number])
        return np.sort(np.concatenate(left))

    def _for(self, statement: ast.For, rows: Integers) -> Integers:
        assert isinstance(statement.target, ast.Name)
        name = statement.target.id
        for turn in turns(self.definition, statement, self._loops):
            if not len(rows):
                break
            self._set(name, self._full(statement, turn, rows), rows)
            self._loops[name] = turn
            rows = self._block(statement.body, rows)
        return rows
