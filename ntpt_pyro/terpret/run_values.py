"""The values of one run of a compiled text: side by side in blocks, or each by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.values import Value
from ntpt_pyro.terpret.sums_of_products import Block, Slots, common_batch, expanded
from ntpt_pyro.terpret.sums_of_products import Source as Read
from ntpt_pyro.terpret.symbols import Cell
from ntpt_pyro.terpret.text_sites import Tensors, TextSites

PLATES = 2
"""Batch dimensions of values that nothing enumerates: restarts and instances."""


class Layout:
    """How values lie side by side in a block."""

    def __init__(self, name: str | int, sources: Sequence[Read]) -> None:
        self.block = Block(name, sum(source.size for source in sources))
        self.sources = sources
        self.rows: dict[Read, tuple[Block, int]] = {}
        first = 0
        for source in sources:
            self.rows[source] = (self.block, first)
            first += source.size


class Values(dict[Read, Slots]):
    """Values by what they are of; those that are not there by themselves lie in blocks."""

    def __init__(self, blocks: Mapping[Block, Slots], rows: Mapping[Read, tuple[Block, int]]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rows = rows

    def __missing__(self, source: Read) -> Slots:
        block, first = self._rows[source]
        return self._blocks[block][first : first + source.size]


class Numbers(dict[Read, Tensor]):
    """Numbers of tensors, ``[*batch, numbers]``; those that are not there are given by instances."""

    def __init__(self, sites: TextSites, tensors: Tensors) -> None:
        super().__init__()
        self._sites = sites
        self._tensors = tensors

    def __missing__(self, source: Read) -> Tensor:
        assert isinstance(source, Cell)
        return self._sites.numbers(self._tensors, source)


@dataclass(frozen=True)
class Run:
    """One run of a text.

    :param blocks: values that lie side by side.
    :param values: of integers.
    :param numbers: of tensors.
    :param library: the learnable functions.
    """

    blocks: dict[Block, Slots]
    values: Values
    numbers: Numbers
    library: Library | None

    def find(self, cell: Cell) -> Tensor:
        """The value of a variable, its own axis last."""
        return self.values[cell].movedim(0, -1) if cell.size else self.numbers[cell]

    def keep(self, found: Mapping[Read, Tensor]) -> None:
        """Take in inputs and results of learned functions, their own axis last."""
        for source, value in found.items():
            if source.size:
                self.values[source] = value.movedim(-1, 0)
            else:
                self.numbers[source] = value


class Steps(Mapping[str, Value]):
    """The variables of a level by site; a handler that leaves them as they are need not make them."""

    def __init__(self, cells: Mapping[str, Cell], values: Values) -> None:
        self._cells = cells
        self._values = values

    def __getitem__(self, site: str) -> Value:
        return self._values[self._cells[site]].movedim(0, -1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


def keep(blocks: dict[Block, Slots], layout: Layout, values: Mapping[Read, Slots]) -> bool:
    """Keep values as a block where it is not there; no, where some of them are enumerated."""
    read = [values[source] for source in layout.sources]
    if any(value.ndim > PLATES + 1 for value in read):
        return False
    batch = common_batch(read)
    whole = blocks.get(layout.block)
    if whole is None or any(value._base is not whole for value in read):
        blocks[layout.block] = (
            torch.cat([expanded(value, batch) for value in read]) if read else torch.ones(0)
        )
    return True
