"""What a training must know of a guide that it is given, whatever made it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.handlers.model_sites import ModelSites
from ntpt_pyro.inference.handlers.plated import Plated
from ntpt_pyro.inference.handlers.restarts import PLATE
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.latent_guide import LatentGuide
from ntpt_pyro.language.sites import role_of

NEARLY = 1e-6
"""Weights that differ by less are equal."""
Guide = Callable[..., Any]
"""A guide: one that a strategy made, an automatic guide of Pyro's, or a function of the model's arguments."""


@dataclass(frozen=True)
class GivenGuide:
    """A guide, looked at once.

    :param program: it, in the plate of restarts.
    :param covered: the sites that it is a guide of.
    :param parameters: that it learns, by name.
    :param plates: sizes of plates around latents that are no choices, by latent and plate; not of restarts.
    """

    program: Guide
    covered: frozenset[str]
    parameters: dict[str, Tensor]
    plates: dict[tuple[str, str], int]


def given_guide(guide: Guide, batch: tuple[Tensor, ...], *, restarts: int, dim: int) -> GivenGuide:
    """Look at a guide; one that no strategy made is run once, so that its parameters are there.

    :param guide: it, not wrapped in a strategy. One that does not open the plate of restarts itself is put
        in it: then restarts have the same parameters where it does not give them an axis of its own.
    :param batch: the model's arguments.
    :param restarts: programs trained at once.
    :param dim: of their plate.
    :returns: what is known of it.
    :raises UsageError: where it is no guide, or one of another number of restarts.
    """
    if isinstance(guide, ChoiceGuide):
        _check_restarts(guide, restarts)
        around: dict[tuple[str, str], int] = {}
        if isinstance(guide, LatentGuide):
            guide.check_for_batches(*batch)
            around = guide.plates(*batch)
        return GivenGuide(guide, frozenset(guide.covered), dict(guide.named_parameters()), around)
    if not callable(guide):
        raise UsageError(
            "guide",
            expected="a guide that a strategy made, one of Pyro's, or a function of the model's arguments",
            got=type(guide).__name__,
            remedy="leave it out, or give strategy.guide(model, ...)",
        )
    with torch.no_grad(), torch.random.fork_rng(devices=[]), poutine.block():
        nodes = poutine.trace(guide).get_trace(*batch).nodes
    sites = {
        name: node
        for name, node in nodes.items()
        if node["type"] == "sample" and not site_is_subsample(node) and not node["is_observed"]
    }
    plates = {frame.name for node in sites.values() for frame in node["cond_indep_stack"]}
    program = guide if PLATE in plates else Plated(PLATE, restarts, dim)(guide)
    covered = frozenset(n for n, node in sites.items() if not (node["infer"] or {}).get("is_auxiliary"))
    values: dict[str, Any] = {n: node["value"] for n, node in nodes.items() if node["type"] == "param"}
    parameters = {name: value.unconstrained() for name, value in values.items()}
    around = {
        (name, frame.name): frame.full_size or frame.size
        for name, node in sites.items()
        if role_of(node) is None
        for frame in node["cond_indep_stack"]
        if frame.name != PLATE
    }
    return GivenGuide(program, covered, parameters, around)


def _check_restarts(guide: ChoiceGuide, restarts: int) -> None:
    """Raise where a guide that a strategy made is of another number of restarts."""
    for site in guide.sites.values():
        here = next((size for name, size, _ in site.plates if name == PLATE), 1)
        if here != restarts:
            raise UsageError(
                "guide",
                expected=f"a guide of {restarts} restarts",
                got=f"one of {here}",
                remedy="make it by strategy.guide(Restarts(size)(model), ...)",
            )


def check_weight(guide: GivenGuide, weight: float, examples: int) -> None:
    """Check that every latent's prior weighs as much as a batch is of all the data.

    :param guide: the guide.
    :param weight: of priors, in a step.
    :param examples: in a batch; what is in a plate of them is weighted by being in the batch.
    :raises SiteError: names a latent that is in another plate, where the weight is not 1.
    """
    for (name, plate), size in guide.plates.items():
        if size != examples and abs(weight - 1) > NEARLY:
            raise SiteError(
                f"latent {name!r}",
                expected="a latent outside of plates, where a step sees a part of the data",
                got=f"one in plate {plate!r} of {size}, and priors of weight {weight:.3g}",
                remedy="give all the data in each step (batch_size=None), or make it one site: to_event",
            )


def check_coverage(sites: ModelSites, guide: GivenGuide, strategy: Strategy) -> None:
    """Check that a guide and a strategy leave nothing to chance.

    :param sites: of the model.
    :param guide: the guide.
    :param strategy: the strategy.
    :raises SiteError: names the first site that nothing covers, or that the model does not have.
    """
    for name in sites.choices:
        enumerated = strategy.treatment_of(name, "choice").enumerates is not None
        if name not in guide.covered and not enumerated:
            raise _uncovered(f"choice {name!r}")
    for name, kind in sites.latents.items():
        if name not in guide.covered:
            raise _uncovered(f"latent {name!r}, a {kind}")
    for name in guide.covered:
        if name not in sites.choices and name not in sites.latents and name not in sites.steps:
            raise SiteError(
                f"guide of site {name!r}",
                expected=f"a guide of {', '.join([*sites.choices, *sites.latents]) or 'no site'}",
                got="a site that the model does not have, or has decided",
                remedy="give the guide of this model",
            )


def _uncovered(site: str) -> SiteError:
    return SiteError(
        site,
        expected="a guide of it",
        got="a guide without it",
        remedy="leave the guide out, so that fit makes one of everything, or sample the site in it",
    )
