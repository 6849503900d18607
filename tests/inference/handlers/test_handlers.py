"""What a strategy promises as a Pyro handler, whatever it does to the sites."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI
from pyro.poutine.runtime import _PYRO_STACK

from ntpt_pyro import choice, constant, observe, switch, var, variables
from ntpt_pyro.errors import BudgetError, RangeError, SiteError, UsageError
from ntpt_pyro.inference import (
    Annealing,
    EnumeratedChoices,
    EnumeratedSteps,
    MeanChoices,
    RelaxedChoices,
    Strategy,
    enumeration,
    marginal,
    relaxed,
    strategy_named,
)
from ntpt_pyro.inference.handlers.model_sites import model_sites
from tests.inference.tiny import READ_ONCE, REGISTERS, data

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


def test_forward_marginals_leave_no_site_and_enumerated_steps_do():
    args = data()
    assert "moved" not in traced(marginal()(READ_ONCE.model), *args)
    assert "moved" in traced(enumeration()(READ_ONCE.model), *args)
    assert "moved" in traced(MeanChoices()(READ_ONCE.model), *args)


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


def test_unknown_strategies_and_temperatures_are_refused():
    with pytest.raises(UsageError, match=r"strategy: expected one of marginal, fmgd, relaxed.* got 'mcmc'"):
        strategy_named("mcmc")
    with pytest.raises(UsageError, match=r"expected a temperature above 0, got 0"):
        relaxed(0.0)
    with pytest.raises(UsageError, match="at least 1 step"):
        Annealing(1.0, 0.5, 0)


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


class TestBudget:
    def test_too_many_programs_are_refused_before_any_is_run(self):
        ran = []

        def model(xs):
            sizes = [choice(f"c{n}", 10) for n in range(9)]
            ran.append(sizes[0].shape)
            with pyro.plate("examples", len(xs), dim=-1):
                observe("out", sizes[0], xs)

        with pytest.raises(
            BudgetError, match=r"c0 \(10\).*c8 \(10\).*got 4,000,000,000; .*relax the choices"
        ):
            enumeration().guide(model, torch.zeros(4, dtype=torch.long))
        assert ran == [(10,)]  # once, under forward marginals

    def test_more_dimensions_than_torch_has_are_refused(self):
        def model():
            for n in range(70):
                choice(f"c{n}", 2)

        with pytest.raises(BudgetError, match="at most 64 tensor dimensions, got 71"):
            enumeration(max_cells=2**100).guide(model)

    def test_as_context_manager_the_limit_holds_without_a_guide(self):
        def model():
            for n in range(9):
                choice(f"c{n}", 10)

        with pytest.raises(BudgetError, match=r"enumeration of c0 \(10\), c1 \(10\)"):
            enumeration(max_cells=1000)(model)()

    def test_steps_are_counted_by_what_they_depend_on(self):
        def chain(length):
            state = constant(0, 4)
            for n in range(length):
                state = var(f"s{n}", state.roll(1, -1))
            observe("out", state, torch.tensor(0))

        strategy = enumeration(max_cells=64)  # each step depends on the one before: 16 cells
        elbo = strategy.elbo(max_plate_nesting=0)
        elbo.loss(strategy(lambda: chain(10)), strategy(lambda: None))
        inputs, outputs = data()
        tight = enumeration(max_cells=100)
        with pytest.raises(BudgetError, match=r"r2 \(4\)"):
            tight.elbo(max_plate_nesting=1).loss(
                tight(REGISTERS.model), tight(lambda *_: None), inputs, outputs
            )

    def test_a_budget_is_not_used_up(self):
        strategy, args = enumeration(max_cells=2000), data()
        guide = strategy.guide(READ_ONCE.model, *args)
        elbo = strategy.elbo(max_plate_nesting=1)
        first = elbo.loss(strategy(READ_ONCE.model), strategy(guide), *args)
        assert elbo.loss(strategy(READ_ONCE.model), strategy(guide), *args) == pytest.approx(first)

    def test_enumerating_a_few_choices_of_many_is_within_reach(self):
        def model(xs):
            one = choice("one", 3)
            others = [choice(f"c{n}", 10) for n in range(9)]
            with pyro.plate("examples", len(xs), dim=-1):
                observe("out", switch(one, [others[0], others[1], others[2]]), xs)

        strategy = marginal(sites={"one": EnumeratedChoices()})
        assert isinstance(strategy, Strategy)
        guide = strategy.guide(model, torch.zeros(4, dtype=torch.long))
        assert "one" not in guide.sites
        assert len(guide.sites) == 9


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
