"""A run of a program text on integers that notes what every statement and every iteration of a loop did."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.tasks.demonstrations.steps_of_model import NotedSteps
from ntpt_pyro.terpret.concrete_interpreter import Concrete, Execution
from ntpt_pyro.terpret.symbols import Call, Cell, Expression


@dataclass(frozen=True)
class Section:
    """What one statement at the top of a text did, or one iteration of a loop there.

    :param statement: which.
    :param count: of the iteration; None where it is no loop.
    :param cells: variables that were set, with their values.
    :param copies: those that were set to another variable, with that.
    :param read: variables that were looked at.
    :param params: parameters that were looked at.
    :param calls: of learned functions, each with the probabilities of its integers where it gives one.
    """

    statement: ast.stmt
    count: int | None = None
    cells: dict[Cell, Concrete] = field(default_factory=dict)
    copies: dict[Cell, Cell] = field(default_factory=dict)
    read: set[Cell] = field(default_factory=set)
    params: set[Cell] = field(default_factory=set)
    calls: list[tuple[Call, Tensor | None]] = field(default_factory=list)


class NotedExecution(Execution):
    """See :class:`~ntpt_pyro.terpret.concrete_interpreter.Execution`; runs when made.

    :param more: see there.
    """

    def __init__(self, *more: Any) -> None:
        self.sections: list[Section] = []
        """What was done, in order."""
        self._readings = NotedSteps()
        with self._readings:
            super().__init__(*more)
        self.sections = [one for one in self.sections if one.cells]

    def walk(self) -> None:
        """See :meth:`~ntpt_pyro.terpret.statements.Walker.walk`: statement by statement."""
        for statement in self.source.tree.body:
            self.sections.append(Section(statement))
            self._block([statement])

    def end_iteration(self, loop: ast.For, iteration: str) -> None:
        """See :meth:`~ntpt_pyro.terpret.statements.Walker.end_iteration`."""
        done = self.sections[-1]
        if done.statement is loop:
            count = int(iteration.partition("=")[2])
            self.sections[-1] = Section(
                loop, count, done.cells, done.copies, done.read, done.params, done.calls
            )
            self.sections.append(Section(loop))

    def set_to(self, cell: Cell, expression: Expression, node: ast.AST) -> None:
        """See :meth:`~ntpt_pyro.terpret.statements.Walker.set_to`."""
        super().set_to(cell, expression, node)
        self.sections[-1].cells[cell] = self._values[cell]
        if isinstance(expression, Cell):
            self.sections[-1].copies[cell] = expression

    def _value(self, read: Cell | int) -> Concrete:
        if isinstance(read, Cell):
            section = self.sections[-1]
            (section.params if read.declared.kind == "Param" else section.read).add(read)
        return super()._value(read)

    def _result(self, call: Call) -> Concrete:
        before = len(self._readings.noted)
        found = super()._result(call)
        if isinstance(call.function, LearnedFunction):
            made = self._readings.noted[before:]
            self.sections[-1].calls.append((call, made[0].probabilities if len(made) == 1 else None))
        return found


def carries(iterations: Sequence[Section]) -> bool:
    """Whether a loop goes on with what it has done: some iteration looks at what an earlier one set.

    :param iterations: of one loop, in order.
    :returns: whether.
    """
    done = set[Cell]()
    for one in iterations:
        if done & one.read:
            return True
        done |= one.cells.keys()
    return False
