"""What a text costs when it is compiled, counted while it is unrolled: before it is spent."""

import ast
from collections import Counter
from collections.abc import Mapping
from math import prod

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, RuntimeDeclared
from ntpt_pyro.terpret.ways import Conditions

MOST_PRODUCTS = 4_000_000
"""Products that a text may unroll to."""
MOST_READ = 10_000_000
"""Numbers that all calls of learned functions may read together."""


def number_of_results(expression: Expression) -> int:
    """How many products an expression is computed with.

    :param expression: the expression.
    :returns: the number, on one way.
    """
    if isinstance(expression, Call) and isinstance(expression.function, RuntimeDeclared):
        return prod(one.size for one in expression.arguments if isinstance(one, Cell))
    return 1 if isinstance(expression, int) else expression.width


class Costs:
    """Products that what has been unrolled so far is computed with.

    :param source: the text.
    :param origins: which hypers are behind a place in it.
    """

    def __init__(self, source: Source, origins: Origins) -> None:
        self._source = source
        self._origins = origins
        self._lines: Counter[int] = Counter()
        self._places: dict[int, ast.AST] = {}
        self._total = 0
        self._ways: set[Conditions] = set()
        self._calls: set[Call] = set()
        self._read = 0

    def add(self, way: Mapping[Cell, tuple[int, ...]], expression: Expression, node: ast.AST) -> None:
        """Count what setting a variable costs.

        :param way: conditions under which it is set.
        :param expression: what it is set to.
        :param node: where.
        :raises TerpretError: where this is too much; says which line of the text costs most.
        """
        read = set(expression.arguments) if isinstance(expression, Call) else {expression}
        decided = {one: len(way[one]) for one in read if isinstance(one, Cell) and one in way}
        ways, sizes = prod(decided.values()), prod(one.size for one in decided)
        if isinstance(expression, Call) and isinstance(expression.function, LearnedFunction):
            self._add_call(expression, ways, node)
        cost = number_of_results(expression) * ways // max(sizes, 1)
        conditions = tuple(way.items())
        if conditions and conditions not in self._ways:
            self._ways.add(conditions)
            cost += prod(map(len, way.values()))
        line = getattr(node, "lineno", 1)
        self._lines[line] += cost
        self._places[line] = node
        self._total += cost
        if self._total > MOST_PRODUCTS:
            ((most, its_cost),) = self._lines.most_common(1)
            place = self._places[most]
            smaller = self._origins.change(
                place, *self._origins.bounds(place), how="smaller", otherwise="make ranges smaller"
            )
            raise self._source.error(
                node,
                expected=f"at most {MOST_PRODUCTS:,} products",
                got=f"{in_digits(self._total)} up to here, {in_digits(its_cost)} of them in "
                f"{self._origins.where(place)}",
                remedy=f"set a Var to each argument and each nested case of line {most} first, or {smaller}",
            )

    def _add_call(self, call: Call, ways: int, node: ast.AST) -> None:
        """Count the numbers that a call of a learned function reads; the same call is made once."""
        assert isinstance(call.function, LearnedFunction)
        if call in self._calls:
            return
        self._calls.add(call)
        self._read += call.function.layer_sizes[0] * ways
        if self._read > MOST_READ:
            raise self._source.error(
                node,
                expected=f"at most {MOST_READ:,} numbers read by learnable functions",
                got=f"{in_digits(self._read)} up to here, in {len(self._calls):,} calls",
                remedy="read each picture once and keep a smaller tensor, or "
                + self._origins.change(
                    node, *self._origins.bounds(node), how="smaller", otherwise="read fewer"
                ),
            )
