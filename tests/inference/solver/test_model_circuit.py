"""Models on literals: the same results as on floats, and the programs that brute force finds."""

import itertools
from functools import cache

import numpy as np
import pyro
import pytest
import torch
from pyro import distributions as dist

from ntpt_pyro import (
    Library,
    Tensor,
    choice,
    constant,
    learn,
    observe,
    one_hot,
    runtime,
    select,
    switch,
    var,
    widen,
)
from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.solver.circuit import Circuit, value_of
from ntpt_pyro.inference.solver.model_circuit import run_on_literals, together
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.models import add2x2, apply2x2, math_loop, path_len
from ntpt_pyro.models.nets import net_0, net_1
from tests import stack_machine, two_registers
from tests.inference import tiny
from tests.inference.solver.brute import (
    programs_of,
    results_of,
    right_of,
    satisfying,
    set_programs,
    text,
)

X = torch.arange(4)


def lookup(x, y=None):
    """A table, its entries all to be chosen, read twice."""
    table = torch.stack([choice(f"entry_{n}", 4) for n in range(4)], -2)
    with pyro.plate("examples", len(x)):
        once = var("once", select(one_hot(x, 4), table))
        observe("y", select(once, table), y)


def of_one(x, y=None):
    """A choice of one alternative, which is none, and one of two."""
    only, other = choice("only", 1), choice("other", 2)
    with pyro.plate("examples", len(x)):
        moved = switch(only, [one_hot(x, 4)])
        observe("y", switch(other, [moved, widen(constant(1, 2), 4).expand(len(x), 4)]), y)


def two_results(x, y=None, z=None):
    """Two observed integers."""
    a, b = choice("a", 3), choice("b", 4)
    with pyro.plate("examples", len(x)):
        first = var("first", tiny.shift(a, one_hot(x, 4)))
        observe("y", first, y)
        observe("z", tiny.add(first, b), z)


SWAP = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
TAPES = torch.tensor([[0, 1], [1, 2], [2, 0]])
MODELS = {  # the model, its inputs, and labels that some programs explain and others do not
    "lookup": (lookup, (X,), (torch.tensor([1, 2, 2, 2]),)),
    "of one": (of_one, (X,), (X,)),
    "two results": (two_results, (X,), ((X + 1) % 4, (X + 3) % 4)),
    "registers": (tiny.registers, (torch.eye(4, dtype=torch.float64),), (torch.full((4,), 3),)),
    "read twice": (tiny.read_twice, (torch.eye(4, dtype=torch.float64),), (2 * X % 4,)),
    "two registers": (two_registers.model, (two_registers.X, two_registers.Y), (two_registers.SUMS,)),
    "circuit": (
        text("circuit", inputs=2, outputs=1, wires=2, gates=2),
        (SWAP,),
        (SWAP.sum(-1)[:, None] % 2,),
    ),
    "turing": (
        text("turing", tape_length=2, symbols=3, states=2, steps=3),
        (TAPES,),
        (torch.tensor([[1, 0], [0, 2], [0, 1]]), torch.tensor([1, 1, 0])),
    ),
    "basic block": (
        text("basic_block", size=3, registers=2, blocks=1, steps=2),
        (torch.tensor([[1, 2, 0], [2, 0, 1], [0, 0, 2]]),),
        (torch.tensor([1, 2, 0]), torch.tensor([1, 1, -1])),
    ),
}


@cache
def brute_force(name):
    """All programs of a model, and what they give."""
    model, inputs, labels = MODELS[name]
    programs = programs_of(model, (*inputs, *labels))
    return programs, results_of(model, programs, (*inputs, *labels))


@pytest.mark.parametrize("name", MODELS)
def test_every_program_gives_on_literals_what_it_gives_on_floats(name):
    model, inputs, labels = MODELS[name]
    data = (*inputs, *labels)
    (programs, results), circuit = brute_force(name), Circuit()
    run = run_on_literals(model, data, circuit)
    assert {site: len(own) for site, own in run.choices.items()} == {
        site: 1 + max(one[site] for one in programs) for site in programs[0]
    }
    values = circuit.values(set_programs(circuit, run.choices, programs))
    for site, expected in results.items():
        found = value_of(values, run.results[site])  # [examples, n, programs]
        assert (found.sum(1) == 1).all()
        np.testing.assert_array_equal(found.argmax(1).T, expected)


@pytest.mark.parametrize("name", MODELS)
def test_the_programs_that_explain_examples_are_those_that_brute_force_finds(name):
    model, inputs, labels = MODELS[name]
    data = (*inputs, *labels)
    programs, results = brute_force(name)
    observed = dict(zip(results, torch.cat([one.reshape(len(one), -1) for one in labels], 1).T, strict=True))
    right = right_of(results, observed).all(-1)
    expected = {tuple(one.values()) for one, explains in zip(programs, right, strict=True) if explains}
    assert 0 < len(expected) < len(programs)
    with ProgramSolver(model, data) as solver:
        assert satisfying(solver, range(len(data[0]))) == expected


