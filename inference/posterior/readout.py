"""What a fit has found: marginals of the choices, most probable programs, and how well they explain data."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.inference.handlers.choices import EnumeratedChoices
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.steps import ForwardMarginals, StepTreatment
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.language.distributions import OneHot
from ntpt_pyro.language.sites import Message, role_of
from ntpt_pyro.language.values import one_hot

Model = Callable[..., Any]
PLATE_NESTING = 2
"""Plates of examples and of restarts."""
Programs = Mapping[str, Int[Tensor, " restarts"]]
"""One program a restart: each choice's integer by site."""


def marginals(
    strategy: Strategy, model: Model, guide: ChoiceGuide, data: Sequence[Tensor], *, restarts: int = 1
) -> dict[str, Float[Tensor, "restarts size"]]:
    """The posterior marginal of every choice.

    :param strategy: the one that the guide was trained with.
    :param model: a Pyro program, not wrapped.
    :param guide: the trained guide.
    :param data: examples; only choices that the strategy enumerates look at them, and have their exact
        posterior given these examples.
    :param restarts: of the fit.
    :returns: by site, ``[restarts, size]``, in probability space: the guide's, or exact.
    :raises BudgetError: where the enumeration is out of reach on these data.
    """
    found = {site: _flat(probs, restarts) for site, probs in guide.probabilities().items()}
    exact_sites = _exact_sites(strategy, model, data)
    if exact_sites:
        tilted = _Tilted(exact_sites)
        program = tilted(strategy(Restarts(restarts)(model)))
        elbo = TraceEnum_ELBO(max_plate_nesting=PLATE_NESTING)
        evidence = -elbo.differentiable_loss(program, strategy(guide), *data)
        exact = torch.autograd.grad(evidence, list(tilted.tilts.values()))
        for site, probs in zip(tilted.tilts, exact, strict=True):
            found[site] = _flat(probs, restarts)
    return found


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
    strategy: Strategy, model: Model, guide: ChoiceGuide, data: Sequence[Tensor], *, restarts: int = 1
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
    """
    found = {site: _flat(p, restarts).argmax(-1) for site, p in guide.probabilities().items()}
    sizes = _sizes(model, data)
    for site in _exact_sites(strategy, model, data):
        given = poutine.condition(model, data=_vertices(found, sizes))
        found[site] = marginals(strategy, given, guide, data, restarts=restarts)[site].argmax(-1)
    return found


def program_of(programs: Programs, restart: int = 0) -> dict[str, int]:
    """The program of one restart.

    :param programs: one program a restart.
    :param restart: which.
    :returns: every choice's integer by site.

    >>> program_of({"left": torch.tensor([0, 2]), "right": torch.tensor([1, 1])}, 1)
    {'left': 2, 'right': 1}
    """
    return {site: int(integers[restart]) for site, integers in programs.items()}


def programs_of(program: Mapping[str, int]) -> dict[str, Int[Tensor, "restarts=1"]]:
    """A program as that of a single restart, the inverse of :func:`program_of`.

    :param program: every choice's integer by site.
    :returns: one program a restart, of which there is one.
    """
    return {site: torch.tensor([integer]) for site, integer in program.items()}


def decided(model: Model, programs: Programs, data: Sequence[Tensor]) -> Model:
    """The model with its choices fixed, its steps at their forward marginals.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart.
    :param data: examples, one of which shows how many alternatives each choice has.
    :returns: a program of the same arguments, in the plate of restarts.
    """
    return with_choices(model, programs, _sizes(model, data), ForwardMarginals())


def with_choices(model: Model, programs: Programs, sizes: Mapping[str, int], steps: StepTreatment) -> Model:
    """The model with its choices fixed, where their sizes are known already; see :func:`decided`.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart.
    :param sizes: by site the number of alternatives.
    :param steps: treatment of its steps.
    :returns: a program of the same arguments, in the plate of restarts.
    """
    restarts = len(next(iter(programs.values()))) if programs else 1
    fixed: Model = steps(poutine.condition(Restarts(restarts)(model), data=_vertices(programs, sizes)))
    return fixed


def evidence(
    model: Model, programs: Programs, data: Sequence[Tensor], *, chunk: int = 500
) -> Float[Tensor, " restarts"]:
    """How well each program explains data: mean log-likelihood of an example.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart.
    :param data: tensors with a common first axis of examples.
    :param chunk: examples at once.
    :returns: ``[restarts]``, in nats, at most 0.
    """
    fixed = decided(model, programs, data)
    total: Tensor = torch.zeros(())
    for batch in zip(*(tensor.split(chunk) for tensor in data), strict=True):
        with torch.no_grad():
            total = total + log_likelihood(fixed, batch)
    return total / len(data[0])


def evidence_bound(
    model: Model,
    posterior: Posterior,
    data: Sequence[Tensor],
    *,
    draws: int = 256,
    generator: torch.Generator | None = None,
) -> float:
    """A lower bound on the log-evidence of data, by programs drawn from a posterior: an estimate of its ELBO.

    ``E_q[log p(data, program) - log q(program)]``; an exact posterior knows the evidence itself.

    :param model: a Pyro program, not wrapped, whose choices are uniform before any data.
    :param posterior: over its programs, such as a guide's marginals.
    :param data: examples.
    :param draws: programs drawn.
    :param generator: source of the draw; torch's global one where None.
    :returns: nats; its standard error falls as one over the root of ``draws``.
    """
    programs = posterior.sample(draws, generator)
    likelihood = float(evidence(model, programs, data).mean()) * len(data[0])
    prior = -sum(math.log(len(probs)) for probs in posterior.marginals.values())
    return likelihood + prior + posterior.entropy()


def log_likelihood(fixed: Model, batch: Sequence[Tensor]) -> Float[Tensor, " programs"]:
    """The log-likelihood of decided programs, summed over a batch of examples.

    :param fixed: the model with its choices fixed, in the plate of restarts; see :func:`decided`.
    :param batch: its arguments.
    :returns: ``[programs]``, in nats, at most 0.
    """
    total: Tensor = torch.zeros(())
    trace = poutine.trace(fixed).get_trace(*batch)
    for site in trace.nodes.values():
        if site["type"] == "sample" and site["is_observed"] and role_of(site) is None:
            output: Any = site["fn"]
            total = total + output.log_prob(site["value"]).sum(-1)
    return total


def _sizes(model: Model, data: Sequence[Tensor]) -> dict[str, int]:
    sites = model_sites(model, *(tensor[:1] for tensor in data))
    return {name: site.size for name, site in sites.choices.items()}


def _vertices(programs: Programs, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    return {site: one_hot(found, sizes[site]).unsqueeze(-2) for site, found in programs.items()}


def _exact_sites(strategy: Strategy, model: Model, data: Sequence[Tensor]) -> list[str]:
    return [
        site
        for site in _sizes(model, data)
        if isinstance(strategy.treatment_of(site, "choice"), EnumeratedChoices)
    ]


def _flat(probs: Tensor, restarts: int) -> Tensor:
    """``[restarts, size]`` of a choice's ``[(restarts, 1,) size]``."""
    return probs.reshape(-1, probs.shape[-1]).expand(restarts, probs.shape[-1])
