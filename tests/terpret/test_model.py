"""Compiled texts: against TerpreT's equations read naively, enumeration, and the concrete interpreter."""

import itertools
from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import Library, one_hot
from ntpt_pyro.errors import LibraryError, TerpretError
from ntpt_pyro.inference import (
    EnumeratedSteps,
    MeanChoices,
    Restarts,
    Strategy,
    enumeration,
    fit,
    marginal,
    marginals,
    relaxed,
    strategy_named,
)
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.terpret import load, parse
from ntpt_pyro.terpret.symbols import Call, Cell, cells_of
from ntpt_pyro.terpret.unrolling import Unrolled
from tests.inference import tiny

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
MACHINES = {
    "turing": {"tape_length": 3, "symbols": 3, "states": 3, "steps": 4},
    "circuit": {"inputs": 2, "outputs": 2, "wires": 3, "gates": 2},
}
REGISTERS = """
left = Param(2)
right = Param(2)
chosen = Param(3)
given = Input(4)
r1 = Var(4)
u = Var(4)
v = Var(4)
r2 = Var(4)
out = Output(4)
@Runtime([4], 4)
def mirror(x):
    return 3 - x
@Runtime([4, 4], 4)
def add(x, y):
    return (x + y) % 4
r1.set_to(mirror(given))
if left == 0:
    u.set_to(given)
else:
    u.set_to(r1)
if right == 0:
    v.set_to(given)
else:
    v.set_to(r1)
r2.set_to(add(u, v))
if chosen == 0:
    out.set_to(given)
elif chosen == 1:
    out.set_to(r1)
else:
    out.set_to(r2)
"""


def text(name):
    return (TEXTS / f"{name}.terpret").read_text(encoding="utf-8")


def machine(name):
    return load(text(name), name, MACHINES[name])


def random_inputs(model, instances, seed=0):
    source = np.random.default_rng(seed)
    return [torch.from_numpy(source.integers(0, one.size, (instances, *one.dims))) for one in model.inputs]


def random_params(model, seed=0):
    source = np.random.default_rng(seed)
    return {cell.site: int(source.integers(cell.size)) for cell in model.params}


def soft_params(model, seed=0):
    source = torch.Generator().manual_seed(seed)
    return {cell.site: torch.randn(cell.size, generator=source).softmax(-1) for cell in model.params}


def run(model, params, inputs, strategy=None):
    conditioned = pyro.poutine.condition(model, data=params)
    return (strategy or marginal())(conditioned)(*inputs, *[None] * len(model.outputs))


def by_the_equations(name, params, inputs):
    """Marginals of outputs for one instance, way by way and value by value, in Python's numbers."""
    found = Unrolled(parse(text(name), name), MACHINES[name])
    known = {}

    def of(cell):
        if cell not in known:
            if cell.declared.kind == "Param":
                known[cell] = params[cell.site].tolist()
            elif cell.declared.kind == "Input":
                value = inputs[cell.declared.name]
                for place in cell.index:
                    value = value[place]
                known[cell] = [float(value == k) for k in range(cell.size)]
            else:
                known[cell] = [0.0] * cell.size
                for one in found.assignments[cell]:
                    way = prod(sum(of(c)[v] for v in values) for c, values in one.conditions)
                    read = cells_of(one.expression)
                    for arguments in itertools.product(*(range(c.size) for c in read)):
                        weight = way * prod(of(c)[k] for c, k in zip(read, arguments, strict=True))
                        known[cell][result(one.expression, arguments)] += weight
        return known[cell]

    def result(expression, arguments):
        if isinstance(expression, Call):
            values = iter(arguments)
            at = tuple(a if isinstance(a, int) else next(values) for a in expression.arguments)
            return int(expression.function.table[at])
        return arguments[0] if isinstance(expression, Cell) else expression

    outputs = [cell for cell in found.assignments if cell.declared.kind == "Output"]
    return {cell.site: of(cell) for cell in outputs}


@pytest.mark.parametrize("name", MACHINES)
def test_outputs_have_terprets_marginals(name):
    model = machine(name)
    inputs, params = random_inputs(model, 4), soft_params(model)
    found = run(model, params, inputs)
    for number in range(4):
        given = {one.name: t[number].tolist() for one, t in zip(model.inputs, inputs, strict=True)}
        expected = by_the_equations(name, params, given)
        assert set(expected) == set(found)
        for site, probabilities in expected.items():
            torch.testing.assert_close(
                found[site][number].double(),
                torch.tensor(probabilities, dtype=torch.float64),
                rtol=0,
                atol=1e-6,
            )


