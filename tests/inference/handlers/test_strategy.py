"""What a strategy promises as a Pyro handler, whatever it does to the sites."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI
from pyro.poutine.runtime import _PYRO_STACK

from ntpt_pyro import choice, constant, observe, var
from ntpt_pyro.errors import RangeError, SiteError
from ntpt_pyro.inference import (
    Annealing,
    EnumeratedChoices,
    MeanChoices,
    RelaxedChoices,
    enumeration,
    marginal,
    relaxed,
)
from tests.inference.tiny import READ_ONCE, data

STRATEGIES = {
    "marginal": marginal,
    "relaxed": relaxed,
    "hard": lambda: relaxed(0.5, hard=True),
    "enumeration": enumeration,
    "mixed": lambda: marginal(sites={"flip": RelaxedChoices(0.3)}),
    "by predicate": lambda: marginal(sites=lambda name: RelaxedChoices() if name == "by" else None),
}


def traced(fn, *args):
    pyro.set_rng_seed(1)
    trace = poutine.trace(fn).get_trace(*args)
    trace.compute_log_prob()
    return {n: (s["value"], s["log_prob"]) for n, s in trace.nodes.items() if s["type"] == "sample"}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name])


@pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)
def test_three_forms_are_one(make):
    args = data()

    def within(*args):
        with make():
            return READ_ONCE.model(*args)

    @make()
    def decorated(*args):
        return READ_ONCE.model(*args)

    assert_same(traced(within, *args), traced(decorated, *args))
    assert_same(traced(within, *args), traced(make()(READ_ONCE.model), *args))


@pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)
def test_an_instance_can_be_used_again(make):
    strategy, args = make(), data()
    model = strategy(READ_ONCE.model)
    assert_same(traced(model, *args), traced(model, *args))


@pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)
def test_nothing_stays_installed_after_an_exception(make):
    def broken():
        choice("by", 3)
        raise KeyError("user code")

    with pytest.raises(KeyError):
        make()(broken)()
    assert not _PYRO_STACK


@pytest.mark.parametrize("make", STRATEGIES.values(), ids=STRATEGIES)
def test_condition_decides_a_choice_inside_and_outside(make):
    args = data()
    fixed = {"by": torch.tensor([0.0, 1.0, 0.0])}
    inside = traced(make()(poutine.condition(READ_ONCE.model, data=fixed)), *args)
    outside = traced(poutine.condition(make()(READ_ONCE.model), data=fixed), *args)
    torch.testing.assert_close(inside["by"][0], fixed["by"])
    torch.testing.assert_close(outside["by"][0], fixed["by"])


@pytest.mark.parametrize("make", [marginal, relaxed])
def test_replay_gives_the_model_the_guides_values(make):
    args, strategy = data(), make()
    guide = strategy.guide(READ_ONCE.model, *args)
    guided = poutine.trace(strategy(guide)).get_trace(*args)
    replayed = poutine.trace(poutine.replay(strategy(READ_ONCE.model), guided)).get_trace(*args)
    for site in READ_ONCE.sizes:
        assert replayed.nodes[site]["value"] is guided.nodes[site]["value"]


def test_strategies_can_be_used_with_bare_svi_on_one_unedited_model():
    inputs, _ = data(certain=True)
    outputs = (inputs.argmax(-1) + 2) % 4  # by = 2, flip = 0, or nothing else
    for make in (marginal, relaxed, enumeration):
        pyro.clear_param_store()
        strategy = make()
        guide = strategy.guide(READ_ONCE.model, inputs, outputs)
        adam = pyro.optim.Adam({"lr": 0.1})
        svi = SVI(strategy(READ_ONCE.model), strategy(guide), adam, strategy.elbo(max_plate_nesting=1))
        losses = [svi.step(inputs, outputs) for _ in range(150)]
        if make is enumeration:
            assert not guide.sites
            assert losses[0] == pytest.approx(losses[-1])  # exact from the start: nothing to learn
        else:
            found = {site: int(q.argmax()) for site, q in guide.probabilities().items()}
            assert found == {"by": 2, "flip": 0}


def test_a_name_used_twice_is_one_clear_error():
    def twice():
        choice("by", 3)
        choice("by", 3)

    def step_twice():
        var("x", constant(0, 2))
        var("x", constant(0, 2))

    for model in (twice, step_twice):
        with pytest.raises(SiteError, match=r"site '(by|x)': expected a name used once .* got a second use"):
            marginal()(model)()
    with pytest.raises(SiteError, match="'by'"):
        marginal().guide(twice)


def test_errors_survive_pyros_trace_as_one_line_with_their_parts():
    def wrong():
        observe("out", constant(0, 2), torch.tensor([5]))

    with pytest.raises(RangeError) as caught:
        poutine.trace(marginal()(wrong)).get_trace()
    assert "\n" not in str(caught.value)
    assert caught.value.where == "observed site 'out'"
    assert caught.value.got == "5"


def test_a_treatment_for_an_unknown_site_is_refused():
    strategy = marginal(sites={"instr_1": MeanChoices()})
    with pytest.raises(SiteError, match=r"strategy for site 'instr_1': expected one of by, flip, moved"):
        strategy.guide(READ_ONCE.model, *data())


def test_annealing_reaches_treatments_of_single_sites():
    schedule = RelaxedChoices(Annealing(2.0, 0.5, 100))
    named = marginal(sites={"by": schedule}).at(100)
    chosen = marginal(sites=lambda name: schedule if name == "by" else None).at(100)
    for strategy in (named, chosen):
        assert strategy.treatment_of("by", "choice")._now == pytest.approx(0.5)
        assert isinstance(strategy.treatment_of("flip", "choice"), MeanChoices)


def test_annealing_moves_the_temperature_and_nothing_else():
    strategy = relaxed(Annealing(2.0, 0.5, 100), kl=0.2)
    assert [strategy.at(step).choices._now for step in (0, 50, 500)] == pytest.approx([2.0, 1.0, 0.5])
    assert strategy.at(7).kl == 0.2
    assert marginal().at(7).describe() == marginal().describe()


def test_without_samples_every_choice_is_at_its_mean():
    hard = RelaxedChoices(0.5, hard=True)
    named = relaxed(sites={"by": hard}, kl=0.2).without_samples()
    chosen = marginal(sites=lambda name: hard if name == "by" else None).without_samples()
    for strategy in (named, chosen):
        for site in ("by", "flip"):
            assert isinstance(strategy.treatment_of(site, "choice"), MeanChoices)
    assert named.kl == 0.2
    enumerated = enumeration()
    assert enumerated.without_samples().choices is enumerated.choices


def test_a_strategy_is_shown_as_it_could_be_typed():
    shown = repr(marginal(kl=0.5))
    assert shown == "Strategy(choices=MeanChoices(), steps=ForwardMarginals(), kl=0.5)"
    mixed = marginal(sites={"by": RelaxedChoices(0.3)})
    assert "sites={'by': RelaxedChoices(temperature=0.3, hard=False, step=0)}" in repr(mixed)


def test_strategies_are_described_alike_only_where_they_are_alike():
    def described(treatment):
        return marginal(sites={"by": treatment}).describe()

    assert described(RelaxedChoices(0.3)) == described(RelaxedChoices(0.3))
    assert described(RelaxedChoices(0.3)) != described(EnumeratedChoices())
    assert marginal(sites=lambda name: None).describe().endswith("sites: a function")
