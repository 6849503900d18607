"""Two untrained functions are refused only where a choice of the program chooses between them."""

import pyro
import pytest
import torch

from ntpt_pyro import Library, Task, Tensor, choice, constant, induce, learn, observe, runtime, switch
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.runs.chosen_networks import chosen_between

SIZE = 3


@learn([Tensor(2)], SIZE, hid_sizes=[4])
def f(image):
    """One reading."""


@learn([Tensor(2)], SIZE, hid_sizes=[4])
def g(image):
    """Another reading."""


@runtime([SIZE, SIZE], SIZE)
def add(x, y):
    return (x + y) % SIZE


@runtime([SIZE, SIZE], SIZE)
def multiply(x, y):
    return x * y % SIZE


def observed(of, sites):
    """A model of what a function makes of some choices, two readers and two images."""

    def model(left, right, seen=None, *, library):
        choices = [choice(site, size) for site, size in sites.items()]
        with pyro.plate("examples", len(left)):
            observe("seen", of(*choices, library["f"], library["g"], left, right), seen)

    return model


def after_both(do, read, other, left, right):
    """What is done with both readings."""
    one, two = read(left), other(right)
    return switch(do, [add(one, two), multiply(one, two)])


def of_either_image(swapped, read, other, left, right):
    """Which function reads which image; both are called."""
    one = switch(swapped, [read(left), read(right)])
    return add(one, switch(swapped, [other(right), other(left)]))


def one_or_none(call, read, other, left, right):
    """Whether the second is called at all."""
    return add(read(left), switch(call, [other(right), constant(0, SIZE)]))


def between(net, read, other, left, right):
    """Which function reads."""
    return switch(net, [read(left), other(left)])


def among_others(instr, read, other, left, right):
    """One of three instructions reads with one of them, one with the other."""
    return switch(instr, [read(left), constant(1, SIZE), other(right)])


def where_it_matters(net, instr, read, other, left, right):
    """Which function reads, where anything is read."""
    return switch(instr, [constant(1, SIZE), switch(net, [read(left), other(left)])])


CHOICES = {
    after_both: {"do": 2},
    of_either_image: {"swapped": 2},
    one_or_none: {"call": 2},
    between: {"net": 2},
    among_others: {"instr": 3},
    where_it_matters: {"net": 2, "instr": 2},
}


def task_of(of, **more) -> Task:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 20, 2, generator=generator)
    return Task(observed(of, CHOICES[of]), (*images, torch.arange(20) % SIZE), functions=[f, g], **more)


CASES = [
    (after_both, False),
    (of_either_image, False),
    (one_or_none, False),
    (between, True),
    (among_others, True),
    (where_it_matters, True),
]


@pytest.mark.parametrize(("of", "chosen"), CASES, ids=lambda one: getattr(one, "__name__", None))
def test_whether_a_choice_chooses_is_found_out(of, chosen):
    task, library = task_of(of), Library([f, g], seed=0)
    before = torch.get_rng_state()
    found = chosen_between(task.with_library(library), task.draw(20, torch.Generator()).tensors, ["f", "g"])
    assert found == chosen
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("of", "chosen"), CASES, ids=lambda one: getattr(one, "__name__", None))
def test_only_untrained_functions_that_are_chosen_between_are_refused(of, chosen):
    if chosen:
        with pytest.raises(LibraryError, match="expected at most one untrained function, got f and g"):
            induce(task_of(of), restarts=2, steps=3)
    else:
        assert list(induce(task_of(of), restarts=2, steps=3).library.steps.values()) == [3, 3]


def test_a_trained_function_beside_an_untrained_one_is_accepted():
    library = Library([f], seed=0)
    library.count_steps(1)
    found = induce(task_of(between), library=library, restarts=2, steps=3)
    assert list(found.library.steps) == ["f", "g"]


def test_a_task_may_say_it_itself():
    class Sure(Task):
        chooses = False

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 20, 2, generator=generator)
    task = Sure(observed(between, {"net": 2}), (*images, torch.arange(20) % SIZE), functions=[f, g])
    induce(task, restarts=2, steps=3)
