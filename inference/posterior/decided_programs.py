"""Models with their choices fixed to programs, many programs at a time."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from pyro import poutine
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model, model_sites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.language.values import one_hot

Programs = Mapping[str, Int[Tensor, " restarts"]]
"""One program a restart: each choice's integer by site."""


def program_of(programs: Programs, restart: int = 0) -> dict[str, int]:
    """The program of one restart.

    :param programs: one program a restart.
    :param restart: which.
    :returns: every choice's integer by site.

    >>> program_of({"left": torch.tensor([0, 2]), "right": torch.tensor([1, 1])}, 1)
    {'left': 2, 'right': 1}
    """
    return {site: int(integers[restart]) for site, integers in programs.items()}


def columns_of(programs: Sequence[Mapping[str, int]]) -> dict[str, Int[Tensor, " restarts"]]:
    """Programs one by one as one program a restart.

    :param programs: every choice's integer by site; at least one.
    :returns: by site the integer of each.

    >>> columns_of([{"left": 0, "right": 1}, {"left": 2, "right": 1}])
    {'left': tensor([0, 2]), 'right': tensor([1, 1])}
    """
    return {site: torch.tensor([program[site] for program in programs]) for site in programs[0]}


def programs_of(program: Mapping[str, int]) -> dict[str, Int[Tensor, "restarts=1"]]:
    """A program as that of a single restart, the inverse of :func:`program_of`.

    :param program: every choice's integer by site.
    :returns: one program a restart, of which there is one.
    """
    return columns_of([program])


def decided(model: Model, programs: Programs, data: Sequence[Tensor]) -> Model:
    """The model with its choices fixed, its steps at their forward marginals.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart.
    :param data: examples, one of which shows how many alternatives each choice has.
    :returns: a program of the same arguments, in the plate of restarts.
    """
    return with_choices(model, programs, choice_sizes(model, data), ForwardMarginals())


def with_choices(model: Model, programs: Programs, sizes: Mapping[str, int], steps: StepTreatment) -> Model:
    """The model with its choices fixed, where their sizes are known already; see :func:`decided`.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart.
    :param sizes: by site the number of alternatives.
    :param steps: treatment of its steps.
    :returns: a program of the same arguments, in the plate of restarts.
    """
    restarts = len(next(iter(programs.values()))) if programs else 1
    fixed: Model = steps(poutine.condition(Restarts(restarts)(model), data=vertices(programs, sizes)))
    return fixed


def choice_sizes(model: Model, data: Sequence[Tensor]) -> dict[str, int]:
    """How many alternatives each choice of a model has.

    :param model: a Pyro program, not wrapped.
    :param data: examples; the model is run on the first.
    :returns: by site, in the model's order.
    """
    sites = model_sites(model, *(tensor[:1] for tensor in data))
    return {name: site.size for name, site in sites.choices.items()}


def vertices(programs: Programs, sizes: Mapping[str, int]) -> dict[str, Float[Tensor, "restarts 1 size"]]:
    """Programs as values of their choices, one-hot.

    :param programs: one program a restart.
    :param sizes: by site the number of alternatives.
    :returns: by site ``[restarts, 1, size]``.
    """
    return {site: one_hot(found, sizes[site]).unsqueeze(-2) for site, found in programs.items()}
