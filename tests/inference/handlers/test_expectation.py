"""The expectation over programs as a handler."""

import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import Expectation, ForwardMarginals, exact_posterior, fit, strategy_named
from tests.inference.tiny import READ_ONCE, READ_TWICE, REGISTERS, data
from tests.inference.training.reader import problem


def loss_of(expectation, model, *args):
    return Trace_ELBO(max_plate_nesting=3).differentiable_loss(
        ForwardMarginals()(expectation(model)), lambda *_: None, *args
    )


@pytest.mark.parametrize("tiny", [READ_ONCE, READ_TWICE, REGISTERS])
def test_the_likelihood_is_the_weighted_sum_over_programs(tiny):
    args, programs = data(4), tiny.programs()
    weights = torch.rand(len(programs))
    columns = {site: torch.tensor([program[site] for program in programs]) for site in tiny.sizes}
    model = ForwardMarginals()(Expectation(columns, weights)(tiny.model))
    trace = poutine.trace(model).get_trace(*args)
    trace.compute_log_prob(lambda name, site: name == "out")
    expected = [tiny.log_likelihood(program, *args) for program in programs]
    torch.testing.assert_close(trace.nodes["out"]["log_prob"].sum(), (weights * torch.stack(expected)).sum())


@pytest.mark.parametrize("tiny", [READ_ONCE, REGISTERS])
def test_under_the_posterior_its_gradient_is_that_of_the_log_evidence(tiny):
    inputs, outputs = data(4)
    inputs.requires_grad_()
    strategy = strategy_named("enumerated-choices")
    guide = strategy.guide(tiny.model, inputs, outputs)
    loss = strategy.elbo(1).differentiable_loss(strategy(tiny.model), strategy(guide), inputs, outputs)
    (expected,) = torch.autograd.grad(loss, inputs)
    posterior = exact_posterior(tiny.model, (inputs.detach(), outputs), tolerance=0).posterior
    over_all = Expectation(posterior.columns, posterior.log_probs.exp())
    (found,) = torch.autograd.grad(loss_of(over_all, tiny.model, inputs, outputs), inputs)
    torch.testing.assert_close(found, expected)


def test_a_choice_that_is_not_decided_is_named():
    with pytest.raises(SiteError, match="choice 'flip': expected one of by, which the programs decide"):
        Expectation({"by": torch.tensor([0])}, torch.ones(1))(READ_ONCE.model)(*data())


def test_an_expectation_leaves_nothing_to_a_guide():
    model, library, examples = problem()
    one = Expectation({"flip": torch.tensor([0])}, torch.ones(1))
    state = fit(one(model), examples, library=library, steps=300, library_lr=1e-2)
    assert not list(state.guide.parameters())
    assert state.losses[-1] < 0.5 * state.losses[0]
