"""Where a program text meets Pyro, however it is computed in between: parameters, inputs and outputs."""

from collections.abc import Mapping, Sequence

import pyro
import torch
from torch import Tensor

from ntpt_pyro.errors import LibraryError
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.sites import choice, observe
from ntpt_pyro.language.values import Value, constant, one_hot
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.sums_of_products import Source
from ntpt_pyro.terpret.symbols import Call, Cell, Declared, cells_of
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
        self.functions = list(unrolled.learned.values())
        """Learnable functions that the text declares."""
        every = [one.expression for ways in unrolled.assignments.values() for one in ways]
        calls = [one for one in every if isinstance(one, Call) and isinstance(one.function, LearnedFunction)]
        self.readings = list(dict.fromkeys(calls))
        """The calls of these."""

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

    def given(self, tensors: Tensors, library: Library | None) -> dict[Source, Value]:
        """What instances give: integers, and of tensors what learned functions make of them.

        :param tensors: of the instances.
        :param library: the learnable functions, where the text declares any.
        :returns: by integer input, and by call of a learned function, its value.
        :raises LibraryError: where a learnable function is missing.
        """
        found: dict[Source, Value] = {}
        for declared in self.inputs:
            tensor = tensors[declared]
            assert tensor is not None
            if isinstance(declared.size, int):
                vertices = one_hot(tensor, declared.size)
                found |= {cell: _element(vertices, cell) for cell in elements(declared)}
            else:
                found |= self._read(declared, tensor, library)
        return found

    def _read(self, declared: Declared, tensor: Tensor, library: Library | None) -> dict[Source, Value]:
        """A tensor as what learned functions make of it."""
        found: dict[Source, Value] = {}
        for function in self.functions:
            calls = [
                call
                for call in self.readings
                if call.function is function and cells_of(call)[0].declared == declared
            ]
            if not calls:
                continue
            if library is None:
                raise LibraryError(
                    "library",
                    expected=f"one with {function.name}",
                    got="none",
                    remedy="give the model a library",
                )
            images = torch.stack([_element(tensor, cells_of(call)[0]) for call in calls], 1)
            found |= dict(zip(calls, library[function.name](images).unbind(-2), strict=True))
        return found

    def observe(self, cell: Cell, value: Value, tensors: Tensors) -> None:
        """Observe an output; where an instance does not give it, it explains itself.

        :param cell: the output.
        :param value: its distribution.
        :param tensors: of the instances.
        """
        observed = tensors[cell.declared]
        if observed is None:
            observe(cell.site, value, None)
            return
        integers = _element(observed, cell)
        hidden = integers < 0
        if bool(hidden.any()):
            sure = constant(0, cell.size).to(value)
            value, integers = torch.where(hidden.unsqueeze(-1), sure, value), integers.clamp_min(0)
        observe(cell.site, value, integers)


def _element(tensor: Tensor, cell: Cell) -> Tensor:
    """An element of an array of instances, ``[instances, ...]``."""
    for place in cell.index:
        tensor = tensor[:, place]
    return tensor
