"""Dropout: each unit by itself with its probability, the rest scaled, drawn from torch's random state."""

import math

import pytest
import torch

from ntpt_pyro.errors import RangeError
from ntpt_pyro.language.dropout import dropped

UNITS = 200_000
FAR = 6.0
"""Standard deviations: a test of one share fails by chance once in 5e8 times."""


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9])
def test_units_are_dropped_with_their_probability_and_the_rest_scaled(share):
    torch.manual_seed(0)
    found = dropped(torch.full((UNITS // 8, 8), 3.0), share)
    gone = (found == 0).double()
    spread = math.sqrt(share * (1 - share))
    assert abs(gone.mean() - share) < FAR * spread / math.sqrt(UNITS) + 2**-17
    for place in range(1, 8):  # neighbours of one random number too are independent
        together = (gone[:, 0] * gone[:, place]).mean()
        assert abs(together - share**2) < FAR * share / math.sqrt(UNITS // 8) + 2**-16
    torch.testing.assert_close(found[found != 0].unique(), torch.tensor([3 / (1 - share)]), rtol=1e-3, atol=0)


def test_the_gradient_is_that_of_the_units_that_are_kept():
    units = torch.rand(5, 7, dtype=torch.float64).add(1).requires_grad_()
    found = dropped(units, 0.5)
    found.sum().backward()
    torch.testing.assert_close(units.grad, (found / units).detach())
    assert set(units.grad.flatten().tolist()) == {0.0, 2.0}


def test_the_same_random_state_drops_the_same_and_moves_on():
    torch.manual_seed(1)
    first, second = dropped(torch.ones(99), 0.5), dropped(torch.ones(99), 0.5)
    torch.manual_seed(1)
    assert torch.equal(dropped(torch.ones(99), 0.5), first)
    assert not torch.equal(first, second)


def test_none_all_and_no_units():
    units = torch.rand(4)
    assert dropped(units, 0.0) is units
    assert torch.equal(dropped(units, 1.0), torch.zeros(4))
    assert dropped(torch.ones(0, 3), 0.5).shape == (0, 3)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_that_is_no_probability(share):
    with pytest.raises(RangeError, match="dropout: expected a share from 0 to 1, got "):
        dropped(torch.ones(3), share)
