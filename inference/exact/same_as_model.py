"""Whether shared execution comes to what the model itself does: tried on random programs, every time."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.exact.model_record import record
from ntpt_pyro.inference.exact.programs import Log
from ntpt_pyro.inference.exact.recorded_tensors import NotSharedError
from ntpt_pyro.inference.exact.shared_pass import SharedPass
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood

PROGRAMS = 32
EXAMPLES = 2
CLOSE = 1e-2
"""In nats: far below what telling programs apart wrongly would come to, above what rounding comes to."""
WHERE_SHAPES_DO_NOT_FIT = (NotSharedError, RuntimeError, IndexError, TypeError, ValueError)
"""What torch raises where a model made tensors for one program, and there are several."""


def same_as_model(model: Model, data: Sequence[Tensor], log_prior: Mapping[str, Log]) -> bool:
    """Whether random programs have the same likelihood both ways.

    :param model: a Pyro program, not wrapped.
    :param data: examples.
    :param log_prior: by choice the log-probability of each alternative.
    :returns: whether they have.
    """
    few = [tensor[:EXAMPLES] for tensor in data]
    draw = np.random.default_rng(0)
    sizes = {site: len(one) for site, one in log_prior.items()}
    choices = {site: draw.integers(size, size=PROGRAMS).astype(np.int32) for site, size in sizes.items()}
    try:
        run = SharedPass(record(model, few), log_prior, most=2**20, certain=False)
        leaves = run(choices, np.zeros(PROGRAMS), -np.inf)
    except NtptError:
        raise
    except WHERE_SHAPES_DO_NOT_FIT:
        return False
    shared = np.full(PROGRAMS, -np.inf)  # what is impossible is not kept
    shared[leaves.origin] = leaves.log_likelihoods
    integers = {site: torch.from_numpy(column).long() for site, column in choices.items()}
    with torch.no_grad():
        alone = log_likelihood(with_choices(model, integers, sizes, ForwardMarginals()), few)
    own = np.broadcast_to(alone.double().numpy(), shared.shape)
    return bool(np.isclose(shared, own, rtol=1e-3, atol=CLOSE).all())
