"""The most likely program where functions read, against the likelihood of every program by closed form."""

import itertools
from functools import cache
from math import inf

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, runtime, switch, var
from ntpt_pyro.inference.exact.exact_posterior import exact_posterior
from ntpt_pyro.inference.solver import likeliest as likeliest_module
from ntpt_pyro.inference.solver.cardinality import at_most
from ntpt_pyro.inference.solver.likeliest import CLOSE, LEAST, STEPS, likeliest
from ntpt_pyro.inference.solver.program_solver import ProgramSolver

SIZE = 4
NOISE = 1e-4
ROUNDING = 1e-6
"""Nats by which two ways to compute a likelihood may differ, in double precision."""
SEEDS = range(6)
ENOUGH = 10.0
"""Seconds that are more than 24 programs and 10 examples take."""


@learn([Tensor(SIZE)], SIZE, module=torch.nn.Identity)
def read(image):
    """Reads what the image says: an image is the logits of its reading."""


@runtime([SIZE, SIZE], SIZE)
def add(x, y):
    return (x + y) % SIZE


@runtime([SIZE, SIZE], SIZE)
def larger(x, y):
    return max(x, y)


@runtime([3, SIZE], SIZE)
def shifted(by, x):
    return (x + by) % SIZE


@cache
def library():
    return Library([read], seed=0).eval()


def model(left, right, result=None):
    """A function of two readings, shifted; `spare` never matters, so that every program has a twin."""
    what, by, spare = choice("what", 4), choice("by", 3), choice("spare", 2)
    with pyro.plate("examples", len(left)):
        first, second = (library()["read"](one) for one in (left, right))
        value = var("value", switch(what, [first, second, add(first, second), larger(first, second)]))
        moved = shifted(by, value)
        observe("result", switch(spare, [moved, moved]), result, noise=NOISE)


PROGRAMS = [
    dict(zip(("what", "by", "spare"), one, strict=True))
    for one in itertools.product(range(4), range(3), range(2))
]  # fmt: skip


def computed(program, x, y):
    """The same on plain integers."""
    value = (x, y, (x + y) % SIZE, max(x, y))[program["what"]]
    return (value + program["by"]) % SIZE


def some_task(seed):
    """Images of some doubt, and what a program makes of what they show; one label may be wrong."""
    random = np.random.default_rng(seed)
    count = int(random.integers(4, 11))
    doubt = random.choice([0.5, 1.0, 2.0])
    shown = random.integers(SIZE, size=(2, count))
    logits = random.normal(size=(2, count, SIZE))
    logits[0, np.arange(count), shown[0]] += 4 / doubt
    logits[1, np.arange(count), shown[1]] += 4 / doubt
    program = PROGRAMS[int(random.integers(len(PROGRAMS)))]
    labels = np.array([computed(program, *pair) for pair in shown.T])
    labels[random.integers(count)] = random.integers(SIZE)
    left, right = torch.from_numpy(logits)
    return left, right, torch.from_numpy(labels)


def by_closed_form(data):
    """The log-likelihood of every program; and what each gives at the most probable readings."""
    left, right = (one.softmax(-1).numpy() for one in data[:2])
    likelihoods, sure = [], []
    for program in PROGRAMS:
        total = 0.0
        for p, q, label in zip(left, right, data[2].tolist(), strict=True):
            explained = sum(
                p[x] * q[y] for x in range(SIZE) for y in range(SIZE) if computed(program, x, y) == label
            )
            total += np.log((1 - NOISE) * explained + NOISE / SIZE)
        likelihoods.append(total)
        sure.append(
            [computed(program, *pair) for pair in zip(left.argmax(-1), right.argmax(-1), strict=True)]
        )
    return np.array(likelihoods), np.array(sure)


def test_the_closed_form_is_the_exact_posterior():
    data = some_task(1)
    likelihoods, _ = by_closed_form(data)
    posterior = exact_posterior(model, data).posterior
    ((best, probability),) = posterior.top(1)
    share = np.exp(likelihoods - likelihoods.max())
    assert likelihoods[PROGRAMS.index(best)] == pytest.approx(likelihoods.max(), abs=ROUNDING)
    assert probability == pytest.approx(1 / share.sum(), abs=1e-4)


@cache
def found_by_solver(seed, least):
    data = some_task(seed)
    with ProgramSolver(model, data, least=least) as solver:
        return likeliest(solver, seconds=ENOUGH)


