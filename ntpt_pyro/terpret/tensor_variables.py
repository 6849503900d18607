"""Tensor variables of a program text: sums of what they are set to, weighted by the probabilities of cases.

Which case it is, is a variable of its own, which is computed as integers are: so that its total is 1, and it
is given that the tensor is set where that is so on some ways only.
"""

from collections.abc import Callable, Mapping, Sequence, Set

from torch import Tensor

from ntpt_pyro.language.branching import select
from ntpt_pyro.language.values import Value
from ntpt_pyro.terpret.symbols import Call, Cell, Declared
from ntpt_pyro.terpret.unrolling import Assignment


class TensorVariables:
    """Tensor variables that can be computed at the same time.

    :param assignments: for each tensor variable the ways it is set.
    :param conditional: variables whose values are given that they are set.
    """

    def __init__(self, assignments: Mapping[Cell, Sequence[Assignment]], conditional: Set[Cell]) -> None:
        self._set_to: dict[Cell, list[Cell | Call]] = {}
        self.which: dict[Cell, list[Assignment]] = {}
        """Integers that say which case it is, with the ways that they are set."""
        self.conditional: set[Cell] = set()
        """Those of them that are given that they are set."""
        self._which_of: dict[Cell, Cell] = {}
        self.cells = list(assignments)
        """The variables."""
        for cell, ways in assignments.items():
            every = [one.expression for one in ways if not isinstance(one.expression, int)]
            cases = self._set_to[cell] = list(dict.fromkeys(every))
            if len(cases) == 1:
                continue
            which = self._which_of[cell] = Cell(Declared("Var", f"case of {cell.text}", len(cases), ()))
            numbers = {case: number for number, case in enumerate(cases)}
            self.which[which] = [
                Assignment(one.conditions, numbers[case]) for one, case in zip(ways, every, strict=True)
            ]
            if cell in conditional:
                self.conditional.add(which)

    def __call__(
        self, which: Callable[[Cell], Value], tensors: Mapping[Cell | Call, Tensor]
    ) -> dict[Cell | Call, Tensor]:
        """The values of the variables.

        :param which: the distribution of a variable of :attr:`which`, ``[*batch, cases]``.
        :param tensors: numbers of tensors and of calls that yield some, ``[*batch, numbers]``.
        :returns: by variable its numbers, ``[*batch, numbers]``.
        """
        found: dict[Cell | Call, Tensor] = {}
        for cell, cases in self._set_to.items():
            values = [tensors[case] for case in cases]
            found[cell] = values[0] if len(cases) == 1 else select(which(self._which_of[cell]), values)
        return found
