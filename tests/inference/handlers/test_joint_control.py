"""Joint control against brute force: enumeration of every step's variables by Pyro itself."""

import itertools

import pyro
import pytest
import torch
from pyro.poutine.runtime import _PYRO_STACK

from ntpt_pyro import carry, choice, constant, fork, observe, runtime, select, stack, switch
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import (
    EnumeratedSteps,
    ForwardMarginals,
    JointControl,
    MeanChoices,
    Restarts,
    Strategy,
)

POSITIONS = 3


@runtime([POSITIONS], POSITIONS)
def move(head):
    return min(head + 1, POSITIONS - 1)


@runtime([2, 2], 2)
def writes_1(executed, block):
    return int(block == 1 and executed == 1)


@runtime([3], 3)
def next_of(x):
    return (x + 1) % 3


@runtime([3, 3], 3)
def add(x, y):
    return (x + y) % 3


def machine(readings, outputs=None, *, steps=3, reads_two=False):
    """Two blocks that move a head or write a register: control does not depend on what is written.

    Executed 0 moves the head and reads into R0; 1 writes R1, from one register or, ``reads_two``, from both.
    """
    instr = stack([choice(f"instr_{b}", 2) for b in range(2)])
    goto = stack([choice(f"goto_{b}", 2) for b in range(2)])
    source = choice("source", 2)
    with pyro.plate("examples", len(readings), dim=-1):
        state = {"block": constant(0, 2), "head": constant(0, POSITIONS)}
        state |= {"R0": constant(0, 3), "R1": constant(1, 3)}
        for step in range(1, steps + 1):
            block, head = state["block"], state["head"]
            executed = fork(f"executed_{step}", select(block, instr))
            moved = move(head)
            held = stack([state["R0"], state["R1"]])
            written = add(*held.unbind(-2)) if reads_two else next_of(select(source, held))
            state = {
                "block": select(block, goto),
                "head": switch(executed, [moved, head]),
                "R0": switch(executed, [select(moved, readings), state["R0"]]),
                "R1": switch(writes_1(executed, block), [state["R1"], written]),
            }
            state = carry(str(step), state, control=["block", "head"])
        result = select(state["head"], [state["R1"], state["R0"], state["R1"]])
        result = carry("end", {"result": result})["result"]
        observe("out", result, outputs, noise=0.01)
    return result


def data():
    generator = torch.Generator().manual_seed(1)
    readings = torch.randn(4, POSITIONS, 3, generator=generator, dtype=torch.float64).softmax(-1)
    return readings, torch.randint(3, (4,), generator=generator)


JOINT = Strategy(choices=MeanChoices(), steps=JointControl())
EXACT = Strategy(choices=MeanChoices(), steps=EnumeratedSteps())
FORWARD = Strategy(choices=MeanChoices(), steps=ForwardMarginals())


def loss_and_gradients(strategy, guide, **options):
    readings, outputs = data()
    logits = readings.log().requires_grad_()  # along the simplex: off it the two are extended differently

    def model(*batch):
        return machine(*batch, **options)

    elbo = strategy.elbo(max_plate_nesting=1)
    loss = elbo.differentiable_loss(strategy(model), strategy(guide), logits.softmax(-1), outputs)
    return loss, *torch.autograd.grad(loss, [logits, *guide.parameters()])


