"""Several solvers beside each other: what is said is what one engine says."""

import itertools
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import Task, choice, induce, observe, one_hot
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import Workers
from ntpt_pyro.inference.solver import racing_engine
from ntpt_pyro.inference.solver.engine import Engine, SolverError
from ntpt_pyro.inference.solver.likeliest import CLOSE, LEAST
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.racing_engine import HELPERS, RacingEngine, engine_for
from ntpt_pyro.inference.solver.solution import Questions, solve
from ntpt_pyro.runs.methods import solver_method
from tests.inference.solver.test_differences import CIRCUIT
from tests.inference.solver.test_engine import flat, gone, pigeonhole, some_clauses, wait_for
from tests.inference.solver.test_explaining import some_task, two_tables
from tests.inference.solver.test_likeliest import model as model_of_images
from tests.inference.solver.test_likeliest import some_task as some_images

ENOUGH = 30.0
"""Seconds within which a helper has surely answered."""
HARD = """
import signal, threading, time
import numpy as np
from ntpt_pyro.inference.solver import racing_engine
from tests.inference.solver.test_engine import pigeonhole
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
racing_engine.HEAD_START = 0.0
engine = racing_engine.RacingEngine(2)
engine.add(pigeonhole(12))
timer = threading.Timer(1.5, print, ("asked",), {"flush": True})
timer.start()
answer = engine.solve()
print(answer.status, answer.interrupted, answer.true, flush=True)
engine.close()
"""


@pytest.fixture
def at_once(monkeypatch):
    """Helpers begin with the engine itself."""
    monkeypatch.setattr(racing_engine, "HEAD_START", 0.0)


@pytest.fixture
def helped(at_once):
    with RacingEngine(1) as made:
        yield made


def children(pid):
    """Processes that a process started and that have not ended."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return {int(one) for one in listed.stdout.split() if not gone(int(one))}


@pytest.fixture
def before():
    """Processes of this one that others have begun, such as workers that wait."""
    return children(os.getpid())


def waits_for_ever(engine):
    """Let the engine's own process answer no more, though it lives."""
    Engine.solve(engine)
    os.kill(engine._process.pid, signal.SIGSTOP)
    return engine._process.pid


@pytest.mark.parametrize("helpers", range(1, 1 + len(HELPERS)))
def test_what_is_said_is_what_one_engine_says(at_once, helpers):
    random, seen = np.random.default_rng(helpers), set()
    with RacingEngine(helpers) as several, Engine() as one:
        for _ in range(8):
            for clause in some_clauses(random, 5):
                several.add(flat([clause]))
                one.add(flat([clause]))
            assumptions = [int(random.integers(1, 8))]
            answers = [engine.solve(assumptions) for engine in (several, one)]
            assert answers[0].status == answers[1].status
            if answers[0].true is not None:
                assert len(answers[0].true) == several.variables + 1
            seen.add(answers[0].status)
    assert seen == {"satisfiable", "unsatisfiable"}


@pytest.mark.parametrize("solver", HELPERS)
def test_each_helper_can_do_all_that_is_asked(solver):
    with Engine(solver=solver) as engine:
        engine.add(flat([[1, 2], [2, 3], [-3, 4]]))
        assert engine.solve([-2]).true.tolist() == [False, True, False, True, True]
        assert set(engine.solve([-2, -4]).core) <= {-2, -4}


def test_the_first_answer_counts(before, helped):
    helped.add(flat([[1, 2], [-1, 2]]))
    stopped = waits_for_ever(helped)
    answer = helped.solve([-2], seconds=ENOUGH)
    assert (answer.status, answer.core) == ("unsatisfiable", (-2,))
    assert gone(stopped)
    assert children(os.getpid()) <= before
    assert helped.solve([2]).status == "satisfiable"
    helped.add(flat([[-2]]))
    assert helped.solve().status == "unsatisfiable"


def test_an_easy_question_is_the_engine_s_own(monkeypatch):
    begun = []
    monkeypatch.setattr(Engine, "add_all_of", lambda own, other: begun.append(own))
    with RacingEngine(3) as engine:
        engine.solve()  # the process starts
        monkeypatch.setattr(racing_engine, "HEAD_START", ENOUGH)
        assert engine.solve([1]).status == "satisfiable"
        monkeypatch.setattr(racing_engine, "HEAD_START", 0.0)
        assert engine.minimise({1: 2}, [1]).cost == 2
    assert begun == []


def test_a_helper_that_fails_is_left_out(before, at_once, monkeypatch):
    monkeypatch.setattr(racing_engine, "HELPERS", ("nothing",))
    with RacingEngine(1) as engine:
        engine.add(pigeonhole(12))
        assert engine.solve(seconds=2).status == "unknown"
        assert children(os.getpid()) <= before
        engine.add(pigeonhole(7))
        assert engine.solve().status == "unsatisfiable"


