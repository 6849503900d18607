"""Walking a program text: constants, loops and inline functions are dealt with here, once for all.

What happens where a variable is set, or where the text branches on one, is up to subclasses: all branches are
taken when a text is unrolled (:mod:`~ntpt_pyro.terpret.unroll`), one when it is run on integers
(:mod:`~ntpt_pyro.terpret.concrete`).
"""

import ast
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.learned import LearnedFunction, Tensor
from ntpt_pyro.terpret.declarations import (
    KINDS,
    Call,
    Cell,
    Declared,
    Expression,
    RuntimeDeclared,
)
from ntpt_pyro.terpret.integers import OPERATORS, table
from ntpt_pyro.terpret.source import Source

MOST_STATEMENTS = 500_000
"""Statements that a text may unroll to."""
MOST_CELLS = 100_000
"""Elements that an array may have."""
DEEPEST_CALLS = 30
"""Inline functions that may call each other in a row."""

Body = Callable[[], None]
Cases = list[tuple[tuple[int, ...], Body]]
"""For each branch on a variable the values that lead to it, and what happens there."""


@dataclass(frozen=True)
class _Inline:
    """A function whose body is expanded where it is called."""

    function: ast.FunctionDef


class _Returned(Exception):  # noqa: N818  # not an error
    """How an inline function hands over its value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Walker(ABC):
    """Walks a text with its hypers bound.

    :param source: the text.
    :param hypers: integers by name.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        self.source = source
        self.hypers = hypers
        self.declared: dict[str, Declared] = {}
        """What the text declares, by name."""
        self.places: dict[str, ast.AST] = {}
        """Where it does."""
        self.learned: dict[str, LearnedFunction] = {}
        """Learnable functions that it declares."""
        self.statements = 0
        """How many have been walked."""
        self._globals: dict[str, Any] = {}
        self._scope: MutableMapping[str, Any] = self._globals
        self._calls = 0
        self._branches = 0

    def walk(self) -> None:
        """Walk the whole text.

        :raises TerpretError: for whatever is wrong with it; says file, line and column.
        """
        self._block(self.source.tree.body)

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

    # Statements

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self.statements += 1
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
        if statement.module != "dummy" or self._scope is not self._globals:
            raise self._error(
                statement,
                "no import but `from dummy import ...` at the top",
                f"one from {statement.module}",
                "remove it: a text is not run by Python",
            )

    def _functiondef(self, statement: ast.FunctionDef) -> None:
        plain = [
            statement.args.vararg,
            statement.args.kwarg,
            *statement.args.kwonlyargs,
            *statement.args.defaults,
        ]
        decorators = statement.decorator_list
        if (
            len(decorators) != 1
            or any(part is not None for part in plain)
            or not isinstance(decorators[0], ast.Call)
            or not isinstance(decorators[0].func, ast.Name)
            or decorators[0].func.id not in ("Runtime", "Inline", "Learn")
            or self._scope is not self._globals
        ):
            raise self._error(
                statement,
                "a function of plain arguments under @Runtime, @Inline() or @Learn, not inside another",
                f"{statement.name}",
                "declare what kind of function it is",
            )
        decorator = decorators[0]
        assert isinstance(decorator.func, ast.Name)
        made: Any = _Inline(statement)
        if decorator.func.id == "Runtime":
            made = self._runtime(statement, decorator)
        elif decorator.func.id == "Learn":
            made = self._learn(statement, decorator)
        self._bind(statement.name, made)

    def _runtime(self, statement: ast.FunctionDef, decorator: ast.Call) -> RuntimeDeclared:
        if (
            len(decorator.args) != 2
            or decorator.keywords
            or not isinstance(decorator.args[0], (ast.List, ast.Tuple))
        ):
            raise self._error(
                decorator, "@Runtime([n1, ...], m)", "something else", "give ranges of arguments and result"
            )
        ranges = tuple(self._positive(node) for node in decorator.args[0].elts)
        out = self._positive(decorator.args[1])
        constants = {name: value for name, value in self._globals.items() if isinstance(value, int)}
        values = table(self.source, statement, ranges, out, constants)
        return RuntimeDeclared(statement.name, ranges, out, values)

    def _learn(self, statement: ast.FunctionDef, decorator: ast.Call) -> LearnedFunction:
        known = [keyword.arg for keyword in decorator.keywords] in ([], ["hid_sizes"])
        if len(decorator.args) != 2 or not known or not isinstance(decorator.args[0], (ast.List, ast.Tuple)):
            raise self._error(
                decorator,
                "@Learn([d1, ...], d_out, hid_sizes=[...])",
                "something else",
                "give types and layers",
            )
        inputs = tuple(self._type(node) for node in decorator.args[0].elts)
        hidden = decorator.keywords[0].value if decorator.keywords else ast.List([])
        if not isinstance(hidden, (ast.List, ast.Tuple)):
            raise self._error(hidden, "a list of layers", "something else", "write hid_sizes=[...]")
        sizes = tuple(self._positive(node) for node in hidden.elts)
        if not inputs or any(isinstance(kind, int) for kind in inputs):
            raise self._error(
                decorator, "inputs that are Tensor(...)", "another type", "learn functions of tensors only"
            )
        doc = ast.get_docstring(statement) or ""
        made = LearnedFunction(statement.name, inputs, self._positive(decorator.args[1]), sizes, doc)
        self.learned[statement.name] = made
        return made

    def _type(self, node: ast.expr) -> int | Tensor:
        """A range, or ``Tensor(shape)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tensor":
            return Tensor(*(self._positive(length) for length in node.args))
        return self._positive(node)

    def _assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name):
            raise self._error(
                statement, "one name on the left", "something else", "variables are set by set_to"
            )
        made = self._declaration(target.id, statement.value)
        if made is None:
            made = self.evaluate(statement.value)
            if isinstance(made, Call):
                raise self._error(
                    statement, "a constant or a variable", "a call", "set a Var to it by set_to"
                )
        self._bind(target.id, made)

    def _declaration(self, name: str, value: ast.expr) -> Any:
        """What ``Hyper()`` or ``Kind(size)[dims]`` declares; None where the expression is neither."""
        call = value.value if isinstance(value, ast.Subscript) else value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        if call.func.id == "Hyper":
            if name not in self.hypers:
                raise self._error(
                    call, f"a value for the hyper {name}", "none", "add it to the file of hypers"
                )
            return self.hypers[name]
        kind = next((kind for kind in KINDS if kind == call.func.id), None)
        if kind is None:
            return None
        if self._scope is not self._globals or self._branches or name in self.declared:
            raise self._error(value, "declarations at the top of the text, once", name, "move or rename it")
        if len(call.args) != 1 or call.keywords:
            raise self._error(call, f"{kind}(size)", "other arguments", "give the range of its values")
        given = self._type(call.args[0])
        if isinstance(given, Tensor) and kind != "Input":
            raise self._error(call, "a range", "Tensor", "only an Input can be a tensor")
        dims: tuple[int, ...] = ()
        if isinstance(value, ast.Subscript):
            axes = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
            dims = tuple(self._positive(axis) for axis in axes)
        if prod(dims) > MOST_CELLS:
            raise self._error(value, f"at most {MOST_CELLS:,} elements", str(prod(dims)), "make it smaller")
        size = given if isinstance(given, int) else given.shape
        self.declared[name] = Declared(kind, name, size, dims)
        self.places[name] = value
        return self.declared[name]

    def _bind(self, name: str, value: Any) -> None:
        self._scope[name] = value

    def _expr(self, statement: ast.Expr) -> None:
        call = statement.value
        if isinstance(call, ast.Constant) and isinstance(call.value, str):
            return
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            self._set(call, call.func)
        elif isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            found = self._lookup(call.func)
            if not isinstance(found, _Inline):
                raise self._error(
                    call, "a call of an @Inline() function", call.func.id, "its value would be lost"
                )
            self._expand(found, call)
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
        if size > cell.size or (isinstance(expression, int) and expression < 0) or not size:
            got = str(expression) if isinstance(expression, int) else f"one of range {size}"
            raise self._error(
                call, f"a value in 0..{cell.size - 1} for {cell.text}", got, "make ranges agree"
            )
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

    def _expression(self, node: ast.expr) -> Expression:
        value = self.evaluate(node)
        if isinstance(value, Declared):
            raise self._error(node, f"an element of {value.name}", "the whole array", "index it")
        if not isinstance(value, (int, Cell, Call)):
            raise self._error(node, "a value", "a function", "call it")
        return value

    def _for(self, statement: ast.For) -> None:
        call = statement.iter
        if (
            not isinstance(statement.target, ast.Name)
            or not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Name)
            or call.func.id != "range"
            or not 1 <= len(call.args) <= 3
            or call.keywords
            or statement.orelse
        ):
            raise self._error(statement, "for i in range(...)", "another loop", "loop over a range")
        bounds = [self.integer(node) for node in call.args]
        if len(bounds) == 3 and bounds[2] == 0:
            raise self._error(call, "a step other than 0", "0", "give another step")
        for number in range(*bounds):
            self._bind(statement.target.id, number)
            self._block(statement.body)

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
                self._bind(name, value)
                self._cases(others, body, node)

            return run

        if isinstance(cell, int):
            case(cell)()
        elif isinstance(cell, Cell) and cell.size:
            self._branch(cell, [((value,), case(value)) for value in range(cell.size)], node)
        else:
            raise self._error(item.context_expr, "a variable", "something else", "split cases of a variable")

    def _return(self, statement: ast.Return) -> None:
        if not self._calls:
            raise self._error(statement, "return inside a function", "one outside", "remove it")
        raise _Returned(None if statement.value is None else self.evaluate(statement.value))

    # Expressions

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
            steps = zip(terms, node.ops, terms[1:], strict=False)
            return int(all(self._compute(node, type(how), left, right) for left, how, right in steps))
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

    def _compute(self, node: ast.expr, how: type[ast.AST], left: ast.expr, right: ast.expr) -> int:
        operands = self.integer(left), self.integer(right)
        if how in (ast.FloorDiv, ast.Mod) and not operands[1]:
            raise self._error(node, "a divisor other than 0", "0", "divide by something else")
        return int(OPERATORS[how](*operands))

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
        if isinstance(function, _Inline):
            return self._expand(function, node)
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

    def _expand(self, inline: _Inline, node: ast.Call) -> Any:
        """The value of an inline function, its body walked with its arguments bound."""
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
        with self._inside(dict(zip(names, values, strict=True))):
            try:
                self._block(inline.function.body)
            except _Returned as returned:
                return returned.value
        return None

    @contextmanager
    def _inside(self, names: dict[str, Any]) -> Any:
        """A scope of its own, in which what is declared at the top is known too."""
        outer, self._scope = self._scope, ChainMap(names, self._globals)
        self._calls += 1
        try:
            yield
        finally:
            self._scope = outer
            self._calls -= 1

    def _error(self, node: ast.AST, expected: str, got: str, remedy: str) -> TerpretError:
        return self.source.error(node, expected=expected, got=got, remedy=remedy)


def elements(declared: Declared) -> list[Cell]:
    """All variables of a declaration, the last index fastest.

    :param declared: the declaration.
    :returns: them.
    """
    return [Cell(declared, index) for index in product(*map(range, declared.dims))]
