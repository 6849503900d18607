"""Do all ways to compute a program text agree? See `text_fuzz`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from random import Random
from typing import Any

import numpy as np
import pyro
import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.inference import marginal
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.decided_programs import columns_of, with_choices
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.sites import Message
from ntpt_pyro.terpret import TerpretModel
from ntpt_pyro.terpret.instances import NOT_OBSERVED
from ntpt_pyro.terpret.statements import elements

MOST_PAIRS = 200
"""Programs and inputs that are compared at most: all, where there are no more."""
MOST_WORK = 3_000
"""Statements that are run one by one to compare with at most."""
SMALL = 2_000
"""Products and statements of a text that is small, so that rounding cannot grow."""
CLOSE = 1e-4


class Disagreement(Exception):  # noqa: N818  # found, not raised at anyone
    """Two ways to compute a text differ."""


class _Noting(Messenger):
    """Notes the variables that a model announces.

    :param levels: whether to answer like a handler that looks at every level by itself.
    """

    def __init__(self, *, levels: bool) -> None:
        super().__init__()
        self._levels = levels
        self.found: dict[str, Tensor] = {}

    def _pyro_ntpt_var(self, msg: Message) -> None:
        site, self.found[site] = msg["args"]

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        values = dict(msg["args"][0].items())
        self.found |= values
        if self._levels:
            msg["value"], msg["done"], msg["stop"] = values, True, True


def compared(model: TerpretModel, random: Random) -> int:
    """Compare the ways to compute a text.

    :param model: of the text.
    :param random: decides on programs and inputs where there are many, and on choices.
    :returns: how many results agreed.
    :raises Disagreement: says where two differ.
    """
    library = Library(model.functions, seed=random.getrandbits(30)).eval() if model.functions else None
    agreed = compare_at_vertices(model, library, random)
    if max(model.terms, work_of(model)) <= SMALL:
        agreed += compare_one_by_one(model, library, random)
    return agreed


def work_of(model: TerpretModel) -> int:
    """How much there is to compute: statements, or as much in products, or in numbers of all variables."""
    declared = model.declared.values()
    shapes = (one.size if isinstance(one.size, int) else prod(one.size) for one in declared)
    numbers = sum(prod(one.dims) * size for one, size in zip(declared, shapes, strict=True))
    return max(model.statements, model.terms // 100, numbers // 10)


def _sizes(model: TerpretModel) -> dict[str, int]:
    """What a program chooses from."""
    return {cell.site: cell.size for cell in model.open}


def _ranges(model: TerpretModel) -> list[int]:
    """The ranges of all integers that an instance gives, one after the other."""
    return [one.size for one in model.inputs for _ in elements(one) if isinstance(one.size, int)]


def _data(model: TerpretModel, rows: Sequence[Sequence[int]], random: Random) -> list[Tensor]:
    """A model's arguments, from the integers of all inputs one after the other; tensors are drawn."""
    found, first, table = [], 0, torch.tensor(rows, dtype=torch.int64).reshape(len(rows), -1)
    generator = torch.Generator().manual_seed(random.getrandbits(60))
    for one in model.inputs:
        if isinstance(one.size, int):
            number = prod(one.dims)
            found.append(table[:, first : first + number].reshape(len(rows), *one.dims))
            first += number
        else:
            found.append(torch.randn(len(rows), *one.dims, *one.size, generator=generator))
    observed = [torch.zeros(len(rows), *one.dims, dtype=torch.int64) for one in model.outputs]
    for output in observed:
        output[torch.rand(output.shape, generator=generator) < random.choice((0, 0, 0.5, 1))] = NOT_OBSERVED
    return [*found, *observed]


def number_of(sizes: Iterable[int], most: int) -> int:
    """How many combinations of integers below each size there are, or some number above the most."""
    found = 1
    for size in sizes:
        found *= size
        if found > most:
            return found
    return found


def _drawn(sizes: Sequence[int], most: int, random: Random) -> list[tuple[int, ...]]:
    """Integers below each size: all, or as many as there may be at random."""
    if number_of(sizes, most) <= most:
        return list(product(*map(range, sizes)))
    return [tuple(map(random.randrange, sizes)) for _ in range(most)]


def _given(model: TerpretModel, data: Sequence[Tensor]) -> list[dict[str, Any]]:
    """What the interpreter is given, by instance."""
    return [
        {
            one.name: tensor[number].tolist() if isinstance(one.size, int) else tensor[number]
            for one, tensor in zip(model.inputs, data, strict=False)
        }
        for number in range(len(data[0]))
    ]


