"""A level of a compiled text: what can be computed at the same time."""

from collections.abc import Mapping, Sequence, Set

from ntpt_pyro.terpret.run_values import Layout
from ntpt_pyro.terpret.sums_of_products import Block, Slots, Stage
from ntpt_pyro.terpret.sums_of_products import Source as Read
from ntpt_pyro.terpret.symbols import Call, Cell
from ntpt_pyro.terpret.tensor_variables import TensorVariables
from ntpt_pyro.terpret.unrolling import Assignment


class Level:
    """Variables that can be computed at the same time: as one block, or each by itself.

    By itself a variable has only the enumeration dimensions of what it is computed from; in one block all
    would have those of all.
    """

    def __init__(
        self,
        number: int,
        calls: Sequence[Call],
        assignments: Mapping[Cell, Sequence[Assignment]],
        conditional: Set[Cell],
        found: Mapping[Read, tuple[Block, int]],
    ) -> None:
        self.calls = calls
        """Calls of learned functions that are made before the variables are computed."""
        self.made = Layout(f"calls {number}", [call for call in calls if call.size])
        """Where the integers among their results lie."""
        tensors = {cell: ways for cell, ways in assignments.items() if not cell.size}
        self.tensors = TensorVariables(tensors, conditional)
        """Tensor variables, which are computed at last."""
        integers = {cell: ways for cell, ways in assignments.items() if cell.size}
        self.steps = {cell.site: cell for cell in integers if cell.declared.kind == "Var"}
        self._assignments = {**integers, **self.tensors.which}
        self._conditional = conditional | self.tensors.conditional
        self.layout = Layout(number, list(self._assignments))
        find = {**found, **self.made.rows}.__getitem__
        self.stage = Stage(self._assignments, self._conditional, find)
        self._stages: list[Stage] | None = None

    def alone(self, values: Mapping[Read, Slots]) -> dict[Cell, Slots]:
        """The variables' distributions, from values by themselves."""
        if self._stages is None:
            self._stages = [
                Stage({cell: ways}, self._conditional, _by_itself) for cell, ways in self._assignments.items()
            ]
        found: dict[Cell, Slots] = {}
        for stage in self._stages:
            found[stage.cells[0]] = stage({block: values[_source(block)] for block in stage.blocks})
        return found


def _by_itself(source: Read) -> tuple[Block, int]:
    return Block(source, source.size), 0


def _source(block: Block) -> Read:
    assert isinstance(block.name, (Cell, Call))
    return block.name
