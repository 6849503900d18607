"""Readings that are not finite stop a search, by the example's number."""

import math

import pyro
import pytest
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, select
from ntpt_pyro.errors import DataError, DivergenceError
from ntpt_pyro.inference import ProgramSolver, exact_posterior, expectation_maximisation
from ntpt_pyro.language.given_data import BATCH


@learn([Tensor(2)], 3)
def see(image):
    """A symbol."""


LIBRARY = Library([see])


def model(images, y=None):
    which = choice("which", 2)
    with pyro.plate("examples", len(images)):
        read = LIBRARY["see"](images)  # [examples, 2, 3]
        observe("y", select(which, read), y)


def examples(count):
    return torch.rand(count, 2, 2), torch.zeros(count, dtype=torch.int64)


ENTRIES = {
    "exact posterior": exact_posterior,
    "solver": ProgramSolver,
    "exact posterior of EM": lambda model, data: expectation_maximisation(model, data, data, library=LIBRARY),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_weights_that_are_not_finite_are_named_with_the_first_example(entry):
    before = LIBRARY["see"].bias_0.detach().clone()
    with torch.no_grad():
        LIBRARY["see"].bias_0.fill_(math.nan)
    try:
        with pytest.raises(DivergenceError, match="function 'see', example 0: expected finite readings"):
            ENTRIES[entry](model, examples(4))
    finally:
        with torch.no_grad():
            LIBRARY["see"].bias_0.copy_(before)


def test_an_example_far_down_is_named_by_its_number():
    images, y = examples(BATCH + 9)
    images[BATCH + 7] = 3e38  # finite, and too large for the network's sums
    with torch.no_grad():
        LIBRARY["see"].weight_0.copy_(torch.tensor([[2.0, -2.0, 2.0], [2.0, -2.0, 2.0]]))
    with pytest.raises(DivergenceError, match=f"example {BATCH + 7}: expected finite readings"):
        exact_posterior(model, (images, y))


@pytest.mark.parametrize("entry", ENTRIES)
def test_data_that_are_not_finite_are_named(entry):
    images, y = examples(4)
    images[2, 0, 1] = math.nan
    with pytest.raises(DataError, match="data, number 0, example 2: expected finite numbers, got NaN"):
        ENTRIES[entry](model, (images, y))
