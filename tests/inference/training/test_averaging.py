"""Averages of weights."""

import pytest
import torch

from ntpt_pyro.inference import follow


def test_an_average_of_weights_is_the_mean_at_first_and_then_follows():
    average, weights = [torch.zeros(2)], [torch.ones(2)]
    follow(average, weights, 0, decay=0.0)
    assert torch.equal(average[0], weights[0])
    follow(average, [torch.zeros(2)], 0, decay=0.99)  # 1 / 10 stays
    torch.testing.assert_close(average[0], torch.full((2,), 0.1))
    average = [torch.zeros(2)]
    for updates in range(5000):
        follow(average, weights, updates, decay=0.999)
    assert torch.allclose(average[0], weights[0], atol=1e-2)
    follow(average, [torch.zeros(2)], 10**6, decay=0.999)
    assert float(average[0][0]) == pytest.approx(0.999, abs=1e-2)
