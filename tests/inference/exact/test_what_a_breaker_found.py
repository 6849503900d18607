"""Small models that were once answered wrongly, or with a traceback."""

import pyro
import pytest
import torch
from pyro import poutine

from ntpt_pyro import choice, constant, observe, runtime, select, step_end
from ntpt_pyro.errors import DataError, RunError, SiteError
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.inference.exact.evaluation import _keys
from tests.inference.exact.every_program import agrees, every_program

Y = torch.tensor([1, 2, 0, 0, 1])


@pytest.fixture
def x():
    return torch.eye(3)[[0, 1, 2, 0, 1]]


@runtime([3, 3], 3)
def plus(a, b):
    return (a + b) % 3


@runtime([3], 3)
def turned(a):
    return (a + 1) % 3


def nothing_decided_before(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        step_end("0")
        observe("o", plus(a, turned(a)), y, noise=0.1)


def a_choice_observed(x, y):
    a, b = choice("a", 3), choice("b", 3)
    with pyro.plate("e", len(y)):
        shifted = plus(a, x)
        step_end("1")
        observe("o", plus(shifted, b), y, noise=0.1)
        observe("p", a, y, noise=0.1)


def a_soft_constant_index(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        mixture = select(torch.tensor([0.25, 0.25, 0.5]), [a, turned(a), constant(0, 3)])
        observe("o", mixture, y, noise=0.1)


@pytest.mark.parametrize("model", [nothing_decided_before, a_choice_observed, a_soft_constant_index])
def test_it_is_as_brute_force_has_it(model, x):
    found = exact_posterior(model, (x, Y), tolerance=0)
    assert "programs that begin alike" in found.way
    agrees(found.posterior, every_program(model, (x, Y)))


def test_keys_of_many_contents_are_different():
    numbers = [torch.tensor(column).int().numpy() for column in ([0, 0], [0, 1], [2**20 + 5, 5])]
    first, second = _keys(numbers)[0]
    assert first != second


def rolled(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        observe("o", plus(a, x).roll(1, -2), y, noise=0.1)


def with_a_factor(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        observe("o", plus(a, x), y, noise=0.1)
    pyro.factor("f", torch.tensor(-2.0))


def scaled(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)), poutine.scale(scale=0.1):
        observe("o", plus(a, x), y, noise=0.1)


def masked(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)), poutine.mask(mask=torch.arange(len(y)) > 0):
        observe("o", plus(a, x), y, noise=0.1)


def subsampled(x, y):
    a = choice("a", 3)
    with pyro.plate("e", 50, subsample=torch.arange(len(y))):
        observe("o", plus(a, x), y, noise=0.1)


def outside_the_plate(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        observe("o", plus(a, x), y, noise=0.1)
    observe("q", a, torch.tensor(1), noise=0.1)


@pytest.mark.parametrize("model", [rolled, masked])
def test_examples_that_do_not_count_each_by_itself_are_refused(model, x):
    with pytest.raises(SiteError, match="expected examples that count each by itself, once"):
        exact_posterior(model, (x, Y))


def test_a_plate_that_draws_its_elements_is_refused(x):
    with pytest.raises(SiteError, match="plate 'e': expected a plate of all its elements"):
        exact_posterior(subsampled, (x, Y))


@pytest.mark.parametrize("model", [with_a_factor, outside_the_plate])
def test_what_is_observed_in_no_plate_of_the_examples_is_refused(model, x):
    with pytest.raises(SiteError, match="expected one observed in a plate over the 3 examples"):
        exact_posterior(model, (x, Y))


def plain(x, y):
    a = choice("a", 3)
    with pyro.plate("e", len(y)):
        observe("o", plus(a, x), y, noise=0.1)


def test_a_checkpoint_is_of_its_data(x, tmp_path):
    path = tmp_path / "posterior.safetensors"
    exact_posterior(plain, (x, Y), checkpoint=path)
    with pytest.raises(RunError, match=r"data=.* as before"):
        exact_posterior(plain, (x, (Y + 1) % 3), checkpoint=path)


def test_data_of_different_lengths_are_refused(x):
    with pytest.raises(DataError, match=r"the same number of examples, at least 1, got \[3, 5\]"):
        exact_posterior(plain, (x[:3], Y))


def test_values_that_are_not_finite_are_refused(x):
    x[1] = torch.nan
    with pytest.raises(DataError, match="data, number 0, example 1: expected finite numbers, got NaN"):
        exact_posterior(plain, (x, Y))
