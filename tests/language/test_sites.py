"""Sites without a strategy: a model simulates."""

import pyro
import pytest
import torch
from pyro import poutine

from ntpt_pyro import choice, constant, observe, var
from ntpt_pyro.errors import NtptError, RangeError
from ntpt_pyro.language.sites import role_of


def test_a_choice_among_one_makes_no_site_and_among_none_is_refused():
    trace = poutine.trace(lambda: choice("only", 1)).get_trace()
    assert "only" not in trace.nodes
    assert torch.equal(choice("only", 1), torch.ones(1))
    with pytest.raises(RangeError, match="none: expected a choice among at least 1, got 0; give"):
        choice("none", 0)


def test_unhandled_choices_and_steps_are_one_hot_samples_with_their_roles():
    def model():
        made = choice("made", 4)
        with pyro.plate("two", 2):
            taken = var("taken", torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        return made, taken

    trace = poutine.trace(model).get_trace()
    assert role_of(trace.nodes["made"]) == "choice"
    assert role_of(trace.nodes["taken"]) == "step"
    for site in ("made", "taken"):
        value = trace.nodes[site]["value"]
        assert (value.max(-1).values == 1).all()
        assert (value.sum(-1) == 1).all()
    assert torch.equal(trace.nodes["taken"]["value"][1], torch.tensor([1.0, 0.0]))
    assert choice("made", 4).sum() == 1  # outside any handler too


@pytest.mark.parametrize("outside", [-1, 3])
def test_an_observation_outside_its_range_is_refused(outside):
    with pytest.raises(
        RangeError, match=rf"observed site 'y': expected observations in 0\.\.2, got {outside};"
    ):
        poutine.trace(lambda: observe("y", constant(0, 3), torch.tensor([0, outside]))).get_trace()


def test_without_an_observation_one_is_drawn():
    drawn = poutine.trace(lambda: observe("y", constant(2, 3), None, noise=0.0)).get_trace()
    assert int(drawn.nodes["y"]["value"]) == 2


def test_every_error_tells_where_what_and_what_to_do():
    for kind in NtptError.__subclasses__():
        error = kind("here", expected="this", got="that", remedy="do so")
        assert str(error) == "here: expected this, got that; do so"
        assert isinstance(error, ValueError | RuntimeError)
