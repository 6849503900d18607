"""Programs of different behaviour, proposed where a function cannot read yet."""

import itertools
from functools import partial

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import LearnedFunction, Library, Tensor, choice, observe, one_hot, runtime, select, stack
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.solver.circuit import Circuit
from ntpt_pyro.inference.solver.proposal_settings import ProposalSettings
from ntpt_pyro.inference.solver.proposals import Proposal, Proposer
from ntpt_pyro.inference.solver.supposed_readings import DrawnReadings, DrawnVertices

READ = LearnedFunction("read", (Tensor(6),), 2, (16,))


@runtime([4, 4], 7)
def total(x: int, y: int) -> int:
    return x + y


@runtime([2], 4)
def doubled(x: int) -> int:
    return 2 * x


def model(images, numbers, sums=None, *, library):
    """Two of three registers are added: two numbers, and twice what an image shows."""
    left, right = choice("left", 3), choice("right", 3)
    with pyro.plate("examples", len(images), dim=-1):
        shown = doubled(library["read"](images))
        held = stack([*one_hot(numbers, 4).unbind(-2), shown])
        observe("sum", total(select(left, held), select(right, held)), sums)


def examples(count, *, wrong=0):
    """Sums of the first number and twice what an image shows; the last results may be wrong."""
    generator = torch.Generator().manual_seed(1)
    shown = torch.randint(2, (count,), generator=generator)
    numbers = torch.randint(4, (count, 2), generator=generator)
    sums = numbers[:, 0] + 2 * shown
    sums[count - wrong :] = numbers[count - wrong :].sum(-1) + 3
    return torch.randn(count, 6, generator=generator), numbers, sums % 7


def explained(program, numbers, wanted):
    """By brute force over what the image may show: one integer, however often it is read."""
    found = []
    for (first, second), result in zip(numbers.tolist(), wanted.tolist(), strict=True):
        held = ((first, second, 2 * shown) for shown in range(2))
        found.append(any(one[program["left"]] + one[program["right"]] == result for one in held))
    return found


def proposed(data, most=10, **settings):
    seed, known = settings.pop("seed", 0), settings.pop("known", ())
    bound = partial(model, library=Library([READ], seed=0).eval())
    given = ProposalSettings(**settings)
    with Proposer(bound, data, free=["read"], settings=given, known=known, seed=seed) as proposer:
        return proposer.propose(most), proposer


def behaviour(program):
    """The order of arguments does not matter."""
    return tuple(sorted(program.values()))


def test_every_behaviour_that_explains_all_examples_is_proposed_once():
    data = examples(32)
    found, proposer = proposed(data, share=0.0)
    programs = [
        dict(zip(("left", "right"), both, strict=True)) for both in itertools.product(range(3), repeat=2)
    ]
    expected = {behaviour(one) for one in programs if all(explained(one, *data[1:]))}
    assert [behaviour(one.program) for one in found] == [*expected] == [(0, 2)]
    assert found[0].unexplained == ()
    assert proposer.exhausted


def test_examples_that_contradict_the_others_may_stay_unexplained():
    data = examples(32, wrong=4)
    none, _ = proposed(data, share=0.0)
    assert none == []
    found, _ = proposed(data, share=0.25)
    assert behaviour(found[0].program) == (0, 2)
    wrong = [n for n, right in enumerate(explained(found[0].program, *data[1:])) if not right]
    assert [*found[0].unexplained] == wrong
    assert 0 < len(wrong) <= 4


def test_programs_are_of_different_behaviour_and_explain_what_they_must():
    data = examples(8)
    found, _ = proposed(data, share=0.9)
    first = found
    while found:
        found, _ = proposed(data, share=0.9, known=[one.program for one in first])
        first = [*first, *found]
    behaviours = [behaviour(one.program) for one in first]
    assert len(behaviours) == len(set(behaviours)) > 1
    for one in first:
        # an image that is read twice may be taken for two different ones where forward marginals judge
        assert set(one.unexplained) <= {
            n for n, right in enumerate(explained(one.program, *data[1:])) if not right
        }


def test_known_behaviours_are_not_proposed_again():
    found, proposer = proposed(examples(32), share=0.0, known=[{"left": 2, "right": 0}])
    assert found == []
    assert proposer.exhausted


def test_the_same_seed_proposes_the_same():
    data = examples(8)
    assert proposed(data, share=0.5, seed=3)[0] == proposed(data, share=0.5, seed=3)[0]


def test_no_time_proposes_nothing():
    bound = partial(model, library=Library([READ], seed=0).eval())
    with Proposer(bound, examples(8), free=["read"]) as proposer:
        assert proposer.propose(1, seconds=0.0) == []
        assert not proposer.exhausted
        assert proposer.questions == 0


def test_a_trained_function_may_read_what_is_probable_enough():
    """What is certain to be read decides which programs explain."""
    library = Library([READ], seed=0)
    images, numbers, _ = examples(32)
    with torch.no_grad():
        read = library["read"](images)
    sums = numbers[:, 0] + 2 * (1 - read.argmax(-1))  # of what the function does not say
    bound = partial(model, library=library.eval())
    every = ProposalSettings(share=0.0, least=0.0)
    with Proposer(bound, (images, numbers, sums), free=[], settings=every) as proposer:
        assert [behaviour(one.program) for one in proposer.propose(10)] == [(0, 2)]
    most_probable = ProposalSettings(share=0.0, least=1.0)
    with Proposer(bound, (images, numbers, sums), free=[], settings=most_probable) as proposer:
        assert proposer.propose(10) == []


def test_what_is_drawn_is_the_same_on_literals():
    library = Library([READ], seed=0)
    images, *_ = examples(5)
    with torch.no_grad(), DrawnVertices(7):
        vertices = library["read"](images)
    literals = DrawnReadings(Circuit(), 7)("read", torch.rand(5, 2))
    assert np.array_equal(literals, vertices.numpy())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"begin": 0}, "begin: expected a whole number of at least 1, got 0"),
        ({"exactly": 0}, "exactly: expected a whole number of at least 1, got 0"),
        ({"share": 1.0}, "share: expected a finite number of at least 0 and below 1, got 1"),
        ({"least": -1.0}, "least: expected a finite number of at least 0, got -1"),
        ({"near": -1}, "near: expected a whole number of at least 0, got -1"),
        ({"inputs": 0}, "inputs: expected a whole number of at least 1, got 0"),
        ({"failures": 0}, "failures: expected a whole number of at least 1, got 0"),
        ({"call": 0.0}, "call: expected a finite number above 0, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        ProposalSettings(**wrong)


def test_a_proposal_says_what_it_leaves_unexplained():
    assert Proposal({"left": 0}, (3,)).unexplained == (3,)
