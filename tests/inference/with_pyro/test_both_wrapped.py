"""A strategy belongs around both the model and the guide of an objective."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI

from ntpt_pyro import observe, one_hot
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import enumeration, fit, marginal, relaxed
from tests.inference.tiny import READ_ONCE, data
from tests.inference.with_pyro.hybrid import examples, shifted

MODELS = {"with steps": (READ_ONCE.model, data), "of choices and a latent": (shifted, examples)}


def step(model, guide, strategy, given):
    return SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), strategy.elbo(max_plate_nesting=1)).step(*given)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("strategy", [marginal(), relaxed(), relaxed(hard=True)], ids=repr)
def test_one_of_both_is_refused(strategy, name):
    model, make = MODELS[name]
    given = make()
    guide = strategy.guide(model, *given)
    with pytest.raises(UsageError, match=r"got a model without it; wrap both in one strategy: SVI\("):
        step(model, strategy(guide), strategy, given)
    with pytest.raises(UsageError, match=r"got a guide without it; wrap both"):
        step(strategy(model), guide, strategy, given)
    step(strategy(model), strategy(guide), strategy, given)


def test_two_strategies_are_refused():
    guide = marginal().guide(READ_ONCE.model, *data())
    with pytest.raises(UsageError, match="expected one strategy for SVI's model and guide, got another one"):
        step(relaxed()(READ_ONCE.model), marginal()(guide), marginal(), data())


def test_a_model_with_steps_is_refused_where_neither_is_wrapped():
    guide = marginal().guide(READ_ONCE.model, *data())
    with pytest.raises(UsageError, match="got one that is drawn anew: no strategy is around the model"):
        step(READ_ONCE.model, guide, marginal(), data())


def test_a_model_to_be_enumerated_is_refused_without_its_strategy():
    strategy = enumeration()
    guide = strategy.guide(READ_ONCE.model, *data())
    with pytest.raises(UsageError, match="got one that is drawn anew"):
        step(READ_ONCE.model, strategy(guide), strategy, data())


def test_what_is_decided_softly_is_not_refused():
    strategy, soft = marginal(), torch.tensor([0.2, 0.3, 0.5])
    decided = poutine.condition(READ_ONCE.model, data={"by": soft})
    guide = strategy.guide(decided, *data())
    step(strategy(decided), strategy(guide), strategy, data())
    fit(decided, data(), steps=2)
    trace = poutine.trace(poutine.condition(READ_ONCE.model, data={"by": soft, "flip": soft[:2]}))
    assert trace.get_trace(*data()).log_prob_sum().isfinite()


def test_programs_drawn_by_hand_are_not_refused():
    guide = marginal().guide(READ_ONCE.model, *data())
    for around in (lambda fn: fn, marginal()):
        drawn = poutine.trace(around(guide)).get_trace(*data())
        replayed = poutine.trace(poutine.replay(READ_ONCE.model, trace=drawn)).get_trace(*data())
        assert replayed.nodes["by"]["value"] is drawn.nodes["by"]["value"]


def test_a_model_without_choices_needs_no_strategy():
    def model(x, y):
        with pyro.plate("examples", len(x)):
            observe("y", one_hot(x, 3), y)

    assert step(model, lambda x, y: None, marginal(), (torch.arange(3), torch.arange(3))) < 1e-3
