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

from ntpt_pyro.bounds import counted, in_digits
from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret.expressions import in_words, kind_of
from ntpt_pyro.terpret.parser import Source, range_of
from ntpt_pyro.terpret.refused_syntax import as_written
from ntpt_pyro.terpret.symbol_table import Declarer
from ntpt_pyro.terpret.symbols import Call, Cell, Declared, Expression, Inline, tensor_shape

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
    :param setting: what these are called in their file, for messages.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int], setting: str = "") -> None:
        super().__init__(source, hypers, setting)
        self.statements = 0
        """How many have been walked."""
        self._times: dict[ast.AST, int] = {}
        """How many times each of them has been."""
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
        :param node: where the text reads the variable.
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
            self._times[statement] = self._times.get(statement, 0) + 1
            if self.statements > MOST_STATEMENTS:
                expected = f"at most {MOST_STATEMENTS:,} statements once loops and cases are unrolled"
                raise self.too_much(statement, expected)
            if not isinstance(statement, ast.Pass):
                getattr(self, f"_{type(statement).__name__.lower()}")(statement)

    def too_much(self, node: ast.AST, expected: str) -> TerpretError:
        """See :meth:`Evaluator.too_much`: the place is the statement that took most of it."""
        most = max(self._times, key=lambda one: self._times[one] * _own_parts(one))
        repeated = f"more: {in_digits(self._times[most])} times {self.origins.where(most)}"
        remedy = self.origins.change(
            *self.origins.bounds(most),
            how="smaller",
            otherwise="make loops shorter, or set Vars in place of nested cases",
        )
        return self._error(node, expected, repeated, remedy)

    def _importfrom(self, statement: ast.ImportFrom) -> None:
        if statement.module != "dummy" or not self.names.at_top:
            raise self._error(
                statement,
                "no import but `from dummy import ...` at the top",
                as_written(statement),
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
            self.check_plain(call)
            if not isinstance(found, Inline):
                got = f"a call of {call.func.id}, whose value would be lost"
                remedy = f"write x.set_to({as_written(call)})"
                raise self._error(call, "a call of an @Inline() function", got, remedy)
            self.expand(found, call)
        else:
            remedy = "set a variable to it by x.set_to(...), or leave it out"
            raise self._error(statement, "a statement", f"the expression {as_written(call)}", remedy)

    def _set(self, call: ast.Call, method: ast.Attribute) -> None:
        constant = method.attr == "set_to_constant"
        if method.attr not in ("set_to", "set_to_constant") or len(call.args) != 1 or call.keywords:
            got = f".{method.attr} with {counted(len(call.args) + len(call.keywords), 'argument')}"
            raise self._error(call, "x.set_to(value) or x.set_to_constant(c)", got, "use one of these")
        cell = self.evaluate(method.value)
        if not isinstance(cell, Cell):
            remedy = "index it, in a loop if all are meant" if isinstance(cell, Declared) else "set a Var"
            raise self._error(method, "a variable, its indices given", in_words(cell), remedy)
        expression, value = self._expression(call.args[0]), call.args[0]
        self._check_fits(cell, expression, value)
        if constant != (cell.declared.kind == "Param") or cell.declared.kind == "Input":
            remedy = {
                "Param": "leave it to be learned, or decide it by set_to_constant",
                "Input": "set a Var or an Output: instances give Inputs",
            }.get(cell.declared.kind, f"write {cell.text}.set_to(...)")
            wanted = "set_to on a Var or Output, set_to_constant on a Param"
            raise self._error(call, wanted, f"{method.attr} on {in_words(cell)}", remedy)
        if not constant:
            self.set_to(cell, expression, call)
        elif isinstance(expression, int):
            self.set_constant(cell, expression, call)
        else:
            raise self._error(value, "a constant", in_words(expression), "give an integer")

    def _check_fits(self, cell: Cell, expression: Expression, place: ast.expr) -> None:
        """A variable is set to what is of its range or shape."""
        shape, name = tensor_shape(cell), cell.declared.name
        is_constant = isinstance(expression, int)
        size = expression + 1 if isinstance(expression, int) else expression.size
        wrong = size > cell.size or size <= 0
        if tensor_shape(expression) == shape and (shape is not None or not wrong):
            return
        wanted = f"a value in 0..{cell.size - 1}" if shape is None else f"a tensor of shape {list(shape)}"
        got = in_words(expression) if is_constant else f"{in_words(expression)}, {kind_of(expression)}"
        remedy = "give a tensor" if is_constant else "make shapes agree"
        if shape is None and size > 0:
            remedy = f"declare {name} with a range of at least {size}, or set it to less"
        elif shape is None:
            remedy = "give an integer from 0" if is_constant else "let a learnable function read the tensor"
        told = self.origins.told(place) if is_constant else ""
        raise self._error(place, f"{wanted} for {cell.text}", f"{got} ({told})" if told else got, remedy)

    def _for(self, statement: ast.For) -> None:
        numbers = range_of(statement, self.source, self.integer)
        assert isinstance(statement.target, ast.Name)
        name = statement.target.id
        self.check_free(name, statement.target, "the variable of the loop")
        for number in numbers:
            self.names.bind(name, number)
            self.taken.open[name] = statement.lineno
            self._block(statement.body)
            del self.taken.open[name]
            self.end_iteration(statement, f"{name}={number}")

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
                wanted, got = f"one case for each value of {cell.text}", f"a second one for {following[1]}"
                raise self._error(orelse[0], wanted, got, "remove one of them")
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
        self._branch(cell, cases, statement.test)

    def _condition(self, test: ast.expr) -> int | tuple[Cell, int]:
        """A compile-time integer, or a variable and the value that it is compared with."""
        if isinstance(test, ast.Compare):
            left = self.evaluate(test.left)
            if isinstance(left, Cell):
                if len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
                    written = as_written(test.left)
                    remedy = f"test one value by ==, or write `with {written} as v:` and test v"
                    raise self._error(test, f"{written} == constant", as_written(test), remedy)
                if not left.size:
                    got, remedy = in_words(left), "let a learnable function read the tensor"
                    raise self._error(test, "an integer variable", f"{got}, a tensor", remedy)
                (other,) = test.comparators
                value = self.integer(other)
                if not 0 <= value < left.size:
                    wanted = f"a value of {left.text} in 0..{left.size - 1}"
                    raise self._error(other, wanted, str(value), "test a value that it can have")
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
            wanted, got = "with variable as name", f"with {as_written(item)}"
            raise self._error(node, wanted, got, "give its value a name, as v")
        name, cell = item.optional_vars.id, self.evaluate(item.context_expr)

        self.check_free(name, item.optional_vars, "the name of a value")

        def case(value: int) -> Body:
            def run() -> None:
                self.names.bind(name, value)
                self.taken.open[name] = item.context_expr.lineno
                self._cases(others, body, node)
                del self.taken.open[name]

            return run

        if isinstance(cell, int):
            case(cell)()
        elif isinstance(cell, Cell) and cell.size:
            self._branch(cell, [((value,), case(value)) for value in self.possible(cell)], item.context_expr)
        else:
            got, remedy = in_words(cell), "split cases of an integer variable"
            if isinstance(cell, Call):
                remedy = "set a Var to it first, and split the cases of that"
            elif isinstance(cell, Declared):
                remedy = "index it, and split the cases of the element"
            elif isinstance(cell, Cell):
                got, remedy = f"{got}, a tensor", "let a learnable function read it first"
            raise self._error(item.context_expr, "an integer variable", got, remedy)

    def _return(self, statement: ast.Return) -> None:
        if not self._calls:
            raise self._error(statement, "return inside a function", "one outside", "remove it")
        raise _Returned(None if statement.value is None else self.evaluate(statement.value))

    def expand(self, inline: Inline, node: ast.Call) -> Any:
        """See :meth:`Evaluator.expand`: its body is walked with its arguments bound."""
        names = [argument.arg for argument in inline.function.args.args]
        name = inline.function.name
        if len(names) != len(node.args):
            wanted = f"{counted(len(names), 'argument')} of {name}"
            raise self._error(node, wanted, str(len(node.args)), "give one for each")
        if self._calls >= DEEPEST_CALLS:
            wanted = f"at most {DEEPEST_CALLS} calls of @Inline() functions inside each other"
            remedy = f"let {name} not call itself: it is expanded where it is called"
            raise self._error(node, wanted, f"one more, of {name}", remedy)
        values = [self.evaluate(argument) for argument in node.args]
        self._calls += 1
        around, self.taken.open = self.taken.open, {}
        with self.names.call(dict(zip(names, values, strict=True))):
            try:
                self._block(inline.function.body)
            except _Returned as returned:
                return returned.value
            finally:
                self._calls -= 1
                self.taken.open = around
        return None


def elements(declared: Declared) -> list[Cell]:
    """All variables of a declaration, the last index fastest.

    :param declared: the declaration.
    :returns: them.
    """
    if declared.at:
        return [Cell(declared, declared.at)]
    return [Cell(declared, index) for index in product(*map(range, declared.dims))]


def _own_parts(statement: ast.AST) -> int:
    """How many parts a statement has besides those of the statements inside it."""
    parts, waiting = 0, [statement]
    while waiting:
        parts += 1
        waiting += [one for one in ast.iter_child_nodes(waiting.pop()) if not isinstance(one, ast.stmt)]
    return parts
