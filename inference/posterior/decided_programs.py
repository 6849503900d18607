"""Models with their choices fixed to programs, many programs at a time."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from pyro import poutine
from torch import Tensor

from ntpt_pyro.errors import RangeError, SiteError
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.language.given_data import Data, given_data
from ntpt_pyro.language.values import one_hot

Programs = Mapping[str, Int[Tensor, " restarts"]]
"""One program a restart: each choice's integer by site."""
Decided = Mapping[str, Int[Tensor, " restarts"] | int]
"""The same, or a single program: an integer by site, as posteriors give it."""


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

    >>> programs_of({"line_0": 2})
    {'line_0': tensor([2])}
    """
    return columns_of([program])


def decided(model: Model, programs: Decided, data: Data) -> Model:
    """The model with its choices fixed, its steps at their forward marginals.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart, or a single program.
    :param data: examples, some of which show how many alternatives each choice has.
    :returns: a program of the same arguments, in the plate of restarts.
    :raises SiteError: where programs lack a choice of the model, or decide one that it does not make.
    :raises RangeError: where an integer is no alternative of its choice.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> data = (torch.tensor([1, 0]),)
    >>> trace = pyro.poutine.trace(decided(model, {"bit": 1}, data)).get_trace(*data)
    >>> trace.nodes["bit"]["value"].flatten()
    tensor([0., 1.])
    """
    sizes = choice_sizes(model, data)
    return with_choices(model, checked_programs(programs, sizes), sizes, ForwardMarginals())


def checked_programs(programs: Decided, sizes: Mapping[str, int]) -> dict[str, Int[Tensor, " restarts"]]:
    """Programs that decide all choices, and no others.

    :param programs: one program a restart, or a single program.
    :param sizes: by site the number of alternatives.
    :returns: one program a restart, in the order of the sizes.
    :raises SiteError: names the first choice that is missing, is not the model's, or is decided for another
        number of programs than the first.
    :raises RangeError: where something else than an integer decides one.
    """
    for site in {**dict.fromkeys(sizes), **dict.fromkeys(programs)}:
        if site not in programs or site not in sizes:
            raise SiteError(
                f"programs, choice {site!r}",
                expected=f"all choices of the model and no others: {', '.join(sizes) or 'none'}",
                got="a program without it" if site in sizes else "a program that decides it",
                remedy="decide every choice; a posterior's mode() and sample(n) do",
            )
    found = {site: torch.as_tensor(programs[site]).reshape(-1) for site in sizes}
    for site, integers in found.items():
        if integers.is_floating_point() or integers.dtype == torch.bool:
            raise RangeError(
                f"programs, choice {site!r}",
                expected="integers, one a program",
                got=f"numbers of {integers.dtype}",
                remedy="give the number of an alternative; probabilities are of a posterior",
            )
    counts = {site: len(integers) for site, integers in found.items()}
    if len(set(counts.values())) > 1:
        raise SiteError(
            "programs",
            expected="as many integers for each choice, one a program",
            got=", ".join(f"{count} for {site}" for site, count in counts.items()),
            remedy="give each program an integer of every choice",
        )
    return found


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


def choice_sizes(model: Model, data: Data) -> dict[str, int]:
    """How many alternatives each choice of a model has.

    :param model: a Pyro program, not wrapped.
    :param data: examples; the model is run on the first few.
    :returns: by site, in the model's order.
    :raises SiteError: see :func:`~ntpt_pyro.inference.handlers.model_examination.examine`.
    """
    sites = examine("decided programs", model, given_data("decided programs, data", data))
    return {name: site.size for name, site in sites.choices.items()}


def vertices(programs: Programs, sizes: Mapping[str, int]) -> dict[str, Float[Tensor, "restarts 1 size"]]:
    """Programs as values of their choices, one-hot.

    :param programs: one program a restart.
    :param sizes: by site the number of alternatives.
    :returns: by site ``[restarts, 1, size]``, on torch's default device.
    """
    device = torch.get_default_device()  # where choices are, too
    return {site: one_hot(found.to(device), sizes[site]).unsqueeze(-2) for site, found in programs.items()}
