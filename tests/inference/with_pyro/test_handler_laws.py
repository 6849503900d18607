"""Pyro's own laws: a strategy goes together with each of Pyro's handlers, in either order."""

import copy
import pickle
import warnings

import pyro
import pytest
import torch
from pyro import poutine

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference import JointControl, RelaxedChoices, enumeration, marginal, relaxed
from ntpt_pyro.language.carry import carry
from ntpt_pyro.language.sites import choice
from ntpt_pyro.language.values import constant
from tests.inference.tiny import READ_ONCE, READ_TWICE, REGISTERS, data


def some_relaxed(site):
    return RelaxedChoices(0.4) if site in ("by", "left") else None


STRATEGIES = {
    "marginal": marginal,
    "weighted": lambda: marginal(kl=0.3),
    "relaxed": lambda: relaxed(kl=0.7),
    "hard": lambda: relaxed(0.5, hard=True),
    "enumeration": enumeration,
    "mixed": lambda: marginal(sites=some_relaxed, kl=0.5),
    "joint control": lambda: relaxed(steps=JointControl()),
}
TINY = {"read once": READ_ONCE, "read twice": READ_TWICE, "registers": REGISTERS}


@pytest.fixture(params=STRATEGIES)
def strategy(request):
    return STRATEGIES[request.param]()


@pytest.fixture(params=TINY)
def tiny(request):
    return TINY[request.param]


def traced(fn, *args):
    """By site its value, log-probability and whether it is observed, from one seed."""
    pyro.set_rng_seed(1)
    trace = poutine.trace(fn).get_trace(*args)
    trace.compute_log_prob()
    return {
        name: (site["value"], site["log_prob"], site["is_observed"])
        for name, site in trace.nodes.items()
        if site["type"] == "sample"
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name][:2], other[name][:2], msg=name)
        assert one[name][2] == other[name][2]


def decided(tiny):
    """A program's first choice, as a vertex."""
    site, size = next(iter(tiny.sizes.items()))
    return {site: torch.eye(size)[size - 1]}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tiny: lambda fn: poutine.condition(fn, data=decided(tiny)),
        lambda tiny: lambda fn: poutine.scale(fn, scale=0.25),
        lambda tiny: lambda fn: poutine.mask(fn, mask=torch.tensor([True, False, True, True, False])),
        lambda tiny: lambda fn: poutine.block(fn, hide_types=["plate"]),
        lambda tiny: lambda fn: poutine.trace(fn),
        lambda tiny: lambda fn: poutine.do(fn, data=decided(tiny)),
    ],
    ids=["condition", "scale", "mask", "block", "trace", "do"],
)
def test_a_handler_inside_is_the_same_handler_outside(strategy, tiny, wrap):
    args = data()
    inside, outside = (
        traced(fn, *args) for fn in (strategy(wrap(tiny)(tiny.model)), wrap(tiny)(strategy(tiny.model)))
    )
    assert_same(inside, outside)


def test_what_is_conditioned_and_intervened_on_has_the_value_given(strategy, tiny):
    args = data()
    program = {site: torch.eye(size, dtype=torch.float64)[size - 1] for site, size in tiny.sizes.items()}
    conditioned = traced(poutine.condition(strategy(tiny.model), data=program), *args)
    # An intervention leaves the site's own value as it would have been, and what follows has the other one.
    intervened = traced(poutine.do(strategy(tiny.model), data=program), *args)
    for site, value in program.items():
        assert conditioned[site][2]
        assert not intervened[site][2]
        torch.testing.assert_close(conditioned[site][0], value)
    if strategy.steps.enumerates is None:  # else steps are drawn where nothing sums over them
        torch.testing.assert_close(intervened["out"][1], conditioned["out"][1])


