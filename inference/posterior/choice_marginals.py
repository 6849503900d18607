"""What a fit has found about the choices of a model: their marginals, and most probable programs."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.given_strategy import check_strategy
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import Model, ModelSites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.posterior.decided_programs import vertices
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.language.distributions import OneHot
from ntpt_pyro.language.given_data import Data, given_data
from ntpt_pyro.language.sites import Message

PLATE_NESTING = 2
"""Plates of examples and of restarts."""


def marginals(
    strategy: Strategy, model: Model, guide: ChoiceGuide, data: Data, *, restarts: int = 1
) -> dict[str, Float[Tensor, "restarts size"]]:
    """The posterior marginal of every choice.

    :param strategy: the one that the guide was trained with.
    :param model: a Pyro program, not wrapped.
    :param guide: the trained guide.
    :param data: examples. Only choices that the strategy enumerates depend on them: theirs is the exact
        posterior given these examples.
    :param restarts: of the fit.
    :returns: by site, ``[restarts, size]``, in probability space: the guide's, or exact.
    :raises BudgetError: where the enumeration is out of reach on these data.
    :raises UsageError: where the guide is of another number of restarts.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import enumeration, fit
    >>> data = (torch.tensor([1, 1]),)
    >>> state = fit(model, data, strategy=enumeration(), steps=1)
    >>> marginals(enumeration(), model, state.guide, data)["bit"].round(decimals=3)
    tensor([[0., 1.]])
    """
    data = given_data("marginals, data", data)
    sites = _sites(strategy, model, data)
    found = {site: _flat(probs, restarts) for site, probs in guide.probabilities().items()}
    exact_sites = _exact_sites(strategy, sites.choices)
    if exact_sites:
        program = strategy(Restarts(restarts)(model))
        exact = _exact_marginals(program, strategy(guide), data, exact_sites)
        found |= {site: _flat(probs, restarts) for site, probs in exact.items()}
    return found


def _exact_marginals(
    program: Model, guide: Model, data: Sequence[Tensor], sites: Sequence[str]
) -> dict[str, Tensor]:
    """The posterior marginals of enumerated choices, ``[*batch, size]``."""
    tilted = _Tilted(sites)
    elbo = TraceEnum_ELBO(max_plate_nesting=PLATE_NESTING)
    log_evidence = -elbo.differentiable_loss(tilted(program), guide, *data)
    exact = torch.autograd.grad(log_evidence, list(tilted.tilts.values()))
    return dict(zip(tilted.tilts, exact, strict=True))


class _Tilted(Messenger):
    """Adds zeros to the log-priors of choices: the gradient of the log-evidence there is the posterior.

    (``TraceEnum_ELBO.compute_marginals`` computes the same, but Pyro 1.9.2 fails on plates of size 1.)
    """

    def __init__(self, sites: Sequence[str]) -> None:
        super().__init__()
        self.sites = sites
        self.tilts: dict[str, Tensor] = {}

    def _pyro_sample(self, msg: Message) -> None:
        site = str(msg["name"])
        if site in self.sites:
            prior: Any = msg["fn"]
            self.tilts[site] = torch.zeros_like(prior.logits).requires_grad_()
            msg["fn"] = OneHot(prior.logits + self.tilts[site])


def most_probable(
    strategy: Strategy, model: Model, guide: ChoiceGuide, data: Data, *, restarts: int = 1
) -> dict[str, Int[Tensor, " restarts"]]:
    """A most probable program of every restart.

    Under a mean-field guide the mode of each choice, which is the joint mode. Where choices are enumerated
    their posterior is joint (``ADD(R0, R1)`` and ``ADD(R1, R0)`` are as likely, ``ADD(R0, R0)`` is not), so
    they are decided one after the other in the model's order, each given those before.

    :param strategy: the one that the guide was trained with.
    :param model: a Pyro program, not wrapped.
    :param guide: the trained guide.
    :param data: see :func:`marginals`.
    :param restarts: of the fit.
    :returns: by site, ``[restarts]``.
    :raises BudgetError: see :func:`marginals`.
    :raises UsageError: see :func:`marginals`.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import fit, marginal
    >>> data = (torch.tensor([1, 1]),)
    >>> state = fit(model, data, restarts=2, steps=50)
    >>> most_probable(marginal(), model, state.guide, data, restarts=2)
    {'bit': tensor([1, 1])}
    """
    data = given_data("most probable programs, data", data)
    found = {site: _flat(p, restarts).argmax(-1) for site, p in guide.probabilities().items()}
    sizes = {name: site.size for name, site in _sites(strategy, model, data).choices.items()}
    open_sites = _exact_sites(strategy, sizes)
    while open_sites:
        given = strategy(Restarts(restarts)(poutine.condition(model, data=vertices(found, sizes))))
        site, *rest = open_sites
        exact = _exact_marginals(given, strategy(guide), data, open_sites)
        found[site], open_sites = _flat(exact[site], restarts).argmax(-1), rest
    return found


def _sites(strategy: Strategy, model: Model, data: Sequence[Tensor]) -> ModelSites:
    """The sites of a model; where choices are summed over exactly, nothing else may be left to chance."""
    check_strategy("marginals", strategy)
    sites = examine("marginals", model, data, integrated=None, subsampled=True, plated=True)
    if _exact_sites(strategy, sites.choices):
        examine("exact marginals", model, data, plated=True)
    return sites


def _exact_sites(strategy: Strategy, choices: Iterable[str]) -> list[str]:
    """The choices that a strategy sums over exactly."""
    return [site for site in choices if strategy.treatment_of(site, "choice").enumerates is not None]


def _flat(probs: Tensor, restarts: int) -> Tensor:
    """``[restarts, size]`` of a choice's ``[(restarts, 1,) size]``."""
    rows = probs.reshape(-1, probs.shape[-1])
    if len(rows) not in (1, restarts):
        raise UsageError(
            "restarts",
            expected=f"{len(rows)}, the restarts of the guide",
            got=str(restarts),
            remedy="give as many (restarts=), or take some of the guide's (guide.take)",
        )
    return rows.expand(restarts, probs.shape[-1])
