"""Guides of one's own in a training: functions, Pyro's automatic ones, and other latents beside choices."""

import copy
import pickle

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer.autoguide import AutoGuideList, AutoMultivariateNormal, AutoNormal

from ntpt_pyro import choice, observe
from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference import Restarts, enumeration, fit, marginal, relaxed
from ntpt_pyro.language.sites import guide_choice
from tests.inference.tiny import REGISTERS, data
from tests.inference.with_pyro.hybrid import exact, examples, shifted


def guide_of_line(x, y):
    guide_choice("line", pyro.param("line_logits", torch.zeros(2)))


def guide_of_both(x, y):
    guide_of_line(x, y)
    scale = pyro.param("scale", torch.tensor(0.1), constraint=dist.constraints.positive)
    pyro.sample("shift", dist.Normal(pyro.param("location", torch.tensor(0.0)), scale))


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize("strategy", [marginal(), relaxed(), enumeration()], ids=repr)
def test_a_model_with_another_latent_is_trained_end_to_end(strategy, restarts):
    x, y = examples()
    state = fit(shifted, (x, y), strategy=strategy, restarts=restarts, steps=300, seed=1)
    mean, deviation, _ = exact(x, y)
    found = state.guide.latents.median(x, y)["shift"]
    assert found.shape == (restarts, 1)
    if strategy.choices.enumerates is None:
        right = state.guide.probabilities()["line"][:, 0].argmax(-1) == 0
        assert right.any()
        found = found[right]
    assert ((found - mean[0]).abs() < 4 * deviation).all()


def test_the_prior_of_another_latent_weighs_as_much_as_a_batch_is_of_the_data():
    """So that a small batch ends where all data together do."""
    x, y = examples(count=6)
    mean, deviation, _ = exact(x, y)
    schedule = [pyro.optim.ExponentialLR, {"optimizer": torch.optim.Adam, "gamma": 0.99}]
    decided = poutine.condition(shifted, data={"line": torch.tensor([1.0, 0.0])})
    for batch_size in (2, None):
        kind, options = schedule
        optimiser = kind({**options, "optim_args": {"lr": 0.1}})
        state = fit(decided, (x, y), steps=500, batch_size=batch_size, optimiser=optimiser)
        (scale,) = (v for name, v in state.parameters.items() if "scales" in name)
        assert float(state.guide.latents.median()["shift"]) == pytest.approx(float(mean[0]), abs=0.1)
        assert float(scale) == pytest.approx(float(deviation), rel=0.3)


def test_a_function_is_a_guide():
    x, y = examples()
    mean, deviation, _ = exact(x, y)
    one = fit(shifted, (x, y), guide=guide_of_both, steps=300)
    assert set(one.parameters) == {"line_logits", "scale", "location"}
    assert int(one.parameters["line_logits"].argmax()) == 0
    assert abs(float(one.parameters["location"] - mean[0])) < 4 * float(deviation)
    assert not list(pyro.get_param_store())
    three = fit(shifted, (x, y), guide=guide_of_both, steps=3, restarts=3)
    assert three.parameters["line_logits"].shape == (2,)  # the same for all restarts


def test_a_function_may_have_parameters_of_each_restart():
    def guide(x, y):
        with pyro.plate("restarts", 3, dim=-2):
            guide_choice("line", pyro.param("logits", lambda: torch.randn(3, 1, 2)))
            location = pyro.param("locations", torch.zeros(3, 1))
            pyro.sample("shift", dist.Normal(location, 0.1))

    state = fit(shifted, examples(), guide=guide, steps=200, restarts=3)
    assert state.parameters["logits"].shape == (3, 1, 2)
    assert len(set(state.parameters["locations"].flatten().tolist())) == 3


def test_a_state_of_a_function_goes_on():
    whole = fit(shifted, examples(), guide=guide_of_both, steps=6)
    kept = []
    fit(
        shifted,
        examples(),
        guide=guide_of_both,
        steps=3,
        callbacks=[lambda one: kept.append(one.get_state()) or None],
    )
    again = fit(shifted, examples(), guide=guide_of_both, steps=0)
    again.set_state(copy.deepcopy(kept[-1]))
    for name, value in again.parameters.items():
        assert not torch.equal(value, whole.parameters[name]) or name == "scale"


def test_automatic_guides_are_guides():
    x, y = examples()
    guide = AutoGuideList(shifted)
    guide.append(guide_of_line)
    guide.append(AutoNormal(poutine.block(shifted, expose=["shift"])))
    state = fit(shifted, (x, y), guide=guide, steps=300)
    mean, deviation, _ = exact(x, y)
    assert abs(float(guide[1].median(x, y)["shift"] - mean[0])) < 4 * float(deviation)
    assert state.guide is guide


def test_the_automatic_guide_of_other_latents_may_be_another_kind():
    guide = marginal().guide(shifted, *examples(), latents=AutoMultivariateNormal)
    assert isinstance(guide.latents, AutoMultivariateNormal)
    assert guide.covered == {"line", "shift"}
    fit(shifted, examples(), guide=guide, steps=2)


