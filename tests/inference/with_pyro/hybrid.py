"""A model with a choice and a continuous latent, whose posterior is known."""

import math

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

from ntpt_pyro import choice, one_hot, runtime, switch

PRIOR, NOISE = 2.0, 0.5
"""Standard deviations of the shift and of what is observed."""


@runtime([8], 8)
def inc(x: int) -> int:
    return (x + 1) % 8


def shifted(x: Tensor, y: Tensor | None = None) -> None:
    """A number that may be incremented, and then is shifted by an unknown constant."""
    line = choice("line", 2)
    shift = pyro.sample("shift", dist.Normal(0.0, PRIOR))
    with pyro.plate("examples", len(x), dim=-1):
        value = switch(line, [inc(one_hot(x, 8)), one_hot(x, 8)])
        pyro.sample("y", dist.Normal(value @ torch.arange(8.0).to(value) + shift, NOISE), obs=y)


def examples(shift: float = 1.3, count: int = 24) -> tuple[Tensor, Tensor]:
    """Incremented numbers, shifted and with noise."""
    x = torch.arange(count) % 8
    noise = NOISE * torch.randn(count, generator=torch.Generator().manual_seed(5))
    return x, (x + 1) % 8 + shift + noise


def exact(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """The posterior mean and standard deviation of the shift for each line, and the log-evidence."""
    results = torch.stack([(x + 1) % 8, x])
    rest = y - results  # a sample of the shift each, with noise
    precision = 1 / PRIOR**2 + len(x) / NOISE**2
    mean = rest.sum(-1) / NOISE**2 / precision
    log_joint = (
        -math.log(2)
        - len(x) * math.log(NOISE * math.sqrt(2 * math.pi))
        - math.log(PRIOR)
        - 0.5 * math.log(precision)
        - 0.5 * (rest**2).sum(-1) / NOISE**2
        + 0.5 * precision * mean**2
    )
    return mean, torch.tensor(precision**-0.5), float(log_joint.logsumexp(0))
