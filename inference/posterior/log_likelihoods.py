"""How well programs explain data: log-likelihoods, and a bound on the log-evidence."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from pyro import poutine
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.decided_programs import Decided, decided
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.given_data import BATCH, Data, given_data, in_batches
from ntpt_pyro.language.sites import is_data


def log_likelihood(fixed: Model, batch: Sequence[Tensor]) -> Float[Tensor, " programs"]:
    """The log-likelihood of decided programs, summed over a batch of examples.

    :param fixed: the model with its choices fixed, in the plate of restarts; see :func:`decided`.
    :param batch: its arguments.
    :returns: ``[programs]``, in nats, at most 0.
    """
    total: Tensor = torch.zeros(())
    for one in _observed_log_probs(fixed, batch):
        total = total + one.sum(-1)
    return total


def example_log_likelihoods(fixed: Model, batch: Sequence[Tensor]) -> Float[Tensor, "programs examples"]:
    """The log-likelihood of each example of a batch under decided programs.

    :param fixed: see :func:`log_likelihood`.
    :param batch: its arguments.
    :returns: ``[programs, examples]``, in nats, at most 0.
    """
    total: Tensor = torch.zeros(())
    for one in _observed_log_probs(fixed, batch):
        total = total + one
    return total


def _observed_log_probs(fixed: Model, batch: Sequence[Tensor]) -> Iterator[Tensor]:
    """The log-probabilities of each observed site, ``[programs, examples]``."""
    trace = poutine.trace(fixed).get_trace(*batch)
    for site in trace.nodes.values():
        if site["type"] == "sample" and is_data(site):
            output: Any = site["fn"]
            yield scale_and_mask(output.log_prob(site["value"]), site["scale"], site["mask"])


def mean_log_likelihood(
    model: Model, programs: Decided, data: Data, *, chunk: int = BATCH
) -> Float[Tensor, " restarts"]:
    """The log-likelihood of data given each program, a mean over examples.

    :param model: a Pyro program, not wrapped.
    :param programs: one program a restart, or a single program.
    :param data: tensors with a common first axis of examples.
    :param chunk: examples at once.
    :returns: ``[restarts]``, in nats, at most 0.
    :raises SiteError: see :func:`decided`.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> mean_log_likelihood(model, {"bit": 1}, (torch.tensor([1, 1]),)).exp()
    tensor([1.0000])
    """
    data = given_data("log-likelihood", data)
    fixed = decided(model, programs, data)
    total: Tensor = torch.zeros(())
    for batch in in_batches(data, chunk):
        with torch.no_grad():
            total = total + log_likelihood(fixed, batch)
    return total / len(data[0])


def evidence_bound(
    model: Model,
    posterior: Posterior,
    data: Data,
    *,
    draws: int = 256,
    generator: torch.Generator | None = None,
) -> float:
    """A lower bound on the log-evidence of data, by programs drawn from a posterior: an estimate of its ELBO.

    ``E_q[log p(data, program) - log q(program)]``; an exact posterior knows the log-evidence itself.

    :param model: a Pyro program, not wrapped, whose choices are uniform before any data.
    :param posterior: over its programs, such as a guide's marginals.
    :param data: examples.
    :param draws: programs drawn.
    :param generator: source of the draw; torch's global one where None.
    :returns: nats; its standard error falls as one over the root of ``draws``.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro import MeanFieldPosterior
    >>> data = (torch.tensor([1, 1]),)
    >>> sure = MeanFieldPosterior({"bit": torch.tensor([0.0, 1.0])})
    >>> round(evidence_bound(model, sure, data), 3)  # the log-evidence itself: log(1/2)
    -0.693
    """
    data = given_data("evidence bound, data", data)
    programs = posterior.sample(draws, generator)
    likelihood = float(mean_log_likelihood(model, programs, data).mean()) * len(data[0])
    prior = -sum(math.log(len(probs)) for probs in posterior.marginals.values())
    return likelihood + prior + posterior.entropy()
