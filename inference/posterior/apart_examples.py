"""Whether examples count each by itself, once: what a posterior that adds them up takes for granted."""

import warnings
from collections.abc import Mapping, Sequence

import torch
from pyro import poutine
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.language.sites import is_data

PROGRAMS = 4
EXAMPLES = 4
CLOSE = 1e-2
"""In nats, of what rounding may come to."""


def check_apart(model: Model, data: Sequence[Tensor], sizes: Mapping[str, int]) -> None:
    """Compare Pyro's own log-density of some examples with the sum of our own of each, for random programs.

    :param model: a Pyro program, not wrapped.
    :param data: examples.
    :param sizes: by choice the number of alternatives.
    :raises SiteError: where they differ.
    """
    few = [tensor[:EXAMPLES] for tensor in data]
    draw = torch.Generator().manual_seed(0)
    for _ in range(PROGRAMS):
        program = {s: torch.randint(n, (1,), generator=draw, device="cpu") for s, n in sizes.items()}
        fixed = with_choices(model, program, sizes, ForwardMarginals())
        with torch.no_grad():
            together = _log_density(fixed, few)
            each = sum(
                float(log_likelihood(fixed, [tensor[n : n + 1] for tensor in few]).sum())
                for n in range(len(few[0]))
            )
        if abs(together - each) > CLOSE + 1e-3 * abs(each):
            raise SiteError(
                "exact posterior",
                expected="examples that count each by itself, once",
                got=f"{together:.4g} nats for {len(few[0])} of them together, {each:.4g} for each by itself",
                remedy="observe all results in one plate over the examples, without mask, scale, subsampling "
                "or other factors, and combine no examples",
            )


def _log_density(fixed: Model, batch: Sequence[Tensor]) -> float:
    """The log-density of what is observed, as Pyro has it."""
    trace = poutine.trace(fixed).get_trace(*batch)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Pyro's, of numbers that are not finite: the search says more of them
        trace.compute_log_prob(lambda name, site: is_data(site))
    return sum(float(site.get("log_prob_sum", 0.0)) for site in trace.nodes.values())
