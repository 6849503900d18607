"""The simplest of the best programs, against brute force and what is known of small machines."""

import json

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import choice, constant, observe, one_hot, stack, switch
from ntpt_pyro.inference.solver.explaining import explain
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.simplest import Simplicity, simplest
from ntpt_pyro.tasks.text_task import text_task
from tests.inference import tiny
from tests.inference.solver.brute import TEXTS, programs_of, results_of, right_of, text

INPUTS = torch.cartesian_prod(torch.arange(2), torch.arange(2))
CIRCUIT = text("circuit", inputs=2, outputs=1, wires=2, gates=2)


@pytest.mark.parametrize(
    ("name", "batch", "count", "of"),
    [("turing", "decrement", 12, 18), ("circuit", "full_adder", 20, 20)],
)
def test_machines_read_as_little_as_is_known_of_them(name, batch, count, of):
    task = text_task(TEXTS / f"{name}.terpret", TEXTS / f"{name}.hypers.json", TEXTS / f"{name}.{batch}.json")
    with ProgramSolver(task.model, task.train.tensors) as solver:
        best = explain(solver)
        better, simplicity = simplest(solver, best)
    assert (best.status, best.cost) == ("optimal", 0)
    assert simplicity == Simplicity(count, count, of)
    assert simplicity.proved
    assert (better.status, better.unexplained) == ("optimal", ())
    assert task.right(better.program)  # by the concrete interpreter


def labels_of(seed):
    """Labels for a small circuit, on inputs drawn with repetition; some contradict each other."""
    random = np.random.default_rng(seed)
    inputs = INPUTS[torch.from_numpy(random.integers(4, size=6))]
    return inputs, torch.from_numpy(random.integers(2, size=(6, 1)))


@pytest.mark.parametrize("seed", range(6))
def test_what_alternatives_cost_is_as_low_as_that_of_any_program_as_good(seed):
    data = labels_of(seed)
    programs = programs_of(CIRCUIT, data)
    random = np.random.default_rng(seed)
    costs = {
        site: random.integers(4, size=1 + max(one[site] for one in programs)).tolist()
        for site in [*programs[0]][seed % 2 :]  # a choice that is not named costs nothing
    }
    right = right_of(results_of(CIRCUIT, programs, data), {"wanted_0": data[1][:, 0]})
    with ProgramSolver(CIRCUIT, data) as solver:
        best = explain(solver)
        better, simplicity = simplest(solver, best, costs=costs)
    own = right[programs.index(best.program)]
    as_good = (right == own).all(-1)
    total = torch.tensor([sum(costs.get(site, [0] * 9)[n] for site, n in one.items()) for one in programs])
    lowest = int(total[as_good].min())
    assert simplicity == Simplicity(lowest, lowest, None)
    chosen = programs.index(better.program)
    assert int(total[chosen]) == lowest
    assert torch.equal(right[chosen], own)
    assert better.unexplained == best.unexplained
    assert (better.status, better.cost, better.bound) == (best.status, best.cost, best.bound)


def with_uses(x, y=None):
    """An argument that only one of two instructions has, though both come to the same."""
    kind, argument = choice("kind", 2), choice("argument", 4)
    with pyro.plate("examples", len(x)):
        moved = tiny.add(one_hot(x, 4), argument)
        observe("y", switch(kind, [moved, moved]), y)


def test_what_a_task_says_of_uses_counts_less():
    x = torch.arange(4)
    counts = {}
    for name, uses in (("none", None), ("first", {"kind": {0: ("argument",)}})):
        with ProgramSolver(with_uses, (x, (x + 2) % 4)) as solver:
            better, simplicity = simplest(solver, explain(solver), uses=uses)
        counts[name] = simplicity.count
        if uses is not None:
            assert better.program == {"kind": 1, "argument": 2}
    assert counts["first"] == counts["none"] - 1


def test_an_example_not_asserted_is_looked_at_before_a_program_is_taken():
    def model(x, y=None):
        keep, table = choice("keep", 2), stack([choice(f"entry_{n}", 4) for n in range(4)])
        with pyro.plate("examples", len(x)):
            held = (one_hot(x, 4).unsqueeze(-1) * table).sum(-2)
            observe("y", switch(keep, [constant(0, 4), held]), y)

    x = torch.zeros(200, dtype=torch.int64)
    x[77], x[133] = 2, 3
    with ProgramSolver(model, (x, x)) as solver:
        best = explain(solver, first=2, more=1)
        assert len(best.asserted) < 20
        better, simplicity = simplest(solver, best)
        assert solver.scores.right(better.program).all()
    assert better.program["keep"] == 1
    assert simplicity is not None
    assert simplicity.proved


def test_no_time_leaves_the_program_as_it_is():
    with ProgramSolver(CIRCUIT, labels_of(0)) as solver:
        best = explain(solver)
        assert simplest(solver, best, seconds=0) == (best, None)


def test_files_of_these_machines_are_those_that_are_meant():
    hypers = json.loads((TEXTS / "circuit.hypers.json").read_text())
    assert hypers["full_adder"] == {"inputs": 3, "outputs": 2, "wires": 4, "gates": 5}
