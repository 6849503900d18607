"""Walking a program text: constants, loops and inline functions are dealt with here, once for all.

What happens where a variable is set, or where the text branches on one, is up to subclasses: all branches are
taken when a text is unrolled (:mod:`~ntpt_pyro.terpret.unrolling`), one when it is run on integers
(:mod:`~ntpt_pyro.terpret.concrete_interpreter`).
"""

import ast
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from ntpt_pyro.terpret.expressions import kind_of
from ntpt_pyro.terpret.parser import Source, range_of
from ntpt_pyro.terpret.symbol_table import Declarer
from ntpt_pyro.terpret.symbols import Cell, Declared, Expression, Inline, tensor_shape

MOST_STATEMENTS = 100_000
"""Statements that a text may unroll to."""
DEEPEST_CALLS = 30
"""Inline functions that may call each other in a row."""

Body = Callable[[], None]
Cases = list[tuple[tuple[int, ...], Body]]
"""For each branch on a variable the values that lead to it, and what happens there."""


class _Returned(Exception):  # noqa: N818  # not an error
    """How an inline function hands over its value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Walker(Declarer):
    """Walks a text with its hypers bound.

    :param source: the text.
    :param hypers: integers by name.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        super().__init__(source, hypers)
        self.statements = 0
        """How many have been walked."""
        self._calls = 0
        """Calls of inline functions that are open."""
        self._statement: ast.AST = source.tree
        """The statement that is being walked."""

    def walk(self) -> None:
        """Walk the whole text.

        :raises TerpretError: for whatever is wrong with it; says file, line and column.
        """
        try:
            self._block(self.source.tree.body)
        except RecursionError:
            raise self._error(
                self._statement,
                "blocks, calls and expressions that are nested less deeply",
                "more than can be walked",
                "break them up; a function must not call itself without end",
            ) from None

    @abstractmethod
    def set_to(self, cell: Cell, expression: Expression, node: ast.AST) -> None:
        """A variable, or an output, is set.

        :param cell: which.
        :param expression: to what; its range fits.
        :param node: where.
        """

    @abstractmethod
    def set_constant(self, cell: Cell, value: int, node: ast.AST) -> None:
        """A parameter is set to a constant.

        :param cell: which.
        :param value: to what, in range.
        :param node: where.
        """

    @abstractmethod
    def branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        """The text branches on a variable.

        :param cell: the variable.
        :param cases: the branches; each value of the variable leads to one at most.
        :param node: where.
        """

    def possible(self, cell: Cell) -> Sequence[int]:
        """The integers that a variable can be, where the text is now.

        :param cell: the variable.
        :returns: all of its range, but for subclasses that know more.
        """
        return range(cell.size)

    def end_iteration(self, loop: ast.For, iteration: str) -> None:
        """An iteration of a loop has been walked; means nothing but to subclasses that say so.

        :param loop: which.
        :param iteration: its variable and the integer that it has, as ``t=3``.
        """

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self.statements += 1
            self._statement = statement
            if self.statements > MOST_STATEMENTS:
                raise self._error(
                    statement,
                    f"at most {MOST_STATEMENTS:,} statements once loops and cases are unrolled",
                    "more",
                    "make hypers smaller, or factor nested cases by variables of their own",
                )
            if not isinstance(statement, ast.Pass):
                getattr(self, f"_{type(statement).__name__.lower()}")(statement)

    def _importfrom(self, statement: ast.ImportFrom) -> None:
        if statement.module != "dummy" or not self.names.at_top:
            raise self._error(
                statement,
                "no import but `from dummy import ...` at the top",
                f"one from {statement.module}",
                "remove it: a text is not run by Python",
            )

    def _expr(self, statement: ast.Expr) -> None:
        call = statement.value
        if isinstance(call, ast.Constant) and isinstance(call.value, str):
            return
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            self._set(call, call.func)
        elif isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            found = self._lookup(call.func)
            if not isinstance(found, Inline):
                raise self._error(
                    call, "a call of an @Inline() function", call.func.id, "its value would be lost"
                )
            self.expand(found, call)
        else:
            raise self._error(statement, "a statement", "an expression", "set a variable to it by set_to")

    def _set(self, call: ast.Call, method: ast.Attribute) -> None:
        if method.attr not in ("set_to", "set_to_constant") or len(call.args) != 1 or call.keywords:
            raise self._error(
                call, "x.set_to(value) or x.set_to_constant(c)", f".{method.attr}", "use one of these"
            )
        cell = self.evaluate(method.value)
        if not isinstance(cell, Cell):
            raise self._error(method, "a variable, its indices given", "something else", "index the array")
        expression = self._expression(call.args[0])
        size = expression + 1 if isinstance(expression, int) else expression.size
        shape = tensor_shape(cell)
        wrong = size > cell.size or (isinstance(expression, int) and expression < 0) or not size
        if tensor_shape(expression) != shape or (shape is None and wrong):
            got = str(expression) if isinstance(expression, int) else f"one {kind_of(expression)}"
            wanted = f"a value in 0..{cell.size - 1}" if shape is None else f"a tensor of shape {list(shape)}"
            raise self._error(call, f"{wanted} for {cell.text}", got, "make ranges and shapes agree")
        constant = method.attr == "set_to_constant"
        if constant != (cell.declared.kind == "Param") or cell.declared.kind == "Input":
            raise self._error(
                call,
                "set_to on a Var or Output, set_to_constant on a Param",
                f"{method.attr} on the {cell.declared.kind} {cell.text}",
                "set another variable",
            )
        if not constant:
            self.set_to(cell, expression, call)
        elif isinstance(expression, int):
            self.set_constant(cell, expression, call)
        else:
            raise self._error(call, "a constant", "a variable", "give an integer")

    def _for(self, statement: ast.For) -> None:
        numbers = range_of(statement, self.source, self.integer)
        assert isinstance(statement.target, ast.Name)
        for number in numbers:
            self.names.bind(statement.target.id, number)
            self._block(statement.body)
            self.end_iteration(statement, f"{statement.target.id}={number}")

    def _if(self, statement: ast.If) -> None:
        test = self._condition(statement.test)
        if isinstance(test, int):
            self._block(statement.body if test else statement.orelse)
            return
        cell, value = test
        cases: Cases = [((value,), self._body(statement.body))]
        rest = [v for v in range(cell.size) if v != value]
        orelse = statement.orelse
        while len(orelse) == 1 and isinstance(orelse[0], ast.If):
            following = self._condition(orelse[0].test)
            if isinstance(following, int) or following[0] != cell:
                break
            if following[1] not in rest:
                raise self._error(
                    orelse[0], f"a case of {cell.text} that is not there yet", str(following[1]), "remove it"
                )
            rest.remove(following[1])
            cases.append(((following[1],), self._body(orelse[0].body)))
            orelse = orelse[0].orelse
        if rest and not orelse:
            raise self._error(
                statement,
                f"a case for each value of {cell.text} in 0..{cell.size - 1}",
                f"none for {', '.join(map(str, rest))}",
                "add elif or else",
            )
        if rest:
            cases.append((tuple(rest), self._body(orelse)))
        self._branch(cell, cases, statement)

    def _condition(self, test: ast.expr) -> int | tuple[Cell, int]:
        """A compile-time integer, or a variable and the value that it is compared with."""
        if isinstance(test, ast.Compare):
            left = self.evaluate(test.left)
            if isinstance(left, Cell):
                if len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
                    raise self._error(
                        test, f"{left.text} == constant", "another test", "test one value of it"
                    )
                if not left.size:
                    raise self._error(test, "an integer variable", left.text, "tensors are read by functions")
                value = self.integer(test.comparators[0])
                if not 0 <= value < left.size:
                    raise self._error(
                        test, f"a value of {left.text} in 0..{left.size - 1}", str(value), "test another"
                    )
                return left, value
        return self.integer(test)

    def _body(self, statements: Sequence[ast.stmt]) -> Body:
        return lambda: self._block(statements)

    def _branch(self, cell: Cell, cases: Cases, node: ast.AST) -> None:
        self._branches += 1
        try:
            self.branch(cell, cases, node)
        except _Returned:
            raise self._error(
                node, "no return inside a branch on a variable", "one", "set a variable in each branch"
            ) from None
        self._branches -= 1

    def _with(self, statement: ast.With) -> None:
        self._cases(statement.items, statement.body, statement)

    def _cases(self, items: Sequence[ast.withitem], body: Sequence[ast.stmt], node: ast.AST) -> None:
        if not items:
            self._block(body)
            return
        item, *others = items
        if not isinstance(item.optional_vars, ast.Name):
            raise self._error(node, "with variable as name", "no name", "name its value")
        name, cell = item.optional_vars.id, self.evaluate(item.context_expr)

        def case(value: int) -> Body:
            def run() -> None:
                self.names.bind(name, value)
                self._cases(others, body, node)

            return run

        if isinstance(cell, int):
            case(cell)()
        elif isinstance(cell, Cell) and cell.size:
            self._branch(cell, [((value,), case(value)) for value in self.possible(cell)], node)
        else:
            raise self._error(item.context_expr, "a variable", "something else", "split cases of a variable")

    def _return(self, statement: ast.Return) -> None:
        if not self._calls:
            raise self._error(statement, "return inside a function", "one outside", "remove it")
        raise _Returned(None if statement.value is None else self.evaluate(statement.value))

    def expand(self, inline: Inline, node: ast.Call) -> Any:
        """See :meth:`Evaluator.expand`: its body is walked with its arguments bound."""
        names = [argument.arg for argument in inline.function.args.args]
        if len(names) != len(node.args) or node.keywords or self._calls >= DEEPEST_CALLS:
            got = str(len(node.args)) if len(names) != len(node.args) else "a deeper call"
            raise self._error(
                node,
                f"{len(names)} plain arguments, at most {DEEPEST_CALLS} calls deep",
                got,
                "correct the call",
            )
        values = [self.evaluate(argument) for argument in node.args]
        self._calls += 1
        with self.names.call(dict(zip(names, values, strict=True))):
            try:
                self._block(inline.function.body)
            except _Returned as returned:
                return returned.value
            finally:
                self._calls -= 1
        return None


def elements(declared: Declared) -> list[Cell]:
    """All variables of a declaration, the last index fastest.

    :param declared: the declaration.
    :returns: them.
    """
    if declared.at:
        return [Cell(declared, declared.at)]
    return [Cell(declared, index) for index in product(*map(range, declared.dims))]
