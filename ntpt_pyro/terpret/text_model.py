"""A program text as a Pyro model, of the same sites that models written by hand have."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.errors import TerpretError, UsageError
from ntpt_pyro.language.concrete_library import ConcreteLibrary
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.sites import variables
from ntpt_pyro.language.values import Value, mode
from ntpt_pyro.terpret.concrete_interpreter import Concrete, Execution, Functions
from ntpt_pyro.terpret.decided_reads import decided_read
from ntpt_pyro.terpret.learned_calls import calls_by_level, make_calls
from ntpt_pyro.terpret.observed_pass import ObservedPass
from ntpt_pyro.terpret.one_by_one import OneByOne
from ntpt_pyro.terpret.parser import Source, parse
from ntpt_pyro.terpret.run_values import PLATES, Layout, Numbers, Run, Steps, Values, keep
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.sums_of_products import Block, Slots, levels, number_of_products
from ntpt_pyro.terpret.symbols import Call, Cell, tensor_shape
from ntpt_pyro.terpret.text_level import Level
from ntpt_pyro.terpret.text_sites import TextSites
from ntpt_pyro.terpret.unrolling import Unrolled

MOST_PASSES = 8
"""Sets of observed outputs for which what they read is computed alone; for more of them, all outputs are."""


class TerpretModel:
    """A text with its hypers bound: a Pyro program, and its concrete interpreter.

    Every Param is a :func:`~ntpt_pyro.choice`, every Var a :func:`~ntpt_pyro.var`, every Output an
    :func:`~ntpt_pyro.observe`, named after the variable: ``tape[1, 2]`` has the site ``tape_1_2``. Under
    forward marginals its outputs have TerpreT's marginals (see :mod:`~ntpt_pyro.terpret.sums_of_products`).

    :param source: the text, see :func:`load`.
    :param hypers: integers by name.
    :param setting: what these are called in their file, for messages.
    :raises TerpretError: for whatever is wrong with the text under these hypers.
    :raises DataError: for hypers that it does not have.

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

    def __init__(self, source: Source, hypers: Mapping[str, int], setting: str = "") -> None:
        self.source = source
        self.hypers = dict(hypers)
        self._device = torch.get_default_device()
        unrolled = Unrolled(source, hypers, setting)
        self._unrolled = unrolled
        self._sites = TextSites(unrolled)
        self.statements = unrolled.statements
        """How many statements the text unrolls to."""
        self.declared = unrolled.declared
        """All variables and arrays of them, by name."""
        self.inputs = self._sites.inputs
        """Declarations of what an instance gives."""
        self.outputs = self._sites.outputs
        """Declarations of what an instance is observed to come to."""
        self.params = self._sites.params
        """All parameters."""
        self.constants = self._sites.constants
        """Those that the text decides itself."""
        self.open = [cell for cell in self.params if cell.size > 1 and cell not in self.constants]
        """Those that a program chooses."""
        self.functions = self._sites.functions
        """Learnable functions that the text declares; a library must have them."""
        self.terms = number_of_products(unrolled.assignments)
        """Products that the text unrolls to."""
        integers = [cell for one in self.inputs if isinstance(one.size, int) for cell in elements(one)]
        self._chosen, self._given = (
            Layout("chosen", self.params),
            Layout("given", [*integers, *(one for one in self._sites.readings if one.size)]),
        )
        found = {**self._chosen.rows, **self._given.rows}
        self._levels = []
        called = calls_by_level(self._sites.calls, levels(unrolled))
        for number, (calls, cells) in enumerate(called):
            ways = {cell: unrolled.assignments[cell] for cell in cells}
            self._levels.append(Level(number, calls, ways, unrolled.conditional, found))
            found |= {**self._levels[-1].made.rows, **self._levels[-1].layout.rows}
        self.levels = len(self._levels)
        """How many times variables are computed together, one after the other."""
        self._rows = found
        self._passes: dict[tuple[Cell, ...], ObservedPass] = {}

    def __repr__(self) -> str:
        """Which text it is, and how large, in one line."""
        choices = f"{len(self.open)} choice{'s' * (len(self.open) != 1)}"
        return f"<TerpretModel {self.source.name}: {choices}, {self.statements:,} statements>"

    def __call__(self, *data: Tensor | None, library: Library | None = None) -> dict[str, Value]:
        """Run the model on a batch of instances; its outputs are observed.

        :param data: first each input in order of declaration, ``[instances, *dims]`` integers or
            ``[instances, *dims, *shape]`` of a tensor; then each output, ``[instances, *dims]`` integers,
            -1 where it is not observed, or None to draw it.
        :param library: the learnable functions, where the text declares any.
        :returns: by output's site its distribution ``[*batch, instances, n]``; under forward marginals
            only of outputs that some instance observes, or that are to be drawn.
        :raises LibraryError: where a learnable function is missing.
        :raises UsageError: where torch's default device is another one than when the text was loaded.
        """
        if torch.get_default_device() != self._device:
            raise UsageError(
                f"text {self.source.name}",
                expected=f"torch's default device to be {self._device}, where it was loaded",
                got=str(torch.get_default_device()),
                remedy="load it again where it is to run",
            )
        tensors = self._sites.tensors(data)
        blocks: dict[Block, Slots] = {}
        values = Values(blocks, self._rows)
        values.update((cell, value.movedim(-1, 0)) for cell, value in self._sites.chosen().items())
        with self._sites.plate(data):
            run = Run(blocks, values, Numbers(self._sites, tensors), library)
            run.keep(self._sites.given(tensors, library))
            together = keep(blocks, self._chosen, values) and keep(blocks, self._given, values)
            every = self._sites.results
            if together and not self._learns_within and _marginals(blocks.values()):
                found = self._pass_for(tuple(self._sites.asked(tensors)))(blocks)
            else:
                self._compute_by_levels(run, together=together)
                found = {cell: values[cell] for cell in every}
            outputs = {cell: value.movedim(0, -1) for cell, value in found.items()}
            for cell in every:
                self._sites.observe(cell, outputs.get(cell), tensors)
        return {cell.site: value for cell, value in outputs.items()}

    @cached_property
    def _learns_within(self) -> bool:
        """Whether learned functions are called with what is computed, or tensors are."""
        return any(level.calls or level.tensors.cells for level in self._levels)

    def _pass_for(self, outputs: tuple[Cell, ...]) -> ObservedPass:
        """What computes outputs in one pass: those asked for, or all, where too many sets were."""
        if outputs not in self._passes and len(self._passes) >= MOST_PASSES:
            outputs = tuple(self._sites.results)
        if outputs not in self._passes:
            first = [self._chosen, self._given]
            self._passes[outputs] = ObservedPass(self._unrolled, self._levels, first, outputs)
        return self._passes[outputs]

    def _compute_by_levels(self, run: Run, *, together: bool) -> None:
        """Compute level after level; handlers may put other values in their places.

        :param run: the values.
        :param together: whether the values of a level lie in one block, as nothing enumerates them.
        """
        blocks, values = run.blocks, run.values
        for level in self._levels:
            if level.calls:
                run.keep(make_calls(level.calls, run.find, run.library, plates=PLATES))
                together = together and keep(blocks, level.made, values)
            if together:
                blocks[level.layout.block] = level.stage(blocks)
            else:
                values.update(level.alone(values).items())
            if level.steps:
                steps = Steps(level.steps, values)
                yielded = variables(steps)
                if yielded is not steps:
                    values.update((c, yielded[site].movedim(-1, 0)) for site, c in level.steps.items())
                    together = together and keep(blocks, level.layout, values)
            run.numbers.update(level.tensors(run.find, run.numbers))

    def smaller(self, name: str) -> str:
        """What to do about variables that are too large.

        :param name: of their declaration, or of one of them.
        :returns: a remedy, which names the hypers behind them.
        """
        places = self._unrolled.places
        place = places.get(name) or next(one for text, one in places.items() if text.startswith(f"{name}["))
        otherwise = f"make the range or the array of {name} smaller"
        return self._unrolled.origins.change(place, how="smaller", otherwise=otherwise)

    @cached_property
    def beyond_solvers(self) -> TerpretError | None:
        """What a solver is refused with: a learnable function reads what a program decides."""
        return decided_read(self._unrolled)

    @cached_property
    def one_by_one(self) -> OneByOne:
        """The same model with a ``switch`` a branch, one variable after the other; slower, more to see."""
        return OneByOne(self._unrolled, self._sites)

    def run(
        self,
        params: Mapping[str, int],
        inputs: Mapping[str, Any],
        library: Library | Functions | None = None,
        *,
        known: Mapping[Call, Concrete] | None = None,
    ) -> dict[str, Any]:
        """Run a decided program on one instance of plain integers, and of tensors.

        :param params: the integer of each parameter, by site; 0 where one is missing.
        :param inputs: see :class:`~ntpt_pyro.terpret.concrete_interpreter.Execution`.
        :param library: the learnable functions, taken at their most probable integer; or functions of plain
            integers and tensors by name.
        :param known: what some calls come to, see :meth:`readings`.
        :returns: by output what it comes to.
        """
        return self._execution(params, inputs, library, known).values("Output")

    def trace(
        self,
        params: Mapping[str, int],
        inputs: Mapping[str, Any],
        library: Library | Functions | None = None,
    ) -> dict[str, Any]:
        """Run a decided program on one instance, and say what every variable came to on the way.

        :param params: see :meth:`run`.
        :param inputs: see :meth:`run`.
        :param library: see :meth:`run`.
        :returns: by Var and Output its integer or the numbers of a tensor, or nested lists of its dimensions;
            -1 where it was not set.
        """
        return self._execution(params, inputs, library).values("Var", "Output")

    def _execution(
        self,
        params: Mapping[str, int],
        inputs: Mapping[str, Any],
        library: Library | Functions | None,
        known: Mapping[Call, Concrete] | None = None,
    ) -> Execution:
        functions = ConcreteLibrary(library) if isinstance(library, Library) else library
        return Execution(self.source, self.hypers, params, inputs, functions, known)

    def readings(self, data: Sequence[Tensor | None], library: Library) -> list[dict[Call, Concrete]]:
        """What learned functions make of inputs alone, of all instances at once: the most probable integers.

        :param data: as the model is called with.
        :param library: the learnable functions.
        :returns: for each instance by call its integer, or its tensor.
        """
        with torch.no_grad():
            given = self._sites.given(self._sites.tensors(data), library)
        each: list[dict[Call, Concrete]] = [{} for tensor in data[:1] if tensor is not None for _ in tensor]
        for call in self._sites.readings:
            shape = tensor_shape(call)
            rows = mode(given[call]).tolist() if shape is None else given[call].unflatten(-1, shape)
            for row, one in zip(each, rows, strict=True):
                row[call] = one
        return each

    def program_text(self, params: Mapping[str, int]) -> list[str]:
        """A decided program: each parameter with its integer.

        :param params: the integer of each parameter, by site.
        :returns: lines.
        """
        return [f"{cell.text} = {self.constants.get(cell, params.get(cell.site, 0))}" for cell in self.params]


def _marginals(given: Iterable[Slots]) -> bool:
    """Whether steps yield their distributions, all of them, and values are plain tensors."""
    none: dict[str, Value] = {}
    return variables(none) is none and all(type(value) is Tensor for value in given)


def load(text: str, name: str, hypers: Mapping[str, int]) -> TerpretModel:
    r"""Compile a program text.

    :param text: in TerpreT.
    :param name: of its file, for messages.
    :param hypers: integers by name.
    :returns: the model.
    :raises TerpretError: where the text is not in the language or means nothing; says line and column.

    >>> model = load("p = Param(2)\no = Output(2)\no.set_to(p)", "text", {})
    >>> model.run({"p": 1}, {})
    {'o': 1}
    """
    return TerpretModel(parse(text, name), hypers)
