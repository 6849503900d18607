"""The best program by few examples first, against brute force over all programs."""

from math import inf

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import choice, observe, one_hot, runtime, select, switch, var, widen
from ntpt_pyro.inference.solver.contradictions import smallest_contradiction
from ntpt_pyro.inference.solver.explaining import FIRST as FIRST_EXAMPLES
from ntpt_pyro.inference.solver.explaining import MORE, explain
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from tests.inference.solver.brute import programs_of, results_of, right_of

SIZE = 4


@runtime([3, SIZE], SIZE)
def shifted(by, x):
    return (x + by) % SIZE


def two_tables(x, y, z=None):
    """The entry at a shifted x, or y; 4 is never a result."""
    table = torch.stack([choice(f"entry_{n}", 3) for n in range(SIZE)], -2)
    by, which = choice("by", 3), choice("which", 2)
    with pyro.plate("examples", len(x)):
        entry = widen(select(shifted(by, one_hot(x, SIZE)), table), SIZE + 1)
        observe("z", var("chosen", switch(which, [entry, widen(one_hot(y, SIZE), SIZE + 1)])), z)


def some_task(seed, *, impossible=False):
    """Examples of a random program, some of whose labels are changed."""
    random = np.random.default_rng(seed)
    count = int(random.integers(5, 25))
    x, y = (torch.from_numpy(random.integers(SIZE, size=count)) for _ in range(2))
    programs = programs_of(two_tables, (x, y, x))
    program = programs[int(random.integers(len(programs)))]
    labels = results_of(two_tables, [program], (x, y, x))["z"][0].clone()
    changed = random.random(count) < random.choice([0, 0.15, 0.5])
    labels[changed] = torch.from_numpy(random.integers(SIZE, size=int(changed.sum())))
    if impossible:
        labels[int(random.integers(count))] = SIZE
    return programs, (x, y, labels)


def brute_force(programs, data):
    """Which examples each program explains."""
    return right_of(results_of(two_tables, programs, data), {"z": data[-1]})


@pytest.mark.parametrize("impossible", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_best_program_leaves_as_few_examples_as_any(seed, impossible):
    programs, data = some_task(seed, impossible=impossible)
    right = brute_force(programs, data)
    fewest = int((~right).sum(-1).min())
    assert fewest or not impossible
    with ProgramSolver(two_tables, data) as solver:
        found = explain(solver, first=1 + seed % 5, more=1 + seed % 3)
    assert (found.status, found.cost, found.bound, found.gap) == ("optimal", fewest, fewest, 0)
    own = right[programs.index(found.program)]
    assert found.unexplained == tuple((~own).nonzero().flatten().tolist())
    assert len(found.unexplained) == fewest
    assert bool(found.core) == bool(fewest)
    if fewest:
        assert not right[:, list(found.core)].all(-1).any()  # no program explains them together
        assert found.smallest
        for one in found.core:
            others = [example for example in found.core if example != one]
            assert right[:, others].all(-1).any()
        assert set(found.core) <= set(found.asserted)


@pytest.mark.parametrize("seed", range(6))
def test_a_program_that_explains_everything_can_be_asked_for(seed):
    programs, data = some_task(seed)
    right = brute_force(programs, data)
    with ProgramSolver(two_tables, data) as solver:
        found = explain(solver, exactly=True, first=2, more=1)
    assert found.status == ("optimal" if right.all(-1).any() else "infeasible")
    if found.status == "optimal":
        assert right[programs.index(found.program)].all()
        assert (found.core, found.cost) == ((), 0)
    else:
        assert not right[:, list(found.core)].all(-1).any()


def test_both_outcomes_of_asking_for_everything_were_seen():
    found = {bool(brute_force(*some_task(seed)).all(-1).any()) for seed in range(6)}
    assert found == {True, False}


def test_an_example_that_no_program_explains_is_its_own_contradiction():
    x = torch.tensor([0, 1, 2, 3, 0])
    with ProgramSolver(two_tables, (x, x, torch.tensor([0, 1, SIZE, 1, 0]))) as solver:
        found = explain(solver)
    assert (found.status, found.cost, found.unexplained) == ("optimal", 1, (2,))
    assert (found.core, found.smallest) == ((2,), True)


def large_task(wrong):
    """10,000 examples of one program, some labels of which are wrong."""
    source = torch.Generator().manual_seed(0)
    x, y = torch.randint(SIZE, (2, 10_000), generator=source)
    labels = torch.tensor([2, 0, 1, 2])[(x + 1) % SIZE]
    for n in range(wrong):
        labels[97 * n + 5] = (labels[97 * n + 5] + 1) % 3
    return x, y, labels


def test_few_of_many_examples_are_asserted():
    with ProgramSolver(two_tables, large_task(0)) as solver:
        found = explain(solver)
    assert (found.status, found.cost, found.unexplained) == ("optimal", 0, ())
    # A table of 4 entries: an example for each entry, and of which is read, decides; MORE come at a time.
    assert len(found.asserted) <= FIRST_EXAMPLES + 4 * MORE


def test_few_of_many_examples_are_asserted_where_some_are_wrong():
    with ProgramSolver(two_tables, large_task(5)) as solver:
        found = explain(solver)
    assert (found.status, found.cost) == ("optimal", 5)
    assert found.unexplained == tuple(97 * n + 5 for n in range(5))
    assert set(found.unexplained) <= set(found.asserted)
    assert len(found.asserted) <= FIRST_EXAMPLES + 8 * MORE


def test_no_time_is_no_program():
    x = torch.arange(SIZE)
    with ProgramSolver(two_tables, (x, x, x)) as solver:
        found = explain(solver, seconds=0)
    assert (found.status, found.program, found.cost, found.bound) == ("unknown", None, inf, 0)
    assert (found.core, found.interrupted, found.asserted) == ((), False, ())


def test_progress_is_told_in_words():
    _programs, data = some_task(5, impossible=True)
    said = []
    with ProgramSolver(two_tables, data) as solver:
        found = explain(solver, progress=said.append)
    assert said
    assert f"of {len(data[0])} examples" in said[-1]
    assert f"all but {len(found.unexplained)}" in said[-1]


def test_a_contradiction_is_made_smaller():
    x = torch.tensor([0, 1, 2, 3, 1, 2])
    with ProgramSolver(two_tables, (x, 0 * x, torch.tensor([0, 1, 2, 1, 0, 2]))) as solver:
        solver.add(range(6))
        assert smallest_contradiction(solver, range(6)) == ((1, 4), True)
        kept, certain = smallest_contradiction(solver, range(6), seconds=0)
        assert (kept, certain) == (tuple(range(6)), False)


def test_examples_are_run_once_and_can_be_added_to():
    x = torch.arange(SIZE)
    with ProgramSolver(two_tables, (x, x, x % 3)) as solver:
        solver.add([1, 1, 0])
        solver.add([0, 1])
        assert [part.examples for part in solver.asserted] == [(1, 0)]
        solver.extend([torch.tensor([3]), torch.tensor([0]), torch.tensor([2])])
        assert solver.examples == SIZE + 1
        found = explain(solver)
    assert (found.status, found.cost, found.core, found.smallest) == ("optimal", 1, (3, 4), True)
