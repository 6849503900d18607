"""Treatments of interpreter steps, one by one and announced together."""

import pyro
import pytest
import torch
from pyro import poutine

from ntpt_pyro import var, variables
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import EnumeratedSteps, MeanChoices, enumeration, marginal
from ntpt_pyro.inference.handlers.model_sites import model_sites
from tests.inference.tiny import READ_ONCE, data


def sites_of(fn, *args):
    trace = poutine.trace(fn).get_trace(*args)
    return {name for name, site in trace.nodes.items() if site["type"] == "sample"}


def test_forward_marginals_leave_no_site_and_enumerated_steps_do():
    args = data()
    assert "moved" not in sites_of(marginal()(READ_ONCE.model), *args)
    assert "moved" in sites_of(enumeration()(READ_ONCE.model), *args)
    assert "moved" in sites_of(MeanChoices()(READ_ONCE.model), *args)


def two_steps():
    return variables({"a": torch.tensor([0.5, 0.5]), "b": torch.tensor([0.25, 0.75])})


def test_variables_are_vars_announced_together():
    with pyro.plate("batch", 50), pyro.poutine.trace() as tracer:
        found = two_steps()
    assert all((value.sum(-1) == 1).all() and (value.max(-1).values == 1).all() for value in found.values())
    assert {"a", "b"} <= set(tracer.trace.nodes)
    given = marginal()(two_steps)()
    assert given["b"].tolist() == [0.25, 0.75]
    assert model_sites(two_steps).steps == ("a", "b")


def test_variables_have_treatments_of_their_own_and_names_used_once():
    strategy = marginal(sites={"b": EnumeratedSteps()})
    with pyro.poutine.trace() as tracer:
        found = strategy(two_steps)()
    assert found["a"].tolist() == [0.5, 0.5]
    assert tracer.trace.nodes["b"]["infer"]["enumerate"] == "parallel"

    def twice():
        var("a", torch.ones(1))
        two_steps()

    for run in (marginal()(twice), strategy(twice)):
        with pytest.raises(SiteError, match="site 'a'"):
            run()
