"""Where a program text meets Pyro, however it is computed in between: parameters, inputs and outputs."""

from collections.abc import Mapping, Sequence
from math import prod

import pyro
import torch
from torch import Tensor

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.sites import choice, observe
from ntpt_pyro.language.values import Value, constant, one_hot
from ntpt_pyro.terpret.learned_calls import calls_in, make_calls, reads_inputs_only
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.sums_of_products import Source
from ntpt_pyro.terpret.symbols import Cell, Declared
from ntpt_pyro.terpret.unrolling import Unrolled

Tensors = Mapping[Declared, Tensor | None]
"""By input and output what an instance gives, ``[instances, ...]``; None where an output is to be drawn."""


class TextSites:
    """The parameters, inputs and outputs of a text.

    :param unrolled: the text.
    """

    def __init__(self, unrolled: Unrolled) -> None:
        declared = unrolled.declared.values()
        self.inputs = [one for one in declared if one.kind == "Input"]
        """Declarations of what an instance gives."""
        self.outputs = [one for one in declared if one.kind == "Output"]
        """Declarations of what an instance is observed to come to."""
        self.params = [cell for one in declared if one.kind == "Param" for cell in elements(one)]
        """All parameters."""
        self.constants = unrolled.constants
        """Those that the text decides itself."""
        self.results = [cell for one in self.outputs for cell in elements(one)]
        """All variables of outputs."""
        self.functions = list(unrolled.learned.values())
        """Learnable functions that the text declares."""
        calls = calls_in(unrolled.assignments)
        self.readings = [
            call
            for function in self.functions
            for call in calls
            if call.function == function and reads_inputs_only(call)
        ]
        """Calls of these that depend on inputs only."""
        self.calls = [call for call in calls if not reads_inputs_only(call)]
        """Other calls of these."""

    def tensors(self, data: Sequence[Tensor | None]) -> Tensors:
        """What a model is called with, by declaration.

        :param data: its arguments.
        :returns: them.
        """
        return dict(zip([*self.inputs, *self.outputs], data, strict=True))

    def plate(self, data: Sequence[Tensor | None]) -> pyro.plate:
        """The plate of instances.

        :param data: the model's arguments.
        :returns: the plate.
        """
        instances = next((len(tensor) for tensor in data if tensor is not None), 1)
        return pyro.plate("instances", instances, dim=-1)

    def chosen(self) -> dict[Cell, Value]:
        """The parameters: choices, but for constants.

        :returns: by parameter its value.
        """
        found: dict[Cell, Value] = {}
        for cell in self.params:
            fixed = self.constants.get(cell)
            found[cell] = constant(fixed, cell.size) if fixed is not None else choice(cell.site, cell.size)
        return found

    def given(self, tensors: Tensors, library: Library | None) -> dict[Source, Tensor]:
        """What instances give: integers, and what learned functions make of inputs alone.

        :param tensors: of the instances.
        :param library: the learnable functions, where the text declares any.
        :returns: by integer input, and by call of a learned function, its value; of a tensor its numbers.
        :raises LibraryError: where a learnable function is missing.
        """
        found: dict[Source, Tensor] = {}
        for declared in self.inputs:
            if isinstance(declared.size, int):
                vertices = one_hot(_given(tensors, declared), declared.size)
                found |= {cell: _element(vertices, cell) for cell in elements(declared)}

        def find(cell: Cell) -> Tensor:
            return found[cell] if cell.size else self.numbers(tensors, cell)

        return {**found, **make_calls(self.readings, find, library)}

    def numbers(self, tensors: Tensors, cell: Cell) -> Tensor:
        """A tensor that instances give.

        :param tensors: of the instances.
        :param cell: the input.
        :returns: its numbers, ``[instances, numbers]``.
        """
        return _element(_given(tensors, cell.declared), cell).flatten(1)

    def asked(self, tensors: Tensors) -> list[Cell]:
        """The outputs that matter.

        :param tensors: of the instances.
        :returns: those that some instance observes, and those that are to be drawn.
        """
        matters: list[bool] = []
        for declared in self.outputs:
            tensor = tensors[declared]
            if tensor is None or not len(tensor):
                matters += [True] * prod(declared.dims)
            else:
                matters += (tensor >= 0).any(0).flatten().tolist()
        return [cell for cell, one in zip(self.results, matters, strict=True) if one]

    def observe(self, cell: Cell, value: Value | None, tensors: Tensors) -> None:
        """Observe an output; where an instance does not give it, it explains itself.

        :param cell: the output.
        :param value: its distribution; None where no instance gives it.
        :param tensors: of the instances.
        """
        observed = tensors[cell.declared]
        if observed is None:
            assert value is not None, "what is to be drawn is computed"
            observe(cell.site, value, None)
            return
        integers = _element(observed, cell)
        if value is None:
            value, integers = constant(0, cell.size), torch.zeros_like(integers)
        hidden = integers < 0
        if bool(hidden.any()):
            sure = constant(0, cell.size).to(value)
            value, integers = torch.where(hidden.unsqueeze(-1), sure, value), integers.clamp_min(0)
        observe(cell.site, value, integers)


def _given(tensors: Tensors, declared: Declared) -> Tensor:
    """What instances give of an input."""
    tensor = tensors[declared]
    assert tensor is not None
    return tensor


def _element(tensor: Tensor, cell: Cell) -> Tensor:
    """An element of an array of instances, ``[instances, ...]``."""
    for place in cell.index:
        tensor = tensor[:, place]
    return tensor
