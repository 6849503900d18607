"""Which examples a program is shown on: wrong ones first, then those that were read least surely."""

import pyro
import pytest
import torch

from ntpt_pyro import Library, Task, choice, find_task, observe, one_hot, switch
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.tried_examples import tried_examples
from tests.models.test_math_loop import SOLUTION as LOOP
from tests.runs.reading import bright, reading_task
from tests.small import small  # noqa: F401  # a fixture


def flips(wrong, count=20):
    """A task of as many numbered examples, of which a program that negates gets some wrong."""

    def model(x, y=None):
        negated = choice("negated", 2)
        with pyro.plate("examples", len(x)):
            observe("y", switch(negated, [one_hot(x, 2), one_hot(1 - x, 2)]), y)

    x = torch.arange(count) % 2
    return Task(
        model, examples=(x, torch.where(torch.isin(torch.arange(count), torch.tensor(wrong)), x, 1 - x))
    )


def test_wrong_ones_come_first_and_some_right_ones_are_kept():
    found = tried_examples(flips([3, 8]), {"negated": 1}, None, shown=5)
    assert (found.tried, found.wrong, found.failed) == (20, 2, 0)
    words = [one.words for one in found.examples]
    assert words == [f"--instance {number}" for number in (3, 8, 0, 1, 2)]
    assert [one.right for one in found.examples] == [False, False, True, True, True]
    found = tried_examples(flips([*range(18)]), {"negated": 1}, None, shown=8)
    assert [one.right for one in found.examples] == [False] * 6 + [True] * 2
    assert len(tried_examples(flips([*range(20)]), {"negated": 1}, None, shown=8).examples) == 8


def test_at_most_as_many_are_tried_as_there_are_or_as_are_asked_for():
    assert tried_examples(flips([], count=6), {"negated": 1}, None).tried == 6
    assert tried_examples(flips([]), {"negated": 1}, None, count=4).tried == 4
    assert tried_examples(flips([]), {"negated": 1}, None, count=0).examples == ()


def test_the_least_sure_reading_decides_among_right_ones():
    found = tried_examples(reading_task(), {"which": 1}, Library([bright], seed=0), count=12)
    assert found.tried == 12
    for right in (False, True):
        sure = [one.sureness for one in found.examples if one.right is right]
        assert sure == sorted(sure)
    for one in found.examples:
        assert one.sureness == min(place.reads[0][1] for place in one.demonstration.scene.places)
        again = reading_task().demonstrate({"which": 1}, Library([bright], seed=0), one.asked)
        assert (again.steps, again.verdict) == (one.demonstration.steps, one.demonstration.verdict)
        assert one.words == f"--seed {one.asked.seed}"


@pytest.mark.usefixtures("small")
def test_a_program_that_never_halts_is_told_once():
    stuck = {**LOOP, "goto_1": 1}
    found = tried_examples(find_task("math"), stuck, Library([net_0, net_1], seed=0), count=5)
    (one,) = found.examples
    assert (found.tried, found.wrong, found.failed) == (5, 0, 5)
    assert (one.words, one.demonstration, one.right, one.sureness) == ("--seed 0", None, None, 1.0)
    assert one.failure.startswith(
        "the program: expected one that halts on this tape, got one that comes back"
    )


@pytest.mark.usefixtures("small")
def test_what_an_example_says_is_what_evaluate_shows_of_it():
    task, library = find_task("math"), Library([net_0, net_1], seed=0)
    found = tried_examples(task, LOOP, library, count=6, shown=4)
    for one in found.examples:
        again = task.demonstrate(LOOP, library, one.asked)
        assert (again.steps, again.verdict) == (one.demonstration.steps, one.demonstration.verdict)
    seeds = {one.asked.seed for one in tried_examples(task, LOOP, library, count=6).examples}
    assert seeds == {*range(6)}


def test_whatever_a_task_of_ones_own_raises_is_kept_as_the_reason():
    class Odd(Task):
        def demonstrate(self, program, library, asked):
            if asked.instance == 1:
                raise ZeroDivisionError("by <b>nothing</b>")
            return super().demonstrate(program, library, asked)

    task = flips([2], count=4)
    odd = Odd(task.model, examples=task._examples)
    found = tried_examples(odd, {"negated": 1}, None)
    assert [one.words for one in found.examples] == [f"--instance {n}" for n in (2, 1, 0, 3)]
    assert found.examples[1].failure == "ZeroDivisionError: by <b>nothing</b>"
    assert (found.tried, found.wrong, found.failed) == (4, 1, 1)