@pytest.mark.parametrize("strategy", ["marginal", "relaxed", "marginal-joint", "enumeration"])
@pytest.mark.parametrize("name", MACHINES)
def test_decided_programs_run_as_the_concrete_interpreter_runs_them(name, strategy):
    model = machine(name)
    inputs = random_inputs(model, 6)
    for seed in range(5):
        program = random_params(model, seed)
        params = {cell.site: one_hot(torch.tensor(program[cell.site]), cell.size) for cell in model.params}
        if strategy == "enumeration":  # steps are vertices anyway: sampled, there is one to sample
            found = pyro.poutine.condition(model, data=params)(*inputs, *[None] * len(model.outputs))
        else:
            found = run(model, params, inputs, strategy_named(strategy))
        for number in range(6):
            given = {one.name: t[number].tolist() for one, t in zip(model.inputs, inputs, strict=True)}
            outputs = model.run(program, given)
            for one in model.outputs:
                expected = np.array(outputs[one.name])
                for index in np.ndindex(one.dims):
                    value = found["_".join([one.name, *map(str, index)])][number]
                    assert int(value.argmax()) == expected[index]
                    assert float(value.max()) == pytest.approx(1)


def test_restarts_are_a_batch_of_programs_that_do_not_mix():
    model = machine("turing")
    inputs = random_inputs(model, 3)
    alone = [soft_params(model, seed) for seed in range(4)]
    together = {site: torch.stack([one[site] for one in alone]).unsqueeze(1) for site in alone[0]}
    conditioned = pyro.poutine.condition(Restarts(4)(model), data=together)
    found = marginal()(conditioned)(*inputs, *[None] * len(model.outputs))
    for restart, params in enumerate(alone):
        for site, value in run(model, params, inputs).items():
            torch.testing.assert_close(found[site][restart], value)


def test_a_text_means_what_the_same_model_written_by_hand_means():
    model = load(REGISTERS, "registers", {})
    integers = torch.tensor([0, 1, 2, 3])
    params = soft_params(model)
    mine = run(model, params, [integers])["out"]
    names = {"left": "left", "right": "right", "return": "chosen"}
    by_hand = pyro.poutine.condition(
        tiny.REGISTERS.model, data={site: params[name] for site, name in names.items()}
    )
    torch.testing.assert_close(mine, marginal()(by_hand)(torch.eye(4)[integers]))


@pytest.mark.parametrize("name", ["circuit"])
def test_enumeration_of_choices_and_steps_is_exact(name):
    """Against a sum over all programs, each run by the concrete interpreter."""
    hypers = {"inputs": 2, "outputs": 1, "wires": 2, "gates": 1}
    model = load(text(name), name, hypers)
    (given,) = random_inputs(model, 3)
    wanted = torch.tensor([[1], [0], [-1]])
    strategy = enumeration()
    guide = strategy.guide(model, given, wanted)
    mine = marginals(strategy, model, guide, (given, wanted))
    sizes = {cell.site: cell.size for cell in model.params}
    exact = {site: torch.zeros(size) for site, size in sizes.items()}
    noise = 1e-6
    for integers in itertools.product(*map(range, sizes.values())):
        program = dict(zip(sizes, integers, strict=True))
        likelihood = 1.0
        for bits, want in zip(given.tolist(), wanted.tolist(), strict=True):
            (out,) = model.run(program, {"given": bits})["wanted"]
            likelihood *= 1.0 if want == [-1] else (1 - noise) * (out == want[0]) + noise / 2
        for site, integer in program.items():
            exact[site][integer] += likelihood
    for site, probabilities in exact.items():
        torch.testing.assert_close(mine[site][0], probabilities / probabilities.sum(), rtol=1e-4, atol=1e-5)


def test_enumerated_steps_equal_marginals_where_variables_are_read_once():
    model = load(
        REGISTERS.replace("chosen == 0", "chosen == 1 + 1").replace("chosen == 1:", "chosen == 0:"), "r", {}
    )
    integers, outputs = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
    losses = []
    for steps in (EnumeratedSteps(), None):
        strategy = Strategy(choices=MeanChoices(), steps=steps) if steps else marginal()
        guide = marginal().guide(model, integers, outputs, generator=torch.Generator().manual_seed(1))
        elbo = strategy.elbo(max_plate_nesting=1)
        losses.append(elbo.differentiable_loss(strategy(model), strategy(guide), integers, outputs))
    torch.testing.assert_close(*losses)