def test_block_hides_from_what_is_around_it(strategy, tiny):
    """So inside of a strategy it hides a site from the strategy, which is then drawn as without one."""
    (site, size), args = next(iter(tiny.sizes.items())), data()
    outside = traced(poutine.block(strategy(tiny.model), hide=[site]), *args)
    whole = traced(strategy(tiny.model), *args)
    assert_same(outside, {name: found for name, found in whole.items() if name != site})
    inside = traced(strategy(poutine.block(poutine.trace(tiny.model), hide=[site])), *args)
    assert site not in inside
    assert size > 1


def test_replay_gives_back_what_was_traced(strategy, tiny):
    args = data()
    trace = poutine.trace(strategy(tiny.model)).get_trace(*args)
    for replayed in (
        poutine.replay(strategy(tiny.model), trace=trace),
        strategy(poutine.replay(tiny.model, trace=trace)),
    ):
        again = poutine.trace(replayed).get_trace(*args)
        for name in trace.stochastic_nodes:
            assert again.nodes[name]["value"] is trace.nodes[name]["value"]
        assert again.log_prob_sum() == trace.log_prob_sum()


def test_two_strategies_around_one_model_are_refused(strategy, tiny):
    with pytest.raises(
        UsageError, match=r"strategy: expected one strategy around a model or guide, got Strat"
    ):
        strategy(strategy(tiny.model))(*data())
    with pytest.raises(UsageError, match=r"got Strategy\(choices=Relaxed.* within Strategy\(choices=Mean"):
        marginal()(relaxed()(tiny.model))(*data())


@pytest.mark.parametrize("make", [marginal, relaxed])
def test_a_step_is_conditioned_and_intervened_on_too(make):
    inputs, outputs = data()
    moved = torch.eye(4, dtype=torch.float64)[torch.tensor([0, 1, 2, 3, 0])]
    strategy = make()
    for fn in (
        strategy(poutine.condition(READ_ONCE.model, data={"moved": moved})),
        poutine.condition(strategy(READ_ONCE.model), data={"moved": moved}),
    ):
        seen = traced(fn, inputs, outputs)
        assert seen["moved"][2]  # an observation, that is scored
        by = seen["by"][0]
        chances = [
            (by * inputs[example][(to - torch.arange(3)) % 4]).sum()
            for example, to in enumerate(moved.argmax(-1))
        ]
        torch.testing.assert_close(seen["moved"][1].exp(), torch.stack(chances))
    one, other = (
        traced(fn, inputs, outputs)
        for fn in (
            strategy(poutine.do(READ_ONCE.model, data={"moved": moved})),
            poutine.do(strategy(READ_ONCE.model), data={"moved": moved}),
        )
    )
    assert "moved" not in one
    assert_same(one, other)
    torch.testing.assert_close(one["out"], seen["out"])


def test_a_conditioned_step_that_is_kept_joint_is_refused():
    def loop():
        return carry("1", {"at": constant(0, 2)}, control=["at"])

    strategy = marginal(steps=JointControl())
    with pytest.raises(UsageError, match=r"steps at_1: expected steps that nothing else decides.*condition"):
        poutine.condition(strategy(loop), data={"at_1": constant(1, 2)})()


def test_a_site_that_is_really_used_twice_is_still_one_under_an_intervention():
    def twice():
        choice("by", 3)
        choice("flip", 2)
        choice("flip", 2)

    with pytest.raises(SiteError, match=r"'flip'.*got a second use"):
        poutine.do(marginal()(twice), data={"by": constant(0, 3)})()
    with pytest.raises(SiteError, match=r"'by'.*got a second use"):
        poutine.do(marginal()(lambda: (choice("by", 3), choice("by", 3))), data={"by": constant(0, 3)})()


def test_strategies_and_guides_are_copied_and_pickled(strategy, tiny):
    args = data()
    for again in (copy.deepcopy(strategy), pickle.loads(pickle.dumps(strategy))):
        if strategy.sites is None:
            assert again.describe() == strategy.describe()
        assert_same(traced(again(tiny.model), *args), traced(strategy(tiny.model), *args))


def test_nothing_is_warned_of(strategy, tiny):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guide = strategy.guide(tiny.model, *data())
        strategy.elbo().loss(strategy(tiny.model), strategy(guide), *data())
