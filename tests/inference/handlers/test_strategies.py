"""Ready-made strategies agree with brute force over all programs, and with each other where they must."""

import math

import pyro
import pytest
import torch
from pyro.infer import Trace_ELBO

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import (
    Annealing,
    EnumeratedChoices,
    ForwardMarginals,
    Strategy,
    enumeration,
    marginal,
    marginals,
    most_probable,
    relaxed,
    strategy_named,
)
from tests.inference.tiny import READ_ONCE, READ_TWICE, REGISTERS, data

TINY = {"read_once": READ_ONCE, "read_twice": READ_TWICE, "registers": REGISTERS}


def programs_enumerated() -> Strategy:
    return Strategy(choices=EnumeratedChoices(), steps=ForwardMarginals())


def loss_of(strategy, model, guide, inputs, outputs):
    elbo = strategy.elbo(max_plate_nesting=1)
    inputs = inputs if inputs.requires_grad else inputs.clone().requires_grad_()
    return elbo.differentiable_loss(strategy(model), strategy(guide), inputs, outputs)


@pytest.mark.parametrize("name", TINY)
def test_enumerated_programs_equal_brute_force_in_loss_gradient_and_posterior(name):
    tiny = TINY[name]
    inputs, outputs = data()
    inputs.requires_grad_()
    strategy = programs_enumerated()
    guide = strategy.guide(tiny.model, inputs, outputs)
    loss = loss_of(strategy, tiny.model, guide, inputs, outputs)
    joint = tiny.log_joint(inputs, outputs)
    torch.testing.assert_close(loss, -joint.logsumexp(0))
    (mine,) = torch.autograd.grad(loss, inputs)
    (theirs,) = torch.autograd.grad(-joint.logsumexp(0), inputs)
    torch.testing.assert_close(mine, theirs)
    found = marginals(strategy, tiny.model, guide, (inputs.detach(), outputs))
    posterior = joint.detach().softmax(0)
    for site, size in tiny.sizes.items():
        exact = torch.zeros(size)
        for program, probability in zip(tiny.programs(), posterior, strict=True):
            exact[program[site]] += probability
        torch.testing.assert_close(found[site], exact.unsqueeze(0))


@pytest.mark.parametrize("name", ["read_once", "registers"])
def test_enumerated_steps_equal_forward_marginals_where_each_variable_is_read_once(name):
    tiny = TINY[name]
    inputs, outputs = data(certain=name == "registers")  # there the inputs are read twice
    exact, forward = enumeration(), programs_enumerated()
    guide = exact.guide(tiny.model, inputs, outputs)
    torch.testing.assert_close(
        loss_of(exact, tiny.model, guide, inputs, outputs),
        loss_of(forward, tiny.model, guide, inputs, outputs),
    )


def test_forward_marginals_miss_by_a_known_gap_where_a_variable_is_read_twice():
    inputs, outputs = torch.tensor([[0.5, 0.5, 0.0, 0.0]]), torch.tensor([2])
    decided = {"by": torch.tensor([1.0, 0.0, 0.0])}
    model = pyro.poutine.condition(READ_TWICE.model, data=decided)
    # x is 0 or 1, so x + x is 0 or 2, evenly. Forward marginals add two independent copies: 0, 1, 2 with
    # 1/4, 1/2, 1/4.
    for strategy, probability in ((enumeration(), 0.5), (programs_enumerated(), 0.25)):
        guide = strategy.guide(model, inputs, outputs)
        loss = loss_of(strategy, model, guide, inputs, outputs)
        expected = -math.log(0.99 * probability + 0.01 / 4) - math.log(1 / 3)
        assert float(loss.detach()) == pytest.approx(expected)


def test_the_most_probable_program_is_a_joint_mode_not_one_of_marginals():
    # Both (left, right) = (0, 1) and (1, 0) explain x + mirror(x) = 3; (0, 0) and (1, 1) do not.
    inputs, _ = data(certain=True)
    outputs = torch.full((len(inputs),), 3)
    strategy = enumeration()
    guide = strategy.guide(REGISTERS.model, inputs, outputs)
    found = most_probable(strategy, REGISTERS.model, guide, (inputs, outputs))
    program = {site: int(integers[0]) for site, integers in found.items()}
    best = REGISTERS.log_joint(inputs, outputs).max()
    mine = REGISTERS.log_likelihood(program, inputs, outputs) - math.log(12)
    assert program["left"] != program["right"]
    torch.testing.assert_close(mine, best)


