"""What sites a model has, found by running it once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.choices import MeanChoices
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.sites import Message, role_of

Model = Callable[..., Any]
"""A Pyro program; what it returns does not matter."""
Plates = tuple[tuple[str, int, int], ...]
"""Name, size and dimension of each vectorised plate around a site, outermost first."""


@dataclass(frozen=True)
class ChoiceSite:
    """One choice of a model.

    :param name: the site's name.
    :param size: the number of alternatives.
    :param batch_shape: ``[*plates]``, the plates around it (size 1 where a plate does not apply).
    :param plates: those around it.
    """

    name: str
    size: int
    batch_shape: tuple[int, ...]
    plates: Plates


@dataclass(frozen=True)
class ModelSites:
    """The sites of a model.

    :param choices: the choices that nothing has decided, in the order in which the model meets them.
    :param steps: the names of its interpreter steps.
    :param largest_plate: the number of elements of its largest nest of plates.
    :param plate_nesting: dimensions that its plates take.
    """

    choices: dict[str, ChoiceSite]
    steps: tuple[str, ...]
    largest_plate: int
    plate_nesting: int


def model_sites(model: Model, *args: Any, **kwargs: Any) -> ModelSites:
    """Run a model once under forward marginals, without gradients and hidden from handlers outside.

    :param model: a Pyro program.
    :param args: its arguments.
    :param kwargs: its keyword arguments.
    :returns: its sites.
    :raises SiteError: where a name is used twice.
    """
    names = _Names()
    with (
        torch.no_grad(),
        poutine.block(),
        poutine.trace() as tracer,
        MeanChoices(),
        ForwardMarginals(),
        names,
    ):
        model(*args, **kwargs)
    nodes = {n: node for n, node in tracer.trace.nodes.items() if node["type"] == "sample"}
    plates = {
        name: tuple((f.name, f.size, f.dim or 0) for f in node["cond_indep_stack"] if f.vectorized)
        for name, node in nodes.items()
    }
    choices = {}
    for name, node in nodes.items():
        if role_of(node) == "choice" and not node["is_observed"]:
            prior: Any = node["fn"]
            choices[name] = ChoiceSite(name, prior.event_shape[-1], tuple(prior.batch_shape), plates[name])
    largest = max((prod(size for _, size, _ in nest) for nest in plates.values()), default=1)
    nesting = max((-dim for nest in plates.values() for _, _, dim in nest), default=0)
    return ModelSites(choices, tuple(names.steps), largest, nesting)


def claim(site: str, taken: set[str]) -> None:
    """Take a site's name in a run.

    :param site: the name.
    :param taken: the names taken so far; the name is added.
    :raises SiteError: where it is taken already.
    """
    if site in taken:
        raise SiteError(
            f"site {site!r}",
            expected="a name used once in the model",
            got="a second use",
            remedy="give each choice and var its own name",
        )
    taken.add(site)


@dataclass(eq=False)
class _Names(Messenger):
    """Notes the names of interpreter steps, and that no name is used twice."""

    steps: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def _pyro_sample(self, msg: Message) -> None:
        if role_of(msg) is not None:
            claim(str(msg["name"]), self.taken)

    def _pyro_ntpt_var(self, msg: Message) -> None:
        self._note(msg["args"][0])

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        for site in msg["args"][0]:
            self._note(site)

    def _note(self, site: str) -> None:
        claim(site, self.taken)
        self.steps.append(site)
