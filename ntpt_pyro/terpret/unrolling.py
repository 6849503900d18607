"""Unrolling a program text: loops run, every branch taken, what each variable is set to written down."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret.costs import Costs
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.scopes import Bindings
from ntpt_pyro.terpret.statements import Cases, Walker, elements
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, cells_of
from ntpt_pyro.terpret.ways import Conditions, SetIn, covers

PLATE_NAMES = ("instances", "restarts")
"""Names of Pyro's plates, which no site may have."""


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

    A variable is set at most once on every way, and read only where it is set; outputs are set on every way.
    A branch on a variable that an outer branch has decided goes where that one went.

    :param source: the text.
    :param hypers: integers by name.
    :param setting: what these are called in their file, for messages.
    :raises TerpretError: for whatever is wrong with it.
    :raises DataError: for hypers that it does not have.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int], setting: str = "") -> None:
        super().__init__(source, hypers, setting)
        self.assignments: dict[Cell, list[Assignment]] = {}
        """For each Var and Output that is set what it is set to, by the way."""
        self.set_at: dict[Cell, ast.AST] = {}
        """Where in the text each of them is set first."""
        self.constants: dict[Cell, int] = {}
        """Params that the text decides itself."""
        self.steps: list[tuple[str, int]] = []
        """Each iteration of a loop at the top of the text, and how many variables are set at its end."""
        self._outermost: set[ast.AST] = {*source.tree.body}
        self.conditional: set[Cell] = set()
        """Variables whose distributions are given that they are set: the ways of these do not cover all."""
        self._way: dict[Cell, tuple[int, ...]] = {}
        self._places = [SetIn()]
        self._costs = Costs(source, self.origins)
        self._read: set[Cell] = set()
        self.walk()
        self.check_hypers()
        for name, declared in self.declared.items():
            for cell in elements(declared) if declared.kind == "Output" else ():
                if not self._is_set(cell):
                    wanted = f"the Output {cell.text} to be set on every way"
                    remedy = f"write {cell.text}.set_to(...), in each case of a branch"
                    got = self._where_set(cell) if self._ways_to(cell) else "no value"
                    raise self._error(self.places[name], wanted, got, remedy)
        self._check_sites()
        for cell in self.assignments:
            if not self._is_set(cell):
                self._condition_on_setting(cell)

    def _condition_on_setting(self, cell: Cell) -> None:
        """Leave out what all ways to a variable have in common: it is read there only."""
        ways = self.assignments[cell]
        common = set(ways[0].conditions).intersection(*(one.conditions for one in ways))
        self.assignments[cell] = [
            Assignment(tuple(pair for pair in one.conditions if pair not in common), one.expression)
            for one in ways
        ]
        if not covers([one.conditions for one in self.assignments[cell]], self.possible):
            self.conditional.add(cell)

    def _check_sites(self) -> None:
        """Every variable has a site of its own."""
        found = dict.fromkeys(PLATE_NAMES, "the dimension of that name")
        for name, declared in self.declared.items():
            for cell in elements(declared):
                if cell.site in found:
                    raise self._error(
                        self.places[name],
                        "names that differ also where indices are written with _",
                        f"{cell.text}, whose site {cell.site} is that of {found[cell.site]}",
                        "rename it",
                    )
                found[cell.site] = cell.text

    def set_to(self, cell: Cell, expression: Expression, node: ast.AST) -> None:
        """See :meth:`Walker.set_to`."""
        for read in cells_of(expression):
            if not self._may_be_read(read):
                raise self._not_set(read, read_at(read, expression, node))
        if self._may_be_set(cell):
            line = getattr(self.set_at.get(cell), "lineno", 1)
            got, remedy = f"a second set_to, after line {line}", "use another Var for the new value"
            raise self._error(node, f"{cell.text} to be set once on every way", got, remedy)
        self.set_at.setdefault(cell, node)
        self._places[-1].everywhere.add(cell)
        self._costs.add(self._way, expression, node)
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
        for wrong, told in (
            (bool(self._way), "in a branch on a variable"),
            (cell in self.constants, "a second time"),
            (cell in self._read, "after it was read"),
        ):
            if wrong:
                wanted = f"{cell.text} to be set once, in no branch, before it is read"
                raise self._error(node, wanted, f"set_to_constant {told}", "move it below the declaration")
        self.constants[cell] = value

    def end_iteration(self, loop: ast.For, iteration: str) -> None:
        """See :meth:`Walker.end_iteration`."""
        if loop in self._outermost:
            self.steps.append((f"{iteration}, line {loop.lineno}", len(self.assignments)))

    def branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        """See :meth:`Walker.branch`: all cases, one after the other, none of which sees names of another."""
        if not self._may_be_read(cell):
            raise self._not_set(cell, node)
        before, possible = self._way.get(cell), self.possible(cell)
        taken: list[tuple[tuple[int, ...], SetIn]] = []
        bound: list[Bindings] = []
        for values, body in cases:
            here = tuple(value for value in values if value in possible)
            if not here:
                continue
            self._way[cell] = here
            self._places.append(SetIn())
            with self.names.case() as names:
                body()
            taken.append((here, self._places.pop()))
            bound.append(names)
            if before is None:
                del self._way[cell]
            else:
                self._way[cell] = before
        self._places[-1].join(cell, taken, self.possible)
        self.names.join(bound, getattr(node, "lineno", 1))

    def possible(self, cell: Cell) -> Sequence[int]:
        """See :meth:`Walker.possible`: those that lead here."""
        return self._way.get(cell, range(cell.size))

    def _ways_to(self, cell: Cell) -> list[Conditions]:
        """The ways on which a variable is set, as far as where the text is now leaves them open."""
        if any(cell in place.everywhere for place in self._places):
            return [()]
        return [way for place in self._places for way in place.somewhere.get(cell, ())]

    def _is_set(self, cell: Cell) -> bool:
        """Whether a variable is set on every way to where the text is now."""
        return covers(self._ways_to(cell), self.possible)

    def _may_be_set(self, cell: Cell) -> bool:
        """Whether a variable is set on some way to where the text is now."""
        return any(
            all(not set(values).isdisjoint(self.possible(other)) for other, values in way)
            for way in self._ways_to(cell)
        )

    def _where_set(self, cell: Cell) -> str:
        """Where a variable is set that is not set everywhere, in words."""
        ways = self._ways_to(cell)
        if not ways:
            return "no value on this way"
        conditions = (f"{other.text} is {' or '.join(map(str, values))}" for other, values in ways[0])
        return f"a value only where {' and '.join(conditions)}" + (", and elsewhere" if ways[1:] else "")

    def _may_be_read(self, cell: Cell) -> bool:
        """Whether a variable has a value here; it is noted that it is read."""
        self._read.add(cell)
        return cell.declared.kind not in ("Var", "Output") or self._is_set(cell)

    def _not_set(self, cell: Cell, node: ast.AST) -> TerpretError:
        """What to raise about a variable that is read where it has no value."""
        remedy = f"write {cell.text}.set_to(...) above, on every way that leads here"
        return self._error(node, f"{cell.text} to be set before it is read", self._where_set(cell), remedy)


def read_at(cell: Cell, expression: Expression, node: ast.AST) -> ast.AST:
    """Where a variable is read.

    :param cell: the variable.
    :param expression: that reads it.
    :param node: the ``set_to`` of that.
    :returns: its argument, where that is known.
    """
    if not isinstance(node, ast.Call):
        return node
    (value,) = node.args
    arguments = expression.arguments if isinstance(expression, Call) else ()
    if isinstance(value, ast.Call) and len(value.args) == len(arguments):
        return value.args[arguments.index(cell)]
    return value


def _given(known: Mapping[Cell, int], expression: Expression) -> Expression:
    """An expression on a way that decides some of the variables that it reads."""
    if isinstance(expression, Cell):
        return known.get(expression, expression)
    if isinstance(expression, Call):
        arguments = tuple(known.get(a, a) if isinstance(a, Cell) else a for a in expression.arguments)
        return Call(expression.function, arguments)
    return expression
