"""What outputs that are observed are computed from, and nothing else, in one pass."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ntpt_pyro.language.sites import variables
from ntpt_pyro.terpret.one_pass import OnePass
from ntpt_pyro.terpret.run_values import Layout, Steps, Values
from ntpt_pyro.terpret.sums_of_products import Block, Slots, Stage, needs
from ntpt_pyro.terpret.sums_of_products import Source as Read
from ntpt_pyro.terpret.symbols import Cell
from ntpt_pyro.terpret.text_level import Level
from ntpt_pyro.terpret.unrolling import Unrolled


class ObservedPass:
    """Some outputs of a text under forward marginals; its variables are integers, and call nothing learned.

    :param unrolled: the text.
    :param levels: of the text.
    :param first: what is given.
    :param outputs: those that are wanted.
    """

    def __init__(
        self,
        unrolled: Unrolled,
        levels: Sequence[Level],
        first: Sequence[Layout],
        outputs: Sequence[Cell],
    ) -> None:
        needed = _read_by(unrolled, outputs)
        self._rows = {source: place for layout in first for source, place in layout.rows.items()}
        stages: list[tuple[Block, Stage]] = []
        for number, level in enumerate(levels):
            here = {cell: unrolled.assignments[cell] for cell in level.stage.cells if cell in needed}
            if here:
                layout = Layout(number, list(here))
                stages.append((layout.block, Stage(here, unrolled.conditional, self._rows.__getitem__)))
                self._rows = {**self._rows, **layout.rows}
        self._blocks = [block for block, _ in stages]
        self._levels = levels
        self._steps = {site: cell for level in levels for site, cell in level.steps.items()}
        self._outputs = list(outputs)
        places = [self._rows[cell] for cell in outputs]
        wanted = [
            (block, row + n)
            for (block, row), cell in zip(places, outputs, strict=True)
            for n in range(cell.size)
        ]
        self._pass = OnePass([layout.block for layout in first], stages, wanted)

    def __call__(self, given: Mapping[Block, Slots]) -> dict[Cell, Slots]:
        """Compute the outputs, and say afterwards what steps there were.

        :param given: by block its values, ``[rows, *batch]``.
        :returns: by output its distribution, ``[n, *batch]``.
        """
        found, wanted = self._pass(given)
        if self._steps:
            rows = self._pass.rows
            blocks = {block: found[rows[block] : rows[block] + block.rows] for block in self._blocks}
            variables(Steps(self._steps, _Values(blocks, self._rows, given, self._levels)))
        sizes = [cell.size for cell in self._outputs]
        return dict(zip(self._outputs, wanted.split(sizes), strict=True))


class _Values(Values):
    """Values of a pass; others are computed where a handler looks at them after all.

    :param blocks: what the pass has computed.
    :param rows: where it lies.
    :param given: what it began with.
    :param levels: of the text.
    """

    def __init__(
        self,
        blocks: Mapping[Block, Slots],
        rows: Mapping[Read, tuple[Block, int]],
        given: Mapping[Block, Slots],
        levels: Sequence[Level],
    ) -> None:
        super().__init__(blocks, rows)
        self._given = given
        self._levels = levels

    def __missing__(self, source: Read) -> Slots:
        return super().__missing__(source) if source in self._rows else self._others[source]

    @cached_property
    def _others(self) -> Values:
        """All variables."""
        blocks = dict(self._given)
        for level in self._levels:
            blocks[level.layout.block] = level.stage(blocks)
        return Values(
            blocks, {read: place for level in self._levels for read, place in level.layout.rows.items()}
        )


def _read_by(unrolled: Unrolled, outputs: Iterable[Cell]) -> set[Cell]:
    """The variables that outputs are computed from, and they themselves."""
    reads = needs(unrolled.assignments)
    found: set[Cell] = set()
    waiting = list(outputs)
    while waiting:
        cell = waiting.pop()
        if cell not in found:
            found.add(cell)
            waiting += reads[cell]
    return found