def _traced(
    model: TerpretModel, program: Mapping[str, int], given: Mapping[str, Any], library: Library | None
) -> dict[str, int]:
    """What the interpreter makes of all integer variables, by site; -1 where one is not set."""
    values = model.trace(program, given, library)
    found: dict[str, int] = {}
    for name, declared in model.declared.items():
        if name in values and isinstance(declared.size, int):
            integers = np.array(values[name], dtype=np.int64).reshape(-1).tolist()
            found |= zip((cell.site for cell in elements(declared)), integers, strict=True)
    return found


def compare_at_vertices(model: TerpretModel, library: Library | None, random: Random) -> int:
    """Compare the compiled model with the interpreter on integers: every variable, where that sets it.

    :param model: of a text.
    :param library: its learnable functions.
    :param random: decides on programs and inputs where there are many.
    :returns: how many results were compared.
    :raises Disagreement: says where.
    """
    sizes, ranges = _sizes(model), _ranges(model)
    most = max(2, min(MOST_PAIRS, MOST_WORK // max(1, work_of(model))))
    programs, inputs = number_of(sizes.values(), most), number_of(ranges, most)
    if programs * inputs > most:
        inputs = min(inputs, max(2, int(most**0.5)))
        programs = min(programs, max(1, most // inputs))
    chosen = [dict(zip(sizes, one, strict=True)) for one in _drawn(list(sizes.values()), programs, random)]
    data = _data(model, _drawn(ranges, inputs, random), random)
    noting = _Noting(levels=random.random() < 0.5)
    options = {} if library is None else {"library": library}
    decided = with_choices(noting(model), columns_of(chosen) if sizes else {}, sizes, ForwardMarginals())
    with torch.no_grad(), SureReadings():
        outputs = decided(*data, **options)
    rows = _given(model, data) if data else [{}]
    wanted = [_traced(model, program, given, library) for program in chosen for given in rows]
    agreed, shape = 0, (len(chosen), len(rows))
    for site, value in {**noting.found, **outputs}.items():
        integers = np.array([one[site] for one in wanted]).reshape(shape)
        found = value.expand(*shape, -1).numpy()
        there = np.take_along_axis(found, np.maximum(integers, 0)[..., None], -1)[..., 0]
        wrong = np.argwhere((integers >= 0) & ~(abs(there - 1) < CLOSE))
        for row, number in wrong.tolist():
            raise Disagreement(
                f"vertices: {site} is {integers[row, number]} on integers and {found[row, number].tolist()} "
                f"compiled, where the program is {chosen[row]} and inputs are {rows[number]}"
            )
        agreed += int((integers >= 0).sum())
    return agreed


def compare_one_by_one(model: TerpretModel, library: Library | None, random: Random) -> int:
    """Compare the compiled model with one variable at a time, where choices are uncertain; gradients too.

    :param model: of a text.
    :param library: its learnable functions.
    :param random: decides on choices and inputs.
    :returns: how many distributions were compared.
    :raises Disagreement: says where.
    """
    sizes = _sizes(model)
    generator = torch.Generator().manual_seed(random.getrandbits(60))
    logits = [torch.randn(size, generator=generator, requires_grad=True) for size in sizes.values()]
    data = _data(model, _drawn(_ranges(model), 2, random), random)
    options = {} if library is None else {"library": library}
    found, gradients = list[dict[str, Tensor]](), list[Sequence[Tensor]]()
    for program in (model, model.one_by_one):
        choices = {site: one.softmax(-1) for site, one in zip(sizes, logits, strict=True)}
        noting = _Noting(levels=False)
        outputs = marginal()(pyro.poutine.condition(noting(program), data=choices))(*data, **options)
        found.append({**noting.found, **outputs})
        read = [outputs[site].expand(len(data[0]), -1) for site in outputs if site in found[0]]
        total = sum((value.square().sum() for value in read), torch.zeros((), requires_grad=True))
        if logits:
            gradients.append(torch.autograd.grad(total, logits, allow_unused=True, materialize_grads=True))
    compiled, others = found
    for site, value in compiled.items():
        if not bool(((value - others[site]).abs() < CLOSE).all()):
            raise Disagreement(
                f"one by one: {site} is {value.tolist()} compiled, else {others[site].tolist()}"
            )
    for one, other in zip(*gradients, strict=True) if gradients else ():
        if not torch.allclose(one, other, 1e-3, 1e-3):
            raise Disagreement(f"gradient: {one.tolist()} compiled, one by one {other.tolist()}")
    return len(compiled)