@pytest.mark.parametrize("least", [0.1, LEAST, 0.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_program_is_likelier_than_is_said(seed, least):
    data = some_task(seed)
    likelihoods, sure = by_closed_form(data)
    found = found_by_solver(seed, least)
    assert found.program is not None
    number = PROGRAMS.index(found.program)
    assert found.cost == pytest.approx(-likelihoods[number], abs=ROUNDING)
    assert found.unexplained == tuple(np.flatnonzero(sure[number] != data[2].numpy()).tolist())
    assert found.bound <= found.cost
    assert (-likelihoods >= found.bound - ROUNDING).all()
    assert found.status == "optimal"  # there are 24 programs, and time enough
    others = (sure != sure[number]).any(-1)
    assert (-likelihoods[others] > found.cost - CLOSE).all()
    if found.gap <= CLOSE:
        assert likelihoods[number] >= likelihoods.max() - CLOSE - ROUNDING


def test_some_of_these_are_proved_to_the_last_nat():
    found = [found_by_solver(seed, least) for seed in SEEDS for least in (0.1, LEAST)]
    assert sum(one.gap <= CLOSE for one in found) > len(found) / 4
    for seed in SEEDS:  # what is proved is the mode of the exact posterior
        likelihoods, _ = by_closed_form(some_task(seed))
        if found_by_solver(seed, LEAST).gap <= CLOSE:
            assert found_by_solver(seed, LEAST).cost == pytest.approx(-likelihoods.max(), abs=CLOSE)


def test_sure_readings_cost_next_to_nothing():
    shown = torch.tensor([[0, 1, 2, 3, 1], [3, 3, 0, 1, 2]])
    left, right = 30.0 * torch.nn.functional.one_hot(shown, SIZE).to(torch.get_default_dtype())
    with ProgramSolver(model, (left, right, shown.sum(0) % SIZE), least=LEAST) as solver:
        found = likeliest(solver)
        assert all(part.readings.known for part in solver.asserted)
    assert (found.status, found.program["what"], found.program["by"]) == ("optimal", 2, 0)
    assert 0 < found.cost < CLOSE
    assert found.unexplained == ()


def test_a_wrong_label_costs_its_noise():
    shown = torch.tensor([[0, 1, 2, 3, 1, 2, 0, 3], [3, 3, 0, 1, 2, 2, 1, 0]])
    labels = shown.sum(0) % SIZE
    labels[3] += 1
    left, right = 30.0 * torch.nn.functional.one_hot(shown, SIZE).to(torch.get_default_dtype())
    with ProgramSolver(model, (left, right, labels), least=LEAST) as solver:
        found = likeliest(solver)
    assert (found.status, found.program["what"], found.program["by"]) == ("optimal", 2, 0)
    assert found.unexplained == (3,)
    assert found.cost == pytest.approx(-np.log(NOISE / SIZE), abs=2 * SIZE * NOISE)
    assert found.gap <= CLOSE


def test_no_time_is_no_program():
    with ProgramSolver(model, some_task(0), least=LEAST) as solver:
        found = likeliest(solver, seconds=0)
    assert (found.status, found.program, found.bound) == ("unknown", None, 0)
    assert found.cost == inf


def test_a_small_cost_is_proved_as_fast_as_a_large_one(monkeypatch):
    def small(solver, weights, bound, *, unless):
        assert max(weights.values()) <= STEPS + 1
        at_most(solver, weights, bound, unless=unless)

    monkeypatch.setattr(likeliest_module, "at_most", small)
    shown = torch.tensor([[0, 1, 2, 3, 1, 2, 0, 3], [3, 3, 0, 1, 2, 2, 1, 0]])
    vertices = torch.nn.functional.one_hot(shown, SIZE).to(torch.get_default_dtype())
    with ProgramSolver(model, (*(6.5 * vertices), shown.sum(0) % SIZE), least=0.0) as solver:
        found = likeliest(solver, seconds=ENOUGH)
    assert 2 * CLOSE < found.cost < 0.1
    assert found.status == "optimal"


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_there_is_a_best_program_however_many_labels_are_wrong(wrong):
    shown = torch.tensor([[0, 1, 2, 3, 1], [3, 3, 0, 1, 2]])
    labels = shown.sum(0) % SIZE
    labels[:wrong] = torch.tensor([0, 3, 2])[:wrong]
    left, right = 30.0 * torch.nn.functional.one_hot(shown, SIZE).to(torch.get_default_dtype())
    likelihoods, _ = by_closed_form((left, right, labels))
    with ProgramSolver(model, (left, right, labels), least=LEAST) as solver:
        found = likeliest(solver, seconds=ENOUGH)
    assert found.status == "optimal"
    assert found.cost == pytest.approx(-likelihoods.max(), abs=CLOSE)
