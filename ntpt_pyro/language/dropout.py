"""Dropout by random bits: four masks a random number, where torch's draws a number for each."""

import math

import torch
from torch import Tensor

from ntpt_pyro.errors import RangeError

BITS = 16
"""Of randomness a unit: the share that is dropped is a multiple of ``2**-BITS``."""
EACH = 64 // BITS
"""Units a random number."""


def dropped(units: Tensor, share: float) -> Tensor:
    """Units, some of which are 0, and the others larger, so that the expectation is what it was.

    Drawn from torch's global random state.

    :param units: of any shape and floating type.
    :param share: the probability with which each is dropped, by itself, to 2^-16; in [0, 1].
    :returns: of the same shape; the units themselves where none can be dropped.
    :raises RangeError: where the share is no probability.

    >>> dropped(torch.ones(3), 0.0)
    tensor([1., 1., 1.])
    """
    if not 0 <= share <= 1:
        raise RangeError(
            "dropout",
            expected="a share from 0 to 1",
            got=f"{share!r}",
            remedy="give the share that is dropped",
        )
    below = round(share * 2**BITS)
    if below in (0, 2**BITS):
        return units * 0 if below else units
    numbers = torch.empty(math.ceil(units.numel() / EACH), dtype=torch.int64, device=units.device)
    bits = numbers.random_(-(2**63), None).view(torch.int16)[: units.numel()].view(units.shape)
    kept: Tensor = (bits >= below - 2 ** (BITS - 1)).to(units.dtype)
    return units * kept.mul_(1 / (1 - below / 2**BITS))