def test_a_machine_with_a_stack_is_run_on_literals():
    task = stack_machine.task
    data = task.draw(40, torch.Generator().manual_seed(0)).tensors
    with ProgramSolver(task.model, data) as solver:
        solver.add(range(0, 40, 5))  # compares them
        assert solver.circuit.gates > 0
        assert len(solver.explained) == 8


def test_further_runs_share_choices_and_gates():
    data, circuit = (X, X), Circuit()
    first = run_on_literals(lookup, data, circuit)
    gates = circuit.gates
    second = run_on_literals(lookup, data, circuit, choices=first.choices)
    assert circuit.gates == gates
    np.testing.assert_array_equal(first.results["y"], second.results["y"])
    np.testing.assert_array_equal(together(first.explained, circuit), first.explained["y"])


# The paper's models, as they are, with networks of random weights.


def library_of(*functions):
    """Networks of random weights, sharpened so that some readings are likelier than others."""
    made = Library(functions, seed=0).eval()
    for function in functions:
        made.steps[function.name] = 1
    return made


GRIDS = torch.Generator().manual_seed(0)
PAPER = {
    "add2x2": (add2x2.add2x2, (net_0,), {"lines": 2}, (torch.rand(3, 4, 28, 28, generator=GRIDS),)),
    "apply2x2": (
        apply2x2.apply2x2,
        (net_1,),
        {"lines": 1},
        (torch.rand(2, 4, 28, 28, generator=GRIDS), torch.tensor([[1, 9, 3], [4, 0, 8]])),
    ),
    "math": (math_loop.math_loop, (net_0, net_1), {}, (torch.rand(2, 3, 28, 28, generator=GRIDS),)),
    "path_len": (
        path_len.path_len,
        (path_len.LOOK,),
        {},
        (torch.rand(2, 2, 2, 28, 28, 3, generator=GRIDS), torch.tensor([0, 3])),
    ),
}


def with_library(name):
    """One of the paper's models with its networks; and its inputs with labels."""
    model, functions, options, inputs = PAPER[name]
    networks = library_of(*functions)

    def unedited(*data):
        return model(*data, library=networks, **options)

    return unedited, tuple(one.to(torch.get_default_dtype()) if one.ndim > 2 else one for one in inputs)


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("least", [0.0, 0.9])
def test_models_of_the_paper_agree_with_their_circuits_unedited(name, least):
    model, inputs = with_library(name)
    data = (*inputs, torch.zeros(len(inputs[0]), dtype=torch.int64))
    with ProgramSolver(model, data, least=least) as solver:
        solver.add([0, 1])  # check_agreement raises where they differ
        (part,) = solver.asserted
        read = [*part.readings.known.values()]
        assert any(((own != 0).sum(-1) > 1).any() for own in read)
        assert any((own == 0).any() for own in read) == (least > 0)


