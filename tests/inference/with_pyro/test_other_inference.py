"""The rest of Pyro's inference: prediction, marginals, importance sampling, automatic guides, NUTS."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import MCMC, NUTS, SVI, Importance, Predictive, TraceEnum_ELBO, infer_discrete
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiscreteParallel,
    AutoGuideList,
    AutoMultivariateNormal,
    AutoNormal,
)

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference import (
    EnumeratedChoices,
    ForwardMarginals,
    Strategy,
    enumeration,
    fit,
    marginal,
    relaxed,
)
from tests.inference.tiny import READ_ONCE, REGISTERS, data
from tests.inference.with_pyro.hybrid import exact, examples, shifted

DRAWS = 1000
"""Programs drawn, of 6 and 12: shares of them are known to 0.016 at worst."""


def posterior(tiny):
    """By site the marginals, from all programs one by one."""
    weights = tiny.log_joint(*data()).softmax(0)
    found = {site: torch.zeros(size, dtype=torch.float64) for site, size in tiny.sizes.items()}
    for program, weight in zip(tiny.programs(), weights, strict=True):
        for site, integer in program.items():
            found[site][integer] += weight
    return found


@pytest.mark.parametrize(
    "strategy", [enumeration(), Strategy(choices=EnumeratedChoices(), steps=ForwardMarginals())]
)
def test_compute_marginals_gives_the_posterior(strategy):
    guide = strategy.guide(READ_ONCE.model, *data())
    elbo = TraceEnum_ELBO(max_plate_nesting=1)
    found = elbo.compute_marginals(strategy(READ_ONCE.model), strategy(guide), *data())
    for site, probabilities in posterior(READ_ONCE).items():
        torch.testing.assert_close(found[site].probs, probabilities, atol=1e-6, rtol=0)
    if "moved" in found:  # a step that is enumerated has marginals too
        assert found["moved"].probs.shape == (5, 4)
        torch.testing.assert_close(found["moved"].probs.sum(-1), torch.ones(5, dtype=torch.float64))


@pytest.mark.parametrize("tiny", [READ_ONCE, REGISTERS])
def test_importance_sampling_finds_the_posterior_of_programs(tiny):
    """Programs are drawn from the guide, and steps are at their marginals given a program."""
    pyro.set_rng_seed(0)
    guide = marginal().guide(tiny.model, *data(), init_scale=0.5)
    sampler = Importance(ForwardMarginals()(tiny.model), guide, num_samples=DRAWS).run(*data())
    weights = sampler.get_normalized_weights()
    for site, probabilities in posterior(tiny).items():
        drawn = torch.stack([trace.nodes[site]["value"] for trace in sampler.exec_traces])
        torch.testing.assert_close((weights[:, None] * drawn).sum(0), probabilities, atol=0.08, rtol=0)


def test_importance_sampling_of_what_is_enumerated_is_refused():
    strategy = enumeration()
    guide = strategy.guide(READ_ONCE.model, *data())
    with pytest.raises(UsageError, match="enumerated site 'by': expected an objective that sums over it"):
        Importance(strategy(READ_ONCE.model), strategy(guide), num_samples=2).run(*data())


@pytest.mark.parametrize("strategy", [None, marginal(), relaxed(0.5)])
def test_predictive_draws_programs_and_results(strategy):
    guide = marginal().guide(READ_ONCE.model, *data())
    guide.believe({"by": torch.tensor([0.0, 0.0, 1.0]), "flip": torch.tensor([1.0, 0.0])}, least=1e-12)
    model = READ_ONCE.model if strategy is None else strategy(READ_ONCE.model)
    guided = guide if strategy is None else strategy(guide)
    inputs = torch.eye(4, dtype=torch.float64)
    drawn = Predictive(model, guide=guided, num_samples=300)(inputs)
    right = drawn["out"].reshape(300, 4) == (torch.arange(4) + 2) % 4
    assert right.double().mean() > 0.95  # a label in 100 is drawn uniformly


@pytest.mark.parametrize("make", [marginal, relaxed, enumeration])
@pytest.mark.parametrize("kind", [AutoNormal, AutoDelta, AutoMultivariateNormal])
def test_an_automatic_guide_does_not_take_a_choice_for_a_number(make, kind):
    with pytest.raises(
        SiteError, match=r"choice or step: expected a guide of choices.*poutine\.block\(model"
    ):
        kind(make()(shifted))(*examples())


@pytest.mark.parametrize("kind", [AutoNormal, AutoDelta, AutoMultivariateNormal])
def test_automatic_guides_stand_beside_choices_in_a_list(kind):
    strategy, (x, y) = marginal(), examples()
    guide = AutoGuideList(shifted)
    guide.append(strategy.guide(poutine.condition(shifted, data={"shift": torch.tensor(0.0)}), x, y))
    guide.append(kind(poutine.block(shifted, expose=["shift"])))
    adam = pyro.optim.Adam({"lr": 0.05})
    svi = SVI(strategy(shifted), strategy(guide), adam, strategy.elbo())
    for _ in range(300):
        svi.step(x, y)
    mean, deviation, _ = exact(x, y)
    assert abs(float(guide[1].median(x, y)["shift"] - mean[0])) < 3 * float(deviation)
    state = fit(shifted, (x, y), guide=guide, steps=5)
    assert {"line", "shift"} == set(state._given.covered)


def test_discrete_tools_that_know_no_one_hot_sites_say_so():
    model = enumeration()(READ_ONCE.model)
    with pytest.raises(NotImplementedError, match="OneHot is not supported"):
        AutoDiscreteParallel(model)(*data())
    message = "enumerated site 'by': expected a posterior that programs are drawn from, got infer_discrete"
    with pytest.raises(UsageError, match=message):
        infer_discrete(model, first_available_dim=-2)(*data())


@pytest.mark.parametrize("make", [marginal, relaxed])
def test_nuts_refuses_choices_inside_the_simplex(make):
    kernel = NUTS(make()(shifted), max_plate_nesting=1)
    with pytest.raises(SiteError, match=r"HMC or NUTS.*run HMC on enumeration\(\)\(model\)"):
        MCMC(kernel, num_samples=2, disable_progbar=True).run(*examples())


def test_nuts_draws_continuous_latents_with_choices_summed_out():
    x, y = examples(count=8)
    mcmc = MCMC(
        NUTS(enumeration()(shifted), max_plate_nesting=1),
        num_samples=150,
        warmup_steps=60,
        disable_progbar=True,
    )
    mcmc.run(x, y)
    drawn = mcmc.get_samples()["shift"]
    mean, deviation, _ = exact(x, y)
    # The other line would need a shift of 2.4, which is 4 deviations off what the data say of it.
    assert abs(float(drawn.mean() - mean[0])) < 0.5 * float(deviation)
    assert float(drawn.std()) == pytest.approx(float(deviation), rel=0.4)
