"""Unrolling a program text: loops run, every branch taken, what each variable is set to written down."""

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.statements import Cases, Walker, elements
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, cells_of

Conditions = tuple[tuple[Cell, tuple[int, ...]], ...]
"""The way to a place in the text: variables, each with the values that lead there."""


@dataclass(frozen=True)
class Assignment:
    """What a variable is set to on one way through the text.

    :param conditions: the way.
    :param expression: what it is set to there; it reads no variable of the way.
    """

    conditions: Conditions
    expression: Expression


class Unrolled(Walker):
    """A text with all its branches taken; walked when made.

    Every variable is set once on every way, before it is read; a branch on a variable that an outer branch
    has decided goes where that one went.

    :param source: the text.
    :param hypers: integers by name.
    :raises TerpretError: for whatever is wrong with it.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        super().__init__(source, hypers)
        self.assignments: dict[Cell, list[Assignment]] = {}
        """For each Var and Output that is set what it is set to, by the way."""
        self.constants: dict[Cell, int] = {}
        """Params that the text decides itself."""
        self.steps: list[tuple[str, int]] = []
        """Each iteration of a loop at the top of the text, and how many variables are set at its end."""
        self._outermost: set[ast.AST] = {*source.tree.body}
        self._way: dict[Cell, tuple[int, ...]] = {}
        self._done: list[set[Cell]] = [set()]
        self._read: set[Cell] = set()
        self.walk()
        for declared in self.declared.values():
            for cell in elements(declared) if declared.kind == "Output" else ():
                if cell not in self._done[0]:
                    raise self._error(
                        self.places[declared.name],
                        f"{cell.text} to be set",
                        "an output without a value",
                        "set it",
                    )

    def set_to(self, cell: Cell, expression: Expression, node: ast.AST) -> None:
        """See :meth:`Walker.set_to`."""
        for read in cells_of(expression):
            self._check_set(read, node)
        if self._is_set(cell):
            raise self._error(
                node, f"{cell.text} to be set once", "a second time on the same way", "use another"
            )
        self._done[-1].add(cell)
        ways = [
            [(other, (value,)) for value in values] if other in cells_of(expression) else [(other, values)]
            for other, values in self._way.items()
        ]
        for conditions in product(*ways):
            known = {other: values[0] for other, values in conditions if len(values) == 1}
            made = Assignment(conditions, _given(known, expression))
            self.assignments.setdefault(cell, []).append(made)

    def set_constant(self, cell: Cell, value: int, node: ast.AST) -> None:
        """See :meth:`Walker.set_constant`."""
        if self._way or cell in self.constants or cell in self._read:
            raise self._error(
                node,
                f"{cell.text} to be set once, in no branch, before it is read",
                "something else",
                "set it below its declaration",
            )
        self.constants[cell] = value

    def end_iteration(self, loop: ast.For, iteration: str) -> None:
        """See :meth:`Walker.end_iteration`."""
        if loop in self._outermost:
            self.steps.append((f"{iteration}, line {loop.lineno}", len(self.assignments)))

    def branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        """See :meth:`Walker.branch`: all cases, one after the other."""
        self._check_set(cell, node)
        before, possible = self._way.get(cell), self._way.get(cell, range(cell.size))
        first: tuple[tuple[int, ...], set[Cell]] | None = None
        for values, body in cases:
            here = tuple(value for value in values if value in possible)
            if not here:
                continue
            with self._on(cell, here, before) as done:
                body()
            if first is None:
                first = here, done
            elif done != first[1]:
                odd = min(done ^ first[1], key=lambda one: one.text)
                missing, there = (here, first[0]) if odd in first[1] else (first[0], here)
                raise self._error(
                    node,
                    f"{odd.text} to be set on every branch on {cell.text}, as where it is {_either(there)}",
                    f"none where it is {_either(missing)}",
                    "set it there too",
                )
        if first is not None:
            self._done[-1] |= first[1]

    @contextmanager
    def _on(self, cell: Cell, values: tuple[int, ...], before: tuple[int, ...] | None) -> Iterator[set[Cell]]:
        """One case: the variables that are set in it."""
        done: set[Cell] = set()
        self._way[cell] = values
        self._done.append(done)
        yield done
        self._done.pop()
        if before is None:
            del self._way[cell]
        else:
            self._way[cell] = before

    def _is_set(self, cell: Cell) -> bool:
        return any(cell in done for done in self._done)

    def _check_set(self, cell: Cell, node: ast.AST) -> None:
        self._read.add(cell)
        if cell.declared.kind == "Output":
            raise self._error(
                node, "a Param, Var or Input to read", f"the Output {cell.text}", "set a Var, and both to it"
            )
        if cell.declared.kind == "Var" and not self._is_set(cell):
            raise self._error(
                node, f"{cell.text} to be set before it is read", "no value on this way", "set it above"
            )


def _given(known: Mapping[Cell, int], expression: Expression) -> Expression:
    """An expression on a way that decides some of the variables that it reads."""
    if isinstance(expression, Cell):
        return known.get(expression, expression)
    if isinstance(expression, Call):
        arguments = tuple(known.get(a, a) if isinstance(a, Cell) else a for a in expression.arguments)
        return Call(expression.function, arguments)
    return expression


def _either(values: tuple[int, ...]) -> str:
    return " or ".join(map(str, values))
