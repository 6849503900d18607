"""A program text as a Pyro model, of the same sites that models written by hand have."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.sites import variables
from ntpt_pyro.language.values import Value
from ntpt_pyro.terpret.concrete_interpreter import Execution
from ntpt_pyro.terpret.one_by_one import OneByOne
from ntpt_pyro.terpret.parser import Source, parse
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.sums_of_products import (
    MOST_TERMS,
    Block,
    Slots,
    Stage,
    common_batch,
    expanded,
    levels,
    number_of_products,
)
from ntpt_pyro.terpret.sums_of_products import Source as Read
from ntpt_pyro.terpret.symbols import Call, Cell
from ntpt_pyro.terpret.text_sites import TextSites
from ntpt_pyro.terpret.unrolling import Assignment, Unrolled

PLATES = 2
"""Batch dimensions of values that nothing enumerates: restarts and instances."""


class TerpretModel:
    """A text with its hypers bound: a Pyro program, and its concrete interpreter.

    Every Param is a :func:`~ntpt_pyro.choice`, every Var a :func:`~ntpt_pyro.var`, every Output an
    :func:`~ntpt_pyro.observe`, named after the variable: ``tape[1, 2]`` has the site ``tape_1_2``. Under
    forward marginals its outputs have TerpreT's marginals (see :mod:`~ntpt_pyro.terpret.sums_of_products`).

    :param source: the text, see :func:`load`.
    :param hypers: integers by name.
    :raises TerpretError: for whatever is wrong with the text under these hypers.

    >>> text = '''
    ... flip = Param(2)
    ... bit = Input(2)
    ... out = Output(2)
    ... @Runtime([2, 2], 2)
    ... def xor(a, b):
    ...     return a ^ b
    ... out.set_to(xor(flip, bit))
    ... '''
    >>> model = load(text, "flip.py", {})
    >>> model.run({"flip": 1}, {"bit": 0})
    {'out': 1}
    >>> from ntpt_pyro.inference import marginal
    >>> marginal()(model)(torch.tensor([0, 1]), None)["out"]
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        self.source = source
        self.hypers = dict(hypers)
        unrolled = Unrolled(source, hypers)
        self._unrolled = unrolled
        self._sites = TextSites(unrolled)
        self.statements = unrolled.statements
        """How many statements the text unrolls to."""
        self.inputs = self._sites.inputs
        """Declarations of what an instance gives."""
        self.outputs = self._sites.outputs
        """Declarations of what an instance is observed to come to."""
        self.params = self._sites.params
        """All parameters."""
        self.constants = self._sites.constants
        """Those that the text decides itself."""
        self.functions = self._sites.functions
        """Learnable functions that the text declares; a library must have them."""
        self.terms = number_of_products(unrolled.assignments)
        """Products that the text unrolls to."""
        if self.terms > MOST_TERMS:
            raise TerpretError(
                source.name,
                expected=f"at most {MOST_TERMS:,} products",
                got=f"{self.terms:,}",
                remedy="factor nested cases by variables of their own, or make hypers smaller",
            )
        integers = [cell for one in self.inputs if isinstance(one.size, int) for cell in elements(one)]
        self._chosen, self._given = (
            _Layout("chosen", self.params),
            _Layout("given", [*integers, *self._sites.readings]),
        )
        found = {**self._chosen.rows, **self._given.rows}
        self._levels = []
        for number, cells in enumerate(levels(unrolled.assignments, source.name)):
            layout = _Layout(number, cells)
            self._levels.append(_Level(layout, {cell: unrolled.assignments[cell] for cell in cells}, found))
            found |= layout.rows
        self._rows = found

    def __call__(self, *data: Tensor | None, library: Library | None = None) -> dict[str, Value]:
        """Run the model on a batch of instances; its outputs are observed.

        :param data: first each input in order of declaration, ``[instances, *dims]`` integers or
            ``[instances, *dims, *shape]`` of a tensor; then each output, ``[instances, *dims]`` integers,
            -1 where it is not observed, or None to draw it.
        :param library: the learnable functions, where the text declares any.
        :returns: by output's site its distribution ``[*batch, instances, n]``.
        :raises LibraryError: where a learnable function is missing.
        """
        tensors = self._sites.tensors(data)
        blocks: dict[Block, Slots] = {}
        values = _Values(blocks, self._rows)
        values.update((cell, value.movedim(-1, 0)) for cell, value in self._sites.chosen().items())
        with self._sites.plate(data):
            given = self._sites.given(tensors, library)
            values.update((source, value.movedim(-1, 0)) for source, value in given.items())
            together = _keep(blocks, self._chosen, values) and _keep(blocks, self._given, values)
            for level in self._levels:
                if together:
                    blocks[level.layout.block] = level.stage(blocks)
                else:
                    values.update(level.alone(values).items())
                if not level.steps:
                    continue
                steps = _Steps(level.steps, values)
                yielded = variables(steps)
                if yielded is not steps:
                    values.update((cell, yielded[site].movedim(-1, 0)) for site, cell in level.steps.items())
                    together = together and _keep(blocks, level.layout, values)
            outputs = {cell: values[cell].movedim(0, -1) for one in self.outputs for cell in elements(one)}
            for cell, value in outputs.items():
                self._sites.observe(cell, value, tensors)
        return {cell.site: value for cell, value in outputs.items()}

    @cached_property
    def one_by_one(self) -> OneByOne:
        """The same model with a ``switch`` a branch, one variable after the other; slower, more to see."""
        return OneByOne(self._unrolled, self._sites)

    def run(self, params: Mapping[str, int], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run a decided program on one instance of plain integers.

        :param params: the integer of each parameter, by site; 0 where one is missing.
        :param inputs: see :class:`~ntpt_pyro.terpret.concrete_interpreter.Execution`.
        :returns: by output what it comes to.
        """
        return Execution(self.source, self.hypers, params, inputs).values("Output")

    def trace(self, params: Mapping[str, int], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run a decided program on one instance, and say what every variable came to on the way.

        :param params: see :meth:`run`.
        :param inputs: see :meth:`run`.
        :returns: by Var and Output its integer, or nested lists of its dimensions; -1 where it was not set.
        """
        return Execution(self.source, self.hypers, params, inputs).values("Var", "Output")

    def program_text(self, params: Mapping[str, int]) -> list[str]:
        """A decided program: each parameter with its integer.

        :param params: the integer of each parameter, by site.
        :returns: lines.
        """
        return [f"{cell.text} = {self.constants.get(cell, params.get(cell.site, 0))}" for cell in self.params]


class _Layout:
    """How values lie side by side in a block."""

    def __init__(self, name: str | int, sources: Sequence[Read]) -> None:
        self.block = Block(name, sum(source.size for source in sources))
        self.sources = sources
        self.rows: dict[Read, tuple[Block, int]] = {}
        first = 0
        for source in sources:
            self.rows[source] = (self.block, first)
            first += source.size


class _Values(dict[Read, Slots]):
    """Values by what they are of; those that are not there by themselves lie in blocks."""

    def __init__(self, blocks: Mapping[Block, Slots], rows: Mapping[Read, tuple[Block, int]]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rows = rows

    def __missing__(self, source: Read) -> Slots:
        block, first = self._rows[source]
        return self._blocks[block][first : first + source.size]


class _Steps(Mapping[str, Value]):
    """The variables of a level by site; a handler that leaves them as they are need not make them."""

    def __init__(self, cells: Mapping[str, Cell], values: _Values) -> None:
        self._cells = cells
        self._values = values

    def __getitem__(self, site: str) -> Value:
        return self._values[self._cells[site]].movedim(0, -1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


class _Level:
    """Variables that can be computed at the same time: as one block, or each by itself.

    By itself a variable has only the enumeration dimensions of what it is computed from; in one block all
    would have those of all.
    """

    def __init__(
        self,
        layout: _Layout,
        assignments: Mapping[Cell, Sequence[Assignment]],
        found: Mapping[Read, tuple[Block, int]],
    ) -> None:
        self.layout = layout
        self.stage = Stage(assignments, dict(found).__getitem__)
        self.steps = {cell.site: cell for cell in assignments if cell.declared.kind == "Var"}
        self._assignments = assignments
        self._stages: list[Stage] | None = None

    def alone(self, values: Mapping[Read, Slots]) -> dict[Cell, Slots]:
        """The variables' distributions, from values by themselves."""
        if self._stages is None:
            self._stages = [Stage({cell: ways}, _by_itself) for cell, ways in self._assignments.items()]
        found: dict[Cell, Slots] = {}
        for stage in self._stages:
            found[stage.cells[0]] = stage({block: values[_source(block)] for block in stage.blocks})
        return found


def _by_itself(source: Read) -> tuple[Block, int]:
    return Block(source, source.size), 0


def _source(block: Block) -> Read:
    assert isinstance(block.name, (Cell, Call))
    return block.name


def _keep(blocks: dict[Block, Slots], layout: _Layout, values: Mapping[Read, Slots]) -> bool:
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


def load(text: str, name: str, hypers: Mapping[str, int]) -> TerpretModel:
    """Compile a program text.

    :param text: in TerpreT.
    :param name: of its file, for messages.
    :param hypers: integers by name.
    :returns: the model.
    :raises TerpretError: where the text is not in the language or means nothing; says line and column.
    """
    return TerpretModel(parse(text, name), hypers)
