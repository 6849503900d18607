"""Texts with functions of integers and tensors: enumerated, exact, on literals; calls made together."""

import itertools
from functools import partial

import pytest
import torch
from pyro.poutine.messenger import Messenger

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import enumeration, exact_posterior, marginals
from ntpt_pyro.inference.posterior.decided_programs import decided
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.inference.solver.circuit import Circuit
from ntpt_pyro.inference.solver.model_circuit import run_on_literals
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.language.networks import NeuralFunction
from ntpt_pyro.terpret import load
from tests.terpret.learned_text import DECLARED, INSTANCES, SIZES, TEXT, data, library, run, soft

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.fixture
def model():
    return load(TEXT, "text", {})


@pytest.mark.parametrize("way", ["together", "one by one"])
def test_enumeration_sums_over_programs_and_variables(model, way):
    networks, given = library(model).requires_grad_(False), data(observed=True)
    program = partial(model if way == "together" else model.one_by_one, library=networks)
    strategy = enumeration()
    found = marginals(strategy, program, strategy.guide(program, *given), given)
    eye = {n: torch.eye(n) for n in (2, 3, 4, 5)}
    exact = torch.zeros(2, 3)
    for which, mode in itertools.product(range(2), range(3)):
        likelihood = torch.ones(())
        for image, bit, out, other in zip(*given[:1], *(one.tolist() for one in given[1:]), strict=True):
            seen, total = networks["encode"](image), 0.0
            of_a = networks["read"](seen[which], eye[3][mode], eye[2][bit])
            of_b = networks["read"](seen[0], eye[3][2], eye[2][bit])
            for a, b in itertools.product(range(3), range(3)):
                mixed = [(4, seen[which]), (1, seen[1]), (b, seen[which])][a]
                of_c = networks["last"](networks["mix"](eye[5][mixed[0]], mixed[1]))
                for c in range(3):
                    agrees = 1 - 1e-6 + 1e-6 / 3 if (a if c == 0 else c) == out else 1e-6 / 3
                    combined = networks["combine"](eye[3][c], eye[4][bit])[other] * (1 - 1e-6) + 1e-6 / 4
                    total += of_a[a] * of_b[b] * of_c[c] * agrees * combined
            likelihood = likelihood * total
        exact[which, mode] = likelihood.detach()
    exact /= exact.sum()
    torch.testing.assert_close(found["which"][0], exact.sum(1))
    torch.testing.assert_close(found["mode"][0], exact.sum(0))


def test_the_exact_posterior_weighs_programs_by_their_likelihoods(model):
    given = data(observed=True)
    program = partial(model, library=library(model).eval().requires_grad_(False))
    found = exact_posterior(program, given)
    assert "because of the learned function 'read' of a value" in found.way
    programs = list(itertools.product(range(2), range(3)))
    columns = dict(zip(SIZES, torch.tensor(programs).unbind(-1), strict=True))
    wanted = log_likelihood(decided(program, columns, given), given).softmax(0).reshape(2, 3)
    torch.testing.assert_close(found.posterior.marginals["which"], wanted.sum(1), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found.posterior.marginals["mode"], wanted.sum(0), atol=1e-6, rtol=1e-4)


def test_a_solver_refuses_functions_of_what_a_program_decides_by_name(model):
    reading = "seen[0].set_to(encode(images[0]))\nout.set_to(read(seen[0], mode, bit))\nother.set_to(0)\n"
    refused = [
        (model, "site 'b': .*got the number .* in the operation"),
        (
            load(DECLARED + reading, "reading", {}),
            "function 'read': .*got an integer that the program decides",
        ),
    ]
    for text, message in refused:
        with pytest.raises(UsageError, match=f"solver, {message}"):
            run_on_literals(partial(text, library=library(text)), data(observed=True), Circuit())


SOLVED = """
for i in range(2):
    seen[i].set_to(encode(images[i]))
a.set_to(read(seen[0], 2, bit))
b.set_to(read(seen[1], 0, bit))
with which as w:
    if w == 0:
        out.set_to(a)
    else:
        out.set_to(b)
other.set_to(mode)
"""


def test_a_solver_takes_what_functions_make_of_what_instances_give():
    model = load(DECLARED + SOLVED, "solved", {})
    networks, circuit = library(model), Circuit()
    images, bits, *_ = data()
    readings = Readings(circuit, least=1.0)  # the most probable ones
    given = (images, bits, torch.zeros(INSTANCES, dtype=int), torch.zeros(INSTANCES, dtype=int))
    run_on_literals(partial(model, library=networks), given, circuit, readings=readings)
    assert [name for name, _ in readings.known] == ["read"]
    assert readings.known["read", 0].shape == (INSTANCES, 2, 3)


class Calls(Messenger):
    """Counts calls of networks."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _pyro_post_ntpt_learned(self, msg):
        self.seen.append((msg["args"][0].declaration.name, tuple(msg["value"].shape)))


TOGETHER = """
for i in range(2):
    seen[i].set_to(encode(images[i]))
a.set_to(read(seen[0], mode, bit))
b.set_to(read(seen[1], 2, bit))
out.set_to(a)
if a == 0:
    other.set_to(combine(2, bit))
else:
    other.set_to(combine(b, bit))
"""


def test_calls_of_a_function_that_can_be_made_at_the_same_time_are_one():
    model, calls = load(DECLARED + TOGETHER, "together", {}), Calls()
    with calls:
        run(partial(model, library=library(model)), soft(5))
    assert calls.seen == [
        ("encode", (INSTANCES, 2, 4)),
        ("combine", (INSTANCES, 1, 4)),  # of inputs alone, as encode
        ("read", (5, INSTANCES, 2, 3)),
        ("combine", (5, INSTANCES, 1, 4)),
    ]


def test_under_enumeration_calls_have_the_dimensions_of_their_own_arguments_only(model, monkeypatch):
    rows = []
    evaluate = NeuralFunction.evaluate

    def noted(function, *inputs, **options):
        found = evaluate(function, *inputs, **options)
        rows.append((function.declaration.name, found.numel() // INSTANCES))
        return found

    monkeypatch.setattr(NeuralFunction, "evaluate", noted)
    networks, given = library(model).requires_grad_(False), data(observed=True)
    program, strategy = partial(model, library=networks), enumeration()
    guide = strategy.guide(program, *given)
    rows.clear()
    marginals(strategy, program, guide, given)
    assert ("read", 2 * 3 * 3) in rows  # of which and mode
    assert ("read", 3) in rows  # of neither
    assert ("mix", 2 * 2 * 3 * 3 * 3 * 3 * 3 * 4) not in rows
