"""A program text in the language's own words: a ``switch`` a branch, one variable after the other.

It has the sites and the distributions of :class:`~ntpt_pyro.terpret.TerpretModel`, which computes many
variables at a time. Written this way a handler sees every branch with its cases, every call, and, by
:func:`~ntpt_pyro.step_end`, where an iteration of the text's outermost loops ends.

What rounding adds to totals is not divided out here: it grows with the steps, except at vertices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from heapq import heappop, heappush
from inspect import Parameter, Signature

import torch
from torch import Tensor

from ntpt_pyro.language.branching import given, switch
from ntpt_pyro.language.carry import step_end
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.runtime_functions import RuntimeFunction
from ntpt_pyro.language.sites import var
from ntpt_pyro.language.values import Value, constant, widen
from ntpt_pyro.terpret.integer_functions import Integers
from ntpt_pyro.terpret.learned_calls import make_calls
from ntpt_pyro.terpret.sums_of_products import Source, needs
from ntpt_pyro.terpret.symbols import Call, Cell, Expression, RuntimeDeclared, cells_of
from ntpt_pyro.terpret.text_sites import TextSites
from ntpt_pyro.terpret.unrolling import Assignment, Unrolled
from ntpt_pyro.terpret.ways import Conditions, divided


@dataclass(frozen=True, eq=False)
class Branch:
    """What a variable is set to where that is up to another.

    :param cell: the other.
    :param cases: for each integer of it what the variable is set to then, None where it is not set; integers
        that lead to the same place in the text share one object.
    """

    cell: Cell
    cases: tuple["Tree | None", ...]

    @cached_property
    def complete(self) -> bool:
        """Whether the variable is set whatever decides about it."""
        return all(map(_complete, self.cases))


Tree = Branch | Expression
"""What a variable is set to."""


class OneByOne:
    """A text as a Pyro program that computes one variable after the other, in the order of the text.

    :param unrolled: the text; no variables need each other.
    :param sites: its parameters, inputs and outputs.
    """

    def __init__(self, unrolled: Unrolled, sites: TextSites) -> None:
        ordered = _ordered(unrolled.assignments)
        self.trees: dict[Cell, Tree] = {
            cell: _tree([(one.conditions, one) for one in unrolled.assignments[cell]]) for cell in ordered
        }
        """What each Var and Output is set to, in the order in which they are computed."""
        self._sites = sites
        self._steps: dict[int, list[str]] = {}
        for step, number in unrolled.steps:
            self._steps.setdefault(number, []).append(step)
        self._functions: dict[tuple[RuntimeDeclared, tuple[int | range, ...]], RuntimeFunction] = {}

    def __call__(self, *data: Tensor | None, library: Library | None = None) -> dict[str, Value]:
        """Run the model on a batch of instances; an output is observed when it is set.

        :param data: see :class:`~ntpt_pyro.terpret.TerpretModel`.
        :param library: the learnable functions, where the text declares any.
        :returns: by output's site its distribution ``[*batch, n]``.
        :raises LibraryError: where a learnable function is missing.
        """
        tensors = self._sites.tensors(data)
        known: dict[Source, Value] = dict(self._sites.chosen().items())
        with self._sites.plate(data):
            known |= self._sites.given(tensors, library)
            values = _Values(known, self._function, partial(self._sites.numbers, tensors), library)
            self._end_steps(0)
            for number, (cell, tree) in enumerate(self.trees.items(), 1):
                known[cell] = values(tree, cell.width)
                if cell.declared.kind == "Output":
                    self._sites.observe(cell, known[cell], tensors)
                elif cell.size:
                    known[cell] = var(cell.site, known[cell])
                self._end_steps(number)
        return {cell.site: known[cell] for cell in self._sites.results}

    def _end_steps(self, number: int) -> None:
        """Say which steps end where so many variables are set."""
        for step in self._steps.get(number, ()):
            step_end(step)

    def _function(self, call: Call) -> RuntimeFunction:
        """A declared function with the constants of a call filled in; the same object every time."""
        assert isinstance(call.function, RuntimeDeclared)
        at = tuple(a if isinstance(a, int) else range(a.size) for a in call.arguments)
        if (call.function, at) not in self._functions:
            table = call.function.table[tuple(a if isinstance(a, int) else slice(a.stop) for a in at)]
            made = RuntimeFunction(_Lookup(call.function.name, table), table.shape, call.size)
            self._functions[call.function, at] = made
        return self._functions[call.function, at]


class _Values:
    """What expressions come to in one run; each is computed once.

    :param known: the values of variables so far, and of calls of learned functions; of tensors their numbers.
    :param function: the function of a call.
    :param numbers: of tensors that instances give.
    :param library: the learnable functions.
    """

    def __init__(
        self,
        known: dict[Source, Value],
        function: Callable[[Call], RuntimeFunction],
        numbers: Callable[[Cell], Tensor],
        library: Library | None,
    ) -> None:
        self._known = known
        self._function = function
        self._numbers = numbers
        self._library = library
        self._made: dict[tuple[Tree, int], Value] = {}

    def _probabilities(self, cases: Sequence[Tree | None]) -> Value:
        """For each case the probability that the variable is set there, ``[*batch, cases]``."""
        found = [self._probability(case) for case in cases]
        return torch.stack(torch.broadcast_tensors(*found), -1)

    def _probability(self, tree: Tree | None) -> Tensor:
        if tree is None:
            return torch.zeros(())
        if _complete(tree):
            return torch.ones(())
        assert isinstance(tree, Branch)
        return (self(tree.cell, tree.cell.size) * self._probabilities(tree.cases)).sum(-1)

    def __call__(self, tree: Tree, size: int) -> Value:
        """The value of an expression, as one of a range at least its own; of a tensor its numbers."""
        if (tree, size) not in self._made:
            self._made[tree, size] = self._computed(tree, size)
        return self._made[tree, size]

    def _computed(self, tree: Tree, size: int) -> Value:
        if isinstance(tree, Branch):
            deciding = self(tree.cell, tree.cell.size)
            if not _complete(tree):
                deciding = given(deciding, self._probabilities(tree.cases))
            return switch(deciding, [self(0 if case is None else case, size) for case in tree.cases])
        if isinstance(tree, int):
            return constant(tree, size)
        if tree.width < size:
            return widen(self(tree, tree.size), size)
        if isinstance(tree, Call) and isinstance(tree.function, RuntimeDeclared):
            return self._function(tree)(*(self(cell, cell.size) for cell in cells_of(tree)))
        if tree not in self._known:
            self._known |= self._read(tree)
        return self._known[tree]

    def _read(self, read: Cell | Call) -> dict[Source, Tensor]:
        """A tensor that instances give, or what a learned function makes of its arguments."""
        if isinstance(read, Cell):
            return {read: self._numbers(read)}
        return make_calls([read], lambda cell: self(cell, cell.width), self._library)


class _Lookup:
    """An integer function that looks its results up, with as many arguments as its table has axes."""

    def __init__(self, name: str, table: Integers) -> None:
        self.__name__ = name
        places = range(table.ndim)
        self.__signature__ = Signature([Parameter(f"_{n}", Parameter.POSITIONAL_ONLY) for n in places])
        self._table = table

    def __call__(self, *integers: int) -> int:
        return int(self._table[integers])


def _complete(tree: Tree | None) -> bool:
    """Whether a variable is set whatever decides about it."""
    return tree.complete if isinstance(tree, Branch) else tree is not None


def _tree(ways: Sequence[tuple[Conditions, Assignment]]) -> Tree:
    """What a variable is set to, by what is left of the ways to it."""
    conditions, way = ways[0]
    if not conditions:
        return _folded(way.expression)
    cell = conditions[0][0]
    made: dict[tuple[int, ...], Tree | None] = {}
    cases = []
    for here in divided(ways, cell, range(cell.size)).values():
        key = tuple(id(way) for _, way in here)
        if key not in made:
            made[key] = _tree(here) if here else None
        cases.append(made[key])
    return Branch(cell, tuple(cases))


def _folded(expression: Expression) -> Expression:
    """A call of constants, which the way to it may have made them, as its result."""
    if isinstance(expression, Call) and isinstance(expression.function, RuntimeDeclared):
        constants = tuple(a for a in expression.arguments if isinstance(a, int))
        if len(constants) == len(expression.arguments):
            return int(expression.function.table[constants])
    return expression


def _ordered(assignments: Mapping[Cell, Sequence[Assignment]]) -> list[Cell]:
    """Variables in the order of the text, but each after what it reads."""
    cells = list(assignments)
    missing = needs(assignments)
    readers: dict[Cell, list[int]] = {cell: [] for cell in cells}
    for place, cell in enumerate(cells):
        for other in missing[cell]:
            readers[other].append(place)
    ready = [place for place, cell in enumerate(cells) if not missing[cell]]  # sorted, hence a heap
    found = []
    while ready:
        cell = cells[heappop(ready)]
        found.append(cell)
        for place in readers[cell]:
            missing[cells[place]].remove(cell)
            if not missing[cells[place]]:
                heappush(ready, place)
    return found
