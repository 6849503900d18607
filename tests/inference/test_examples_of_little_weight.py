"""Masks and scales count everywhere as they do in Pyro's own trace; who cannot honour them refuses."""

import pyro
import pytest
import torch
from pyro import poutine

from ntpt_pyro import Task, choice, induce, observe, one_hot, runtime, switch
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import (
    ProgramSolver,
    Restarts,
    evidence_bound,
    exact_posterior,
    fit,
    mean_log_likelihood,
)
from ntpt_pyro.inference.posterior.decided_programs import vertices


@runtime([8], 8)
def inc(x):
    return (x + 1) % 8


@runtime([8], 8)
def double(x):
    return 2 * x % 8


def machine(x):
    register = one_hot(x, 8)
    for k in range(2):
        register = switch(choice(f"line_{k}", 3), [inc(register), double(register), register])
    return register


X = torch.arange(8).repeat(4)
Y = 2 * (X + 1) % 8  # line_0 = 0, line_1 = 1
KNOWN = torch.where(torch.arange(32) < 6, Y, -1)
RIGHT = {"line_0": 0, "line_1": 1}


def masked(x, y):
    register = machine(x)
    with pyro.plate("examples", len(x)), poutine.mask(mask=y >= 0):
        observe("result", register, y.clamp(min=0))


def scaled(x, y):
    register = machine(x)
    with pyro.plate("examples", len(x)), poutine.scale(scale=torch.where(y >= 0, 1.0, 0.01)):
        observe("result", register, y.clamp(min=0))


def of_trace(model, program, data):
    """The log-likelihood by Pyro's own trace."""
    sizes = dict.fromkeys(program, 3)
    columns = {site: torch.tensor([n]) for site, n in program.items()}
    fixed = {site: value[0, 0] for site, value in vertices(columns, sizes).items()}
    trace = poutine.trace(poutine.condition(model, data=fixed)).get_trace(*data)
    return float(trace.log_prob_sum(lambda name, site: name == "result"))


@pytest.mark.parametrize("model", [masked, scaled])
def test_a_program_is_scored_as_pyro_scores_it(model):
    for program in (RIGHT, {"line_0": 2, "line_1": 2}):
        found = 32 * float(mean_log_likelihood(model, program, (X, KNOWN)))
        assert found == pytest.approx(of_trace(model, program, (X, KNOWN)), abs=1e-3)


@pytest.mark.parametrize("model", [masked, scaled])
def test_the_exact_posterior_is_that_of_pyro_s_scores(model):
    found = exact_posterior(model, (X, KNOWN))
    scores = torch.tensor(
        [of_trace(model, {"line_0": a, "line_1": b}, (X, KNOWN)) for a in range(3) for b in range(3)]
    )
    assert found.way == "every program by itself (because examples are masked or scaled)"
    assert found.posterior.probability(RIGHT) == pytest.approx(float(scores.softmax(0)[1]), abs=1e-5)
    assert found.posterior.log_evidence == pytest.approx(float(scores.logsumexp(0)) - 2.19722, abs=1e-3)


@pytest.mark.parametrize("model", [masked, scaled])
def test_a_solver_refuses_them_wherever_they_are(model):
    with pytest.raises(SiteError, match="expected examples that count alike, got some that are masked"):
        ProgramSolver(model, (X, KNOWN))


def test_what_is_masked_is_right_whatever_comes_out():
    found = induce(Task(masked, examples=(X, KNOWN)), strategy="exhaustive")
    assert (found.program, found.result.program_correct) == (RIGHT, True)


def test_restarts_are_preferred_by_what_counts():
    training = fit(masked, (X, KNOWN), restarts=8, steps=150, batch_size=None, choice_lr=0.3)
    best = int(training.restarts.running_log_likelihood.argmax())
    assert {site: int(q[best].argmax()) for site, q in training.guide.probabilities().items()} == RIGHT
    assert float(training.restarts.running_log_likelihood[best]) > -0.05
    posterior = exact_posterior(masked, (X, KNOWN)).posterior
    assert evidence_bound(masked, posterior, (X, KNOWN)) == pytest.approx(posterior.log_evidence, abs=1e-3)


def looks(x, y):
    """A model that decides in Python."""
    register = one_hot(x, 8)
    for k in range(2):
        line = choice(f"line_{k}", 3)
        register = [inc, double, lambda value: value][int(line.flatten().argmax()) % 3](register)
    with pyro.plate("examples", len(x)):
        observe("result", register, y, noise=0.1)


def test_programs_that_cannot_run_beside_others_run_alone():
    found = exact_posterior(looks, (X, Y))
    assert found.way.startswith("every program by itself")
    assert found.posterior.mode() == RIGHT
    assert found.posterior.probability(RIGHT) > 0.99


def late(x, y):
    """A choice that is made on some examples only."""
    register = one_hot(x, 8)
    for k in range(1 + int(x.max() > 6)):
        register = switch(choice(f"line_{k}", 3), [inc(register), double(register), register])
    with pyro.plate("examples", len(x)):
        observe("result", register, y)


@pytest.mark.parametrize("entry", [exact_posterior, ProgramSolver])
def test_choices_are_the_same_whatever_the_examples(entry):
    with pytest.raises(SiteError, match="choice 'line_1': expected the same choices, whatever the examples"):
        entry(late, (X, Y))


def test_restarts_do_not_read_what_is_masked():
    handler = Restarts(2)
    handler(masked)(X, torch.full_like(X, -1))
    assert handler.running_log_likelihood.tolist() == [0.0, 0.0]