def test_a_circuit_of_add2x2_is_its_interpreter_on_plain_integers():
    model, inputs = with_library("add2x2")
    data = (*inputs, torch.zeros(3, dtype=torch.int64))
    circuit = Circuit()
    readings = Readings(circuit)
    run = run_on_literals(model, data, circuit, readings=readings)
    random = np.random.default_rng(0)
    programs = programs_of(model, data)
    programs = [programs[n] for n in random.choice(len(programs), 60, replace=False)]
    true = set_programs(circuit, run.choices, programs)
    (literals,) = readings.known.values()  # [grids, cells, digits]
    digits = random.integers(10, size=(60, 3, 4))
    for column, grid, cell in itertools.product(range(60), range(3), range(4)):
        true[literals[grid, cell, digits[column, grid, cell]] // 2, column] = True
    found = value_of(circuit.values(true), run.results["sum"]).argmax(1)
    for column, program in enumerate(programs):
        for grid in range(3):
            cells = tuple(int(one) for one in digits[column, grid])
            assert found[grid, column] == add2x2.execute(program, cells, lines=2)


# What is no program of values.


@pytest.mark.parametrize("rarely", [False, True])
def test_a_sum_of_cases_that_are_not_disjoint_is_found_and_its_site_named(rarely):
    def model(x, y=None):
        a, b = choice("a", 2), choice("b", 2)
        with pyro.plate("examples", len(x)):
            twice = a * b + a * b + 0 * one_hot(x, 2)  # sums to 1 in the mean only
            observe("total", switch(a, [one_hot(x, 2), twice]) if rarely else twice, y)

    x = torch.tensor([0, 1])
    with (
        ProgramSolver(model, [x, x]) as solver,
        pytest.raises(SiteError, match="solver, observed site 'total': expected what the model") as no,
    ):
        solver.add([0, 1])
    assert "on literals, with program {'a': " in str(no.value)
    assert "adds up cases that are not disjoint" in str(no.value)


@learn([3], 2, hid_sizes=[4])
def of_integer(x):
    """Of a value."""


@learn([Tensor(2)], 3, hid_sizes=[4])
def seen(x):
    """Of reals."""


def latent(x, y=None):
    scale = pyro.sample("scale", dist.Normal(0.0, 1.0))
    with pyro.plate("examples", len(x)):
        observe("y", switch(choice("a", 2), [one_hot(x, 2), constant(0, 2)]), y)
    return scale


def normal(x, y=None):
    a = choice("a", 2)
    with pyro.plate("examples", len(x)):
        pyro.sample("y", dist.Normal(torch.zeros(len(x)), 1.0), obs=y.to(torch.get_default_dtype()))
    return a


def learned(x, y=None):
    a = choice("a", 3)
    library = Library([of_integer], seed=0)
    with pyro.plate("examples", len(x)):
        observe("y", library["of_integer"](a).expand(len(x), 2), y)


def in_plate(x, y=None):
    with pyro.plate("examples", len(x)):
        observe("y", choice("a", 2), y)


def twice(x, y=None):
    a = choice("a", 2)
    with pyro.plate("examples", len(x)):
        var("step", a)
        observe("y", var("step", one_hot(x, 2)), y)


def nothing(x, y=None):
    var("step", choice("a", 2))


def together_(x, y=None):
    a = choice("a", 2)
    with pyro.plate("examples", len(x), dim=-2):
        observe("y", a.expand(len(x), 1, 2), y.unsqueeze(-1))


def real(x, y=None):
    a = choice("a", 2)
    with pyro.plate("examples", len(x)):
        observe("y", (a * 0.5 + 0.25).expand(len(x), 2), y)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (latent, SiteError, r"solver, site 'scale': expected choices, steps.*got a latent Normal"),
        (normal, SiteError, r"solver, site 'y': expected choices, steps.*got an observed Normal"),
        (
            learned,
            UsageError,
            r"solver, function 'of_integer': expected inputs.*an integer that the program decides",
        ),
        (in_plate, SiteError, r"solver, choice 'a': expected choices in no plate, got one of shape \[2\]"),
        (twice, SiteError, r"site 'step': expected a name used once in the model"),
        (nothing, SiteError, r"model: expected an observed result, got none"),
        (together_, SiteError, r"solver, observed site 'y': expected one result for each example"),
        (real, UsageError, r"solver, site 'a'.*the number 0.5 in the operation 'mul'"),
    ],
)
def test_what_a_solver_cannot_follow_is_refused_by_name(model, error, message):
    x = torch.tensor([0, 1])
    with pytest.raises(error, match=message):
        run_on_literals(model, (x, x), Circuit())


def test_what_functions_read_is_grouped_by_what_is_possible():
    circuit = Circuit()
    readings = Readings(circuit, least=0.1, free={"untrained"})
    probabilities = torch.tensor([[0.5, 0.4, 0.1], [0.04, 0.95, 0.01], [0.02, 0.68, 0.3]])
    found = readings("seen", probabilities)
    assert (found != 0).tolist() == [[True, True, True], [False, True, False], [False, True, True]]
    assert found[1].tolist() == [0, 1, 0]
    np.testing.assert_allclose(readings.outside_of(3), [0, 0.05, 0.02], atol=1e-6)
    np.testing.assert_allclose(readings.unsure_of(3), [0.5, 0.05, 0.32], atol=1e-6)
    free = readings("untrained", probabilities)
    assert (free > 1).all()
    np.testing.assert_allclose(readings.outside_of(3), [0, 0.05, 0.02], atol=1e-6)
    readings.begin()
    assert readings("seen", probabilities) is found
    assert readings("seen", probabilities) is not found  # a second call
    sure = Readings(circuit, least=1.0)("seen", torch.tensor([[0.4, 0.4, 0.2]]))
    assert sure.tolist() == [[1, 0, 0]]


def test_an_example_of_several_readings_is_outside_by_their_sum():
    readings = Readings(Circuit(), least=0.5)
    readings("seen", torch.tensor([[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]]))
    np.testing.assert_allclose(readings.outside_of(2), [0.3, 0.3], atol=1e-6)
    np.testing.assert_allclose(readings.unsure_of(2), [0.3, 0.7], atol=1e-6)
    readings("all", torch.tensor([0.75, 0.25]))  # what all examples share counts in each
    np.testing.assert_allclose(readings.outside_of(2), [0.55, 0.55], atol=1e-6)


def test_products_of_two_values_are_no_fault_of_the_circuit():
    @runtime([4, 4], 4)
    def larger(a, b):
        return max(a, b)

    def model(x, y=None):
        a, b = choice("a", 4), choice("b", 4)
        with pyro.plate("examples", len(x)):
            observe("y", larger(larger(a, b), larger(b, one_hot(x, 4))), y)

    data = (X, torch.tensor([2, 2, 2, 3]))
    expected = {(a, b) for a in range(4) for b in range(4) if max(a, b) == 2}
    with ProgramSolver(model, data) as solver:
        assert satisfying(solver, range(4)) == expected