@pytest.mark.parametrize("kl", [0.0, 0.3, 1.0])
def test_marginal_is_the_likelihood_at_the_mean_minus_the_weighted_kl(kl):
    inputs, outputs = data()
    strategy = marginal(kl=kl)
    guide = strategy.guide(READ_ONCE.model, inputs, outputs)
    q = guide.probabilities()
    by, flip = q["by"], q["flip"]
    moved = torch.zeros(len(inputs), 4)
    for b in range(3):
        for x in range(4):
            moved[:, (x + b) % 4] += by[b] * inputs[:, x]
    turned = flip[0] * moved + flip[1] * moved.flip(-1)
    likelihood = (0.99 * turned[range(len(outputs)), outputs] + 0.0025).log().sum()
    divergence = sum((p * (p * len(p)).log()).sum() for p in (by, flip))
    torch.testing.assert_close(
        loss_of(strategy, READ_ONCE.model, guide, inputs, outputs), kl * divergence - likelihood
    )


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("make", [marginal, relaxed, lambda: relaxed(0.1, hard=True)])
def test_strategies_agree_at_decided_choices(name, make):
    tiny = TINY[name]
    inputs, outputs = data()
    strategy = make()
    guide = strategy.guide(tiny.model, inputs, outputs)
    for program in tiny.programs():
        for site, logits in guide.logits().items():
            logits.fill_(-200.0)[program[site]] = 200.0
        loss = loss_of(strategy, tiny.model, guide, inputs, outputs)
        prior = math.log(math.prod(tiny.sizes.values()))
        expected = prior - tiny.log_likelihood(program, inputs, outputs)
        torch.testing.assert_close(loss.detach(), expected, rtol=1e-6, atol=1e-6)


def test_relaxed_samples_tend_to_programs_drawn_from_the_guide_as_the_temperature_falls():
    # The mean loss over samples at a low temperature is the expectation over programs. 2,000 samples; the
    # bound is five standard errors, so that a right implementation fails less than once in a million.
    inputs, outputs = data()
    strategy = relaxed(0.01)
    guide = strategy.guide(READ_ONCE.model, inputs, outputs)
    q = guide.probabilities()
    logq = torch.stack([q["by"][p["by"]] * q["flip"][p["flip"]] for p in READ_ONCE.programs()]).log()
    losses_of_programs = logq - READ_ONCE.log_joint(inputs, outputs)
    expected = (logq.exp() * losses_of_programs).sum()
    with torch.no_grad():
        samples = [loss_of(strategy, READ_ONCE.model, guide, inputs, outputs) for _ in range(2000)]
    losses = torch.stack(samples)
    error = losses.std() / math.sqrt(len(losses))
    # Samples between programs are rare at this temperature but there are some: their bias is below 0.05.
    assert abs(float(losses.mean() - expected)) < 5 * float(error) + 0.05


def test_a_guide_of_enumerated_choices_gives_the_exact_expectation_under_it():
    inputs, outputs = data()
    strategy = programs_enumerated()
    guide = marginal().guide(READ_ONCE.model, inputs, outputs)  # has the sites, unlike strategy.guide's
    q = guide.probabilities()
    logq = torch.stack([q["by"][p["by"]] * q["flip"][p["flip"]] for p in READ_ONCE.programs()]).log()
    expected = (logq.exp() * (logq - READ_ONCE.log_joint(inputs, outputs))).sum()
    torch.testing.assert_close(loss_of(strategy, READ_ONCE.model, guide, inputs, outputs), expected)


def test_choices_are_mixed_by_site():
    inputs, outputs = data()
    strategy = marginal(sites={"flip": EnumeratedChoices()})
    guide = strategy.guide(READ_ONCE.model, inputs, outputs)
    assert set(guide.sites) == {"by"}
    by = guide.probabilities()["by"]
    terms = []
    for flip in range(2):
        fixed = {"flip": torch.eye(2)[flip]}
        model = pyro.poutine.condition(READ_ONCE.model, data=fixed)
        inner = marginal(kl=0.0)
        loss = Trace_ELBO().differentiable_loss(inner(model), inner(guide), inputs, outputs)
        terms.append(-loss)  # a conditioned choice keeps its log-prior in the loss
    divergence = (by * (by * 3).log()).sum()
    expected = divergence - torch.stack(terms).logsumexp(0)
    torch.testing.assert_close(loss_of(strategy, READ_ONCE.model, guide, inputs, outputs), expected.detach())


def test_unknown_strategies_and_temperatures_are_refused():
    with pytest.raises(UsageError, match=r"strategy: expected one of marginal, fmgd, relaxed.* got 'mcmc'"):
        strategy_named("mcmc")
    with pytest.raises(UsageError, match=r"expected a temperature above 0, got 0"):
        relaxed(0.0)
    with pytest.raises(UsageError, match="at least 1 step"):
        Annealing(1.0, 0.5, 0)