def soft_guide():
    return FORWARD.guide(machine, *data(), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_joint_control_equals_brute_force_where_functions_read_one_register(steps):
    guide = soft_guide()
    exact = loss_and_gradients(EXACT, guide, steps=steps)
    for mine, theirs in zip(loss_and_gradients(JOINT, guide, steps=steps), exact, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_marginalising_each_variable_by_itself_does_not():
    guide = soft_guide()
    exact, forward = (loss_and_gradients(strategy, guide)[0].detach() for strategy in (EXACT, FORWARD))
    assert abs(float(exact - forward)) > 0.01


def test_two_registers_read_in_a_case_that_several_paths_lead_to_are_taken_as_independent():
    @runtime([2], 2)
    def same(x):
        return x

    def twins():
        """R0 and R1 are both 0 or both 1, evenly; no control tells which, so their sum is 0 or 2."""
        executed = fork("executed", torch.tensor([0.5, 0.5]))
        state = carry("1", {"R0": same(executed), "R1": same(executed), "at": constant(0, 1)}, ["at"])
        total = runtime([2, 2], 3)(lambda x, y: x + y)(state["R0"], state["R1"])
        return carry("end", {"total": total})["total"]

    torch.testing.assert_close(JOINT(twins)(), torch.tensor([0.25, 0.5, 0.25]))

    def told_apart():
        executed = fork("executed", torch.tensor([0.5, 0.5]))
        state = carry("1", {"R0": same(executed), "R1": same(executed), "at": executed}, ["at"])
        total = runtime([2, 2], 3)(lambda x, y: x + y)(state["R0"], state["R1"])
        return carry("end", {"total": total})["total"]

    torch.testing.assert_close(JOINT(told_apart)(), torch.tensor([0.5, 0.0, 0.5]))


@pytest.mark.parametrize("reads_two", [False, True])
def test_all_ways_to_carry_a_state_agree_on_decided_programs(reads_two):
    readings, outputs = data()
    readings = torch.eye(3)[readings.argmax(-1)]
    guide = soft_guide()
    for program in range(8):
        for number, logits in enumerate(guide.logits().values()):
            logits.fill_(-300.0)[program >> (number % 3) & 1] = 300.0
        results = []
        for strategy in (JOINT, FORWARD):
            trace = pyro.poutine.trace(strategy(guide)).get_trace()
            replayed = pyro.poutine.replay(machine, trace=trace)
            results.append(strategy(replayed)(readings, outputs, reads_two=reads_two))
        torch.testing.assert_close(results[0], results[1])
        assert torch.equal(results[0].max(-1).values, torch.ones(4))


def test_restarts_do_not_mix():
    readings, outputs = data()
    together = JOINT.guide(Restarts(3)(machine), readings, outputs)
    many = JOINT(
        pyro.poutine.replay(Restarts(3)(machine), trace=pyro.poutine.trace(JOINT(together)).get_trace())
    )
    found = many(readings, outputs)
    assert found.shape == (3, 4, 3)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 4))
    for restart in range(3):
        alone = together.take(torch.tensor([restart]))
        trace = pyro.poutine.trace(JOINT(alone)).get_trace()
        one = JOINT(pyro.poutine.replay(Restarts(1)(machine), trace=trace))(readings, outputs)
        torch.testing.assert_close(one[0], found[restart])


def test_the_same_strategy_twice_gives_the_same_and_leaves_nothing_after_an_error():
    guide = soft_guide()
    first, second = (loss_and_gradients(JOINT, guide)[0] for _ in range(2))
    assert torch.equal(first, second)

    def broken():
        fork("executed", torch.tensor([0.5, 0.5]))
        carry("1", {"R0": constant(0, 2)}, ["head"])

    with pytest.raises(SiteError, match="carry '1': expected control variables out of R0, got 'head'"):
        JOINT(broken)()
    assert not _PYRO_STACK
    assert torch.equal(loss_and_gradients(JOINT, guide)[0], first)


def test_cases_without_probability_are_left_out():
    """A decided program has one case at every step, however long it runs."""

    def counting():
        state = {"block": constant(0, 2), "head": constant(0, 50)}
        step_on = runtime([50], 50)(lambda head: min(head + 1, 49))
        for step in range(1, 31):
            executed = fork(f"executed_{step}", constant(0, 2))
            state["head"] = switch(executed, [step_on(state["head"]), state["head"]])
            state = carry(str(step), state, ["block", "head"])
            shapes.append(state["head"].shape)
        return carry("end", {"head": state["head"]})["head"]

    shapes = []
    assert int(JOINT(counting)().argmax()) == 30
    assert set(shapes) == {(1, 50)}


def test_slack_bounds_the_likelihood_from_below_by_what_it_leaves_out():
    guide = soft_guide()
    exact, *_ = loss_and_gradients(JOINT, guide, steps=3)
    losses = [
        loss_and_gradients(Strategy(choices=MeanChoices(), steps=JointControl(slack=slack)), guide, steps=3)[
            0
        ]
        for slack in (0.0, 0.1, 0.5, 0.9)
    ]
    assert torch.equal(losses[0], exact)
    assert all(more >= less for less, more in itertools.pairwise(losses))
    assert losses[-1] > exact


@pytest.mark.parametrize("slack", [0.1, 0.3, 0.9])
def test_a_carry_leaves_out_at_most_the_slack_and_what_matters_stays(slack):
    probabilities = torch.tensor([0.6, 0.25, 0.1, 0.04, 0.01])

    def once():
        executed = fork("executed", probabilities)
        state = carry("1", {"at": executed, "R0": executed}, ["at"])
        return carry("end", {"R0": state["R0"]})["R0"]

    kept = Strategy(choices=MeanChoices(), steps=JointControl(slack=slack))(once)()
    large = probabilities > slack / 5
    torch.testing.assert_close(kept, torch.where(large, probabilities, 0.0))
    assert 1 - slack <= float(kept.sum()) < 1
