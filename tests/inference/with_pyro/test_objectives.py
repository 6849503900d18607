"""Every objective of Pyro's gives the right value with a strategy, or is refused."""

import warnings

import pyro
import pytest
import torch
from pyro.infer import (
    JitTrace_ELBO,
    RenyiELBO,
    ReweightedWakeSleep,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
)

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import RelaxedChoices, enumeration, marginal, relaxed
from tests.inference.tiny import READ_ONCE, data
from tests.inference.with_pyro.hybrid import exact, examples, shifted

OF_ONE_SAMPLE = {
    "Trace": Trace_ELBO,
    "TraceGraph": TraceGraph_ELBO,
    "TraceMeanField": TraceMeanField_ELBO,
    "TraceEnum": TraceEnum_ELBO,
    "Jit": JitTrace_ELBO,
}
"""Objectives that are the same where nothing is enumerated and there is one sample."""
OTHERS = {"Renyi": lambda: RenyiELBO(num_particles=2), "RWS": lambda: ReweightedWakeSleep(num_particles=2)}


@pytest.fixture
def quiet():
    """Without warnings that tracing by JIT is old, and that what is enumerated wants its objective."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", ".*torch.jit", category=FutureWarning)
        warnings.filterwarnings("ignore", "(?s).*sites configured for enumeration")
        yield


def guided(strategy):
    return strategy.guide(READ_ONCE.model, *data(), generator=torch.Generator().manual_seed(2))


def loss_and_gradient(objective, strategy, guide):
    pyro.set_rng_seed(3)
    guide.zero_grad()
    loss = objective.loss_and_grads(strategy(READ_ONCE.model), strategy(guide), *data())
    return loss, [parameter.grad.clone() for parameter in guide.parameters()]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", OF_ONE_SAMPLE)
@pytest.mark.parametrize(
    "strategy", [marginal(), marginal(kl=0.3), relaxed(0.7), relaxed(hard=True)], ids=repr
)
def test_objectives_agree_where_nothing_is_enumerated(name, strategy):
    if name == "Jit" and isinstance(strategy.choices, RelaxedChoices):
        return  # it draws once more, when it compiles
    guide = guided(strategy)
    objective = OF_ONE_SAMPLE[name](max_plate_nesting=1, strict_enumeration_warning=False)
    loss, gradient = loss_and_gradient(objective, strategy, guide)
    wanted, expected = loss_and_gradient(strategy.elbo(), strategy, guide)
    assert loss == pytest.approx(wanted)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.usefixtures("quiet")
def test_a_compiled_objective_reads_new_data_and_draws_anew():
    (inputs, outputs), other = data(), data()[0].flip(0)
    objective, strategy = JitTrace_ELBO(), marginal()
    guide = guided(strategy)
    model, guided_by = strategy(READ_ONCE.model), strategy(guide)
    for batch in ((inputs, outputs), (other, outputs)):
        wanted = Trace_ELBO().loss(model, guided_by, *batch)
        assert objective.loss(model, guided_by, *batch) == pytest.approx(wanted)
    objective, strategy = JitTrace_ELBO(), relaxed(0.7)
    losses = [objective.loss(strategy(READ_ONCE.model), strategy(guide), *data()) for _ in range(5)]
    assert len(set(losses)) == 5


def test_the_objective_at_the_mean_is_the_likelihood_minus_the_divergence():
    strategy, (inputs, outputs) = marginal(), data()
    guide = guided(strategy)
    program = {site: probabilities for site, probabilities in guide.probabilities().items()}
    fixed = pyro.poutine.condition(strategy(READ_ONCE.model), data=program)
    trace = pyro.poutine.trace(fixed).get_trace(inputs, outputs)
    trace.compute_log_prob()
    divergence = sum((q * (len(q) * q).log()).sum() for q in program.values())
    loss = Trace_ELBO().loss(strategy(READ_ONCE.model), strategy(guide), inputs, outputs)
    assert loss == pytest.approx(float(divergence - trace.nodes["out"]["log_prob"].sum()))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", [*OF_ONE_SAMPLE, *OTHERS])
def test_enumeration_needs_the_objective_that_sums(name):
    strategy = enumeration()
    model, guide = strategy(READ_ONCE.model), strategy(guided(strategy))
    objective = OTHERS[name]() if name in OTHERS else OF_ONE_SAMPLE[name](max_plate_nesting=1)
    if name == "TraceEnum":
        log_evidence = READ_ONCE.log_joint(*data()).logsumexp(0)
        assert objective.loss(model, guide, *data()) == pytest.approx(-float(log_evidence), rel=1e-5)
        assert TraceEnum_ELBO().loss(model, guide, *data()) == pytest.approx(-float(log_evidence), rel=1e-5)
        return
    message = r"enumerated site '(by|flip)': expected an objective that sums over it, TraceEnum_ELBO"
    for loss in (objective.loss, objective.loss_and_grads):
        with pytest.raises(UsageError, match=message):
            loss(model, guide, *data())


@pytest.mark.usefixtures("quiet")
def test_an_enumerated_choice_that_a_guide_covers_may_be_drawn():
    """Then Trace_ELBO is an unbiased estimate of the bound that TraceEnum_ELBO gives."""
    strategy = marginal(sites={"by": enumeration().choices, "flip": enumeration().choices})
    guide = marginal().guide(READ_ONCE.model, *data(), generator=torch.Generator().manual_seed(2))
    model, guided = strategy(READ_ONCE.model), strategy(guide)
    exact_bound = TraceEnum_ELBO(max_plate_nesting=1).loss(model, guided, *data())
    draws = torch.tensor([Trace_ELBO().loss(model, guided, *data()) for _ in range(400)])
    assert abs(float(draws.mean()) - exact_bound) < 4 * float(draws.std()) / 20  # standard errors


@pytest.mark.parametrize("make", [marginal, relaxed, enumeration])
def test_the_module_of_an_objective_has_the_parameters(make):
    strategy = make()
    guide = strategy.guide(shifted, *examples())
    module = strategy.elbo()(strategy(shifted), strategy(guide))
    assert {id(one) for one in module.parameters()} == {id(one) for one in guide.parameters()}
    assert list(module.parameters())
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = module(*examples())
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("make", [marginal, relaxed, enumeration])
def test_a_continuous_latent_beside_choices_ends_at_its_posterior(make):
    strategy, (x, y) = make(), examples()
    guide = strategy.guide(shifted, x, y)
    adam = pyro.optim.Adam({"lr": 0.05})
    svi = pyro.infer.SVI(strategy(shifted), strategy(guide), adam, strategy.elbo())
    for _ in range(400):
        svi.step(x, y)
    mean, deviation, log_evidence = exact(x, y)
    found = guide.latents.median()["shift"]
    assert abs(float(found - mean[0])) < 2 * float(deviation)  # the guide is trained by samples
    bound = -sum(svi.evaluate_loss(x, y) for _ in range(100)) / 100
    if make is not relaxed:  # whose bound is that of points inside the simplex
        assert bound == pytest.approx(log_evidence, abs=1.0)