def test_the_failure_of_its_own_process_is_an_error(before, helped):
    helped.add(pigeonhole(12))
    Engine.solve(helped, [1, 13])
    killer = threading.Timer(0.5, os.kill, (helped._process.pid, signal.SIGTERM))
    killer.start()
    with pytest.raises(SolverError, match="got exit code -15"):
        helped.solve()
    killer.join()
    assert children(os.getpid()) <= before
    assert helped.solve([1, 13]).status == "unsatisfiable"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_no_process_is_left_over(how):
    with subprocess.Popen(
        [sys.executable, "-c", HARD], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "asked\n"
        assert wait_for(lambda: len(children(process.pid)) == 3)
        begun = children(process.pid)
        os.kill(process.pid, how)
        said = process.stdout.readlines()
        assert said == (["unknown True None\n"] if how == signal.SIGINT else [])
        assert wait_for(lambda: all(gone(one) for one in begun))


def found_by(model, data, workers, *, least=0.0, **limits):
    with ProgramSolver(model, data, least=least, workers=workers) as solver:
        return solve(solver, Questions(), **limits)


@pytest.mark.parametrize("seed", [0, 1, 4])
@pytest.mark.parametrize("impossible", [False, True])
def test_the_best_program_is_as_good(at_once, seed, impossible):
    data = some_task(seed, impossible=impossible)[1]
    several, one = (found_by(two_tables, data, Workers(jobs)).explanation for jobs in (2, 1))
    assert (several.status, several.cost, several.bound) == (one.status, one.cost, one.bound)
    assert len(several.unexplained) == len(one.unexplained)
    assert bool(several.core) == bool(one.core)


def test_the_simplest_program_of_a_text_is_as_simple(at_once):
    rows = torch.tensor([*itertools.product([0, 1], repeat=CIRCUIT.hypers["inputs"])])
    labels = torch.stack([rows.sum(-1) % 2] * CIRCUIT.hypers["outputs"], -1)
    several, one = (found_by(CIRCUIT, [rows, labels], Workers(jobs)) for jobs in (2, 1))
    assert several.simplicity.proved
    assert several.simplicity == one.simplicity
    assert several.explanation.cost == one.explanation.cost
    assert several.determined.status == one.determined.status


@pytest.mark.parametrize("seed", range(3))
def test_the_most_likely_program_of_images_is_as_likely(at_once, seed):
    data = some_images(seed)
    several, one = (
        found_by(model_of_images, data, Workers(jobs), least=LEAST).explanation for jobs in (2, 1)
    )
    assert several.status == one.status == "optimal"
    assert several.cost >= one.bound - CLOSE
    assert one.cost >= several.bound - CLOSE
    assert abs(several.cost - one.cost) <= max(several.gap, one.gap) + CLOSE


def test_no_time_is_no_program_with_workers_too():
    found = found_by(two_tables, some_task(0)[1], Workers(2), seconds=0.0).explanation
    assert (found.status, found.program) == ("unknown", None)


def test_a_model_that_cannot_be_followed_is_named_with_workers_too():
    def not_disjoint(x, y=None):
        a, b = choice("a", 2), choice("b", 2)
        with pyro.plate("examples", len(x)):
            observe("total", a * b + a * b + 0 * one_hot(x, 2), y)

    x = torch.tensor([0, 1])
    with pytest.raises(SiteError, match="adds up cases that are not disjoint"):
        found_by(not_disjoint, (x, x), Workers(2))


def test_a_run_hands_its_workers_on(monkeypatch):
    given = []

    def noted(*arguments, workers, **others):
        given.append(workers)
        return ProgramSolver(*arguments, workers=workers, **others)

    monkeypatch.setattr(solver_method, "ProgramSolver", noted)
    rows = some_task(1)[1]
    task = Task(two_tables, rows)
    several = induce(task, strategy="solver", workers=Workers(2)).result
    one = induce(task, strategy="solver").result
    assert given == [Workers(2), Workers()]
    assert (several.status, several.cost, several.bound) == (one.status, one.cost, one.bound)


@pytest.mark.parametrize(
    ("workers", "helpers"),
    [(Workers(), 0), (Workers(cluster="tcp://127.0.0.1:1"), 0), (Workers(2), 1), (Workers(64), len(HELPERS))],
)
def test_how_many_help(workers, helpers):
    engine = engine_for(workers)
    assert len(getattr(engine, "_helpers", ())) == helpers
    assert isinstance(engine, RacingEngine) == bool(helpers)