def test_what_is_not_observed_explains_itself():
    model = machine("circuit")
    (given,) = random_inputs(model, 3)
    hidden, seen = torch.full((3, 2), -1), torch.tensor([[0, 1], [1, 1], [0, 0]])
    params = soft_params(model)

    def log_prob(observed):
        trace = pyro.poutine.trace(marginal()(pyro.poutine.condition(model, data=params)))
        found = trace.get_trace(given, observed)
        found.compute_log_prob()
        return sum(found.nodes[f"wanted_{o}"]["log_prob"] for o in range(2))

    torch.testing.assert_close(log_prob(hidden), torch.zeros(3), atol=1e-5, rtol=0)
    half = torch.where(torch.tensor([True, False]), seen, hidden)
    other = torch.where(torch.tensor([False, True]), seen, hidden)
    torch.testing.assert_close(log_prob(half) + log_prob(other), log_prob(seen), atol=1e-5, rtol=0)


def test_sites_are_named_after_variables():
    model = machine("circuit")
    sites = model_sites(model, *random_inputs(model, 2), None)
    assert list(sites.choices) == [f"{part}_{g}" for part in ("kind", "left", "right", "out") for g in (0, 1)]
    assert sites.choices["kind_1"].size == 5
    assert {"wire_0_2", "a_1", "result_0"} <= set(sites.steps)


def test_a_parameter_that_the_text_decides_is_no_choice():
    decided = REGISTERS.replace("left = Param(2)\n", "left = Param(2)\nleft.set_to_constant(1)\n")
    model = load(decided, "r", {})
    assert list(model_sites(model, torch.tensor([1]), None).choices) == ["right", "chosen"]
    assert model.run({"right": 0, "chosen": 2}, {"given": 1}) == {"out": 3}
    assert model.run({"right": 1, "chosen": 2}, {"given": 1}) == {"out": 0}
    assert model.program_text({"right": 1, "chosen": 2}) == ["left = 1", "right = 1", "chosen = 2"]


LOOKS = """
signs = Input(Tensor(2, 2))[2]
turn = Param(2)
seen = Var(4)[2]
out = Output(4)
@Learn([Tensor(2, 2)], 4, hid_sizes=[8])
def LOOK(sign): pass
for i in range(2):
    seen[i].set_to(LOOK(signs[i]))
with turn as t:
    out.set_to(seen[t])
"""


def test_learned_functions_read_tensors_with_the_library():
    model = load(LOOKS, "looks", {})
    (function,) = model.functions
    assert function.layer_sizes == (4, 8, 4)
    library = Library([function], seed=0)
    signs = torch.rand(5, 2, 2, 2)
    for turn in range(2):
        params = {"turn": one_hot(torch.tensor(turn), 2)}
        conditioned = pyro.poutine.condition(model, data=params)
        found = marginal()(conditioned)(signs, None, library=library)["out"]
        torch.testing.assert_close(found, library["LOOK"](signs[:, turn]))
    assert model.run({"turn": 1}, {"signs": {"LOOK": [2, 3]}}) == {"out": 3}
    with pytest.raises(LibraryError, match="expected one with LOOK, got none"):
        marginal()(model)(signs, None)


def test_gradients_reach_parameters_and_networks():
    model = load(LOOKS, "looks", {})
    library = Library(model.functions, seed=0)
    logits = torch.zeros(2, requires_grad=True)
    conditioned = pyro.poutine.condition(model, data={"turn": logits.softmax(-1)})
    out = marginal()(conditioned)(torch.rand(3, 2, 2, 2), None, library=library)["out"]
    out[:, 0].log().sum().backward()
    assert logits.grad.abs().sum() > 0
    assert all(parameter.grad.abs().sum() > 0 for parameter in library.parameters())


WIDE = """
x = Input(2000)
y = Output(2000)
z = Var(2000)[2500]
for i in range(2500):
    z[i].set_to(x)
y.set_to(x)
"""


def test_texts_that_unroll_too_far_say_how_far():
    with pytest.raises(
        TerpretError,
        match=r"wide:6:5: expected at most 4,000,000 products, got 4,\d+,\d+ up to here, .* in line 6",
    ):
        load(WIDE, "wide", {})


def test_a_text_with_learned_functions_is_trained_with_its_library():
    model = load(LOOKS, "looks", {})
    library = Library(model.functions, seed=0)
    signs = torch.rand(8, 2, 2, 2)
    results = (signs[:, 1, 0, 0] > 0.5).long()
    state = fit(
        partial(model, library=library),
        (signs, results),
        strategy=relaxed(),
        restarts=4,
        library=library,
        steps=40,
        library_lr=0.05,
    )
    assert list(state.guide.probabilities()) == ["turn"]
    assert state.guide.probabilities()["turn"].shape == (4, 1, 2)
    assert state.losses[-1] < 0.7 * state.losses[0]