def test_guides_of_other_latents_are_copied_and_pickled():
    strategy = marginal()
    guide = strategy.guide(shifted, *examples())
    for twin in (copy.deepcopy(guide), pickle.loads(pickle.dumps(guide))):
        pyro.set_rng_seed(0)
        wanted = strategy.elbo().loss(strategy(shifted), strategy(guide), *examples())
        pyro.set_rng_seed(0)
        assert strategy.elbo().loss(strategy(shifted), strategy(twin), *examples()) == wanted
        assert not {id(one) for one in twin.parameters()} & {id(one) for one in guide.parameters()}


@pytest.mark.parametrize(
    ("guide", "message"),
    [
        (
            guide_of_line,
            "latent 'shift', a Normal: expected a guide of it, got a guide without it; leave the",
        ),
        (lambda x, y: None, "choice 'line': expected a guide of it, got a guide without it"),
        (lambda x, y: (guide_of_both(x, y), guide_choice("lime", torch.zeros(2))), "guide of site 'lime'"),
        (3, "guide: expected a guide that a strategy made, one of Pyro's, or a function .*, got int"),
    ],
)
def test_a_guide_that_does_not_fit_is_refused_before_anything_is_learned(guide, message):
    def learned(training):
        raise AssertionError

    with pytest.raises((SiteError, UsageError), match=message):
        fit(shifted, examples(), guide=guide, callbacks=[learned])


def test_a_guide_of_another_number_of_restarts_is_refused():
    guide = marginal().guide(Restarts(2)(REGISTERS.model), *data())
    with pytest.raises(UsageError, match=r"guide: expected a guide of 3 restarts, got one of 2; make it by"):
        fit(REGISTERS.model, data(), guide=guide, restarts=3)
    with pytest.raises(UsageError, match=r"got one of 1"):
        fit(REGISTERS.model, data(), guide=marginal().guide(REGISTERS.model, *data()), restarts=3)


def test_a_discrete_latent_and_one_of_each_example_have_no_automatic_guide():
    def discrete(x, y=None):
        line = choice("line", 8)
        pyro.sample("which", dist.Categorical(torch.ones(3)))
        with pyro.plate("examples", len(x)):
            observe("out", line, x)

    def of_each(x, y=None):
        line = choice("line", 8)
        with pyro.plate("examples", len(x)):
            pyro.sample("z", dist.Normal(0.0, 1.0))
            observe("out", line, x)

    with pytest.raises(
        SiteError, match=r"latents which: expected latents that AutoNormal can take, continuous"
    ):
        fit(discrete, (torch.arange(8),))
    with pytest.raises(SiteError, match=r"latent 'z': expected a latent outside of the plate of examples"):
        fit(of_each, (torch.arange(8),))


def test_some_restarts_of_a_guide_of_other_latents_cannot_be_taken():
    guide = marginal().guide(Restarts(2)(shifted), *examples())
    with pytest.raises(UsageError, match=r"expected a guide of choices alone.*got one of shift too"):
        guide.take(torch.tensor([0]))


def test_a_latent_in_a_plate_of_its_own_wants_all_the_data_in_each_step():
    def model(x, y=None):
        line = choice("line", 2)
        with pyro.plate("kinds", 2):
            pyro.sample("shifts", dist.Normal(0.0, 2.0))
        with pyro.plate("examples", len(x)):
            observe("out", line, x % 2)

    data = torch.ones(40, dtype=torch.long), torch.zeros(40)
    with pytest.raises(
        SiteError, match=r"latent 'shifts': expected a latent outside of plates.*'kinds' of 2"
    ):
        fit(model, data, steps=1)
    state = fit(model, data, batch_size=None, steps=300)
    (scale,) = (value for name, value in state.parameters.items() if "scales" in name)
    assert float(scale.mean()) == pytest.approx(2.0, rel=0.3)  # of the prior: nothing is known of them


def test_a_latent_of_each_example_may_have_a_guide_that_reads_the_examples():
    def model(x, y=None):
        line = choice("line", 2)
        with pyro.plate("examples", len(x)):
            pyro.sample("z", dist.Normal(0.0, 1.0))
            observe("out", line, x % 2)

    def guide(x, y=None):
        guide_of_line(x, y)
        with pyro.plate("examples", len(x)):
            scale = pyro.param("spread", torch.tensor(0.3), constraint=dist.constraints.positive)
            pyro.sample("z", dist.Normal(pyro.param("slope", torch.tensor(1.0)) * x, scale))

    data = torch.ones(40, dtype=torch.long), torch.zeros(40)
    state = fit(model, data, guide=guide, batch_size=8, steps=400)
    assert float(state.parameters["spread"]) == pytest.approx(1.0, rel=0.2)
    assert abs(float(state.parameters["slope"])) < 0.3
