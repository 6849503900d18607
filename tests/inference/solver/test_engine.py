import importlib.util
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.solver.engine import SOLVER, Engine, SolverError
from ntpt_pyro.inference.solver.worker import frame

VARIABLES = 7
SLACK = 1.0
"""Seconds by which a call may miss its limit: the machine may be busy."""
HARD = """
import os, signal, sys, threading, time
import numpy as np
from ntpt_pyro.inference.solver.engine import Engine
from itertools import combinations
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
clauses = [[p * 11 + h + 1 for h in range(11)] for p in range(12)]
clauses += [[-p * 11 - h - 1, -q * 11 - h - 1] for h in range(11) for p, q in combinations(range(12), 2)]
engine = Engine()
engine.add(np.array([x for clause in clauses for x in (*clause, 0)], np.int32))
engine.solve(seconds=0.01)
def tell():
    while engine._process is None:
        time.sleep(0.01)
    time.sleep(0.2)
    print(engine._process.pid, flush=True)
threading.Thread(target=tell).start()
answer = engine.solve()
print(answer.status, answer.interrupted, answer.true, flush=True)
print(Engine().solve([1, 2]).status)
engine.close()
"""
"""A program that says which process solves for it, and then waits for an answer that takes long."""


@pytest.fixture
def engine():
    with Engine() as made:
        yield made


def flat(clauses):
    return np.array([x for clause in clauses for x in (*clause, 0)], np.int32)


def pigeonhole(holes):
    """One pigeon more than holes."""
    clauses = [[p * holes + h + 1 for h in range(holes)] for p in range(holes + 1)]
    for p, q in itertools.combinations(range(holes + 1), 2):
        clauses += [[-p * holes - h - 1, -q * holes - h - 1] for h in range(holes)]
    return flat(clauses)


def covers(random, sets, size):
    return flat(random.choice(sets, size, replace=False) + 1 for _ in range(sets))


def some_clauses(random, many):
    lengths = random.integers(2, 5, many)
    return [random.integers(1, VARIABLES + 1, length) * random.choice([-1, 1], length) for length in lengths]


def holding(literals):
    """Where a literal of these holds, ``[2 ** VARIABLES]``."""
    table = np.array([*itertools.product([False, True], repeat=VARIABLES)])
    return np.any([table[:, abs(x) - 1] == (x > 0) for x in literals] or [np.zeros(len(table))], 0)


def satisfying(clauses):
    return np.all([holding(clause) for clause in clauses], 0)


def satisfies(true, clauses):
    return not true[0] and all(any(true[abs(x)] == (x > 0) for x in clause) for clause in clauses)


def random_literals(random, many):
    return [int(x) for x in random.integers(1, VARIABLES + 1, many) * random.choice([-1, 1], many)]


def gone(pid):
    """Whether a process has ended, be it that nobody has asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("seed", range(6))
def test_solve_agrees_with_brute_force(engine, seed):
    random = np.random.default_rng(seed)
    clauses, seen = [], set()
    for _ in range(30):
        more = some_clauses(random, 2)
        clauses += more
        engine.add(flat(more))
        assumptions = random_literals(random, random.integers(5))
        answer = engine.solve(assumptions)
        everything = [*clauses, *([one] for one in assumptions)]
        assert answer.status == ("satisfiable" if satisfying(everything).any() else "unsatisfiable")
        if answer.true is not None:
            assert answer.true.shape == (engine.variables + 1,)
            assert satisfies(answer.true, everything)
            assert answer.core == ()
        else:
            assert set(answer.core) <= set(assumptions)
            assert not satisfying([*clauses, *([one] for one in answer.core)]).any()
        seen.add((answer.status, bool(answer.core)))
    assert seen == {("satisfiable", False), ("unsatisfiable", True), ("unsatisfiable", False)}
    assert engine.clauses == len(clauses)


@pytest.mark.parametrize("seed", range(3))
def test_minimise_agrees_with_brute_force(engine, seed):
    random = np.random.default_rng(seed)
    clauses = []
    for _ in range(14):
        more = some_clauses(random, 2)
        clauses += more
        engine.add(flat(more))
        costs = {one: int(random.integers(6)) for one in random_literals(random, 9)}
        assumptions = random_literals(random, random.integers(2))
        told = []
        optimum = engine.minimise(costs, assumptions, progress=lambda *known, told=told: told.append(known))
        everything = [*clauses, *([one] for one in assumptions)]
        total = sum(cost * holding([one]) for one, cost in costs.items())
        within = satisfying(everything)
        if not within.any():
            assert (optimum.status, optimum.true, optimum.cost) == ("infeasible", None, None)
            continue
        assert optimum.status == "optimal"
        assert satisfies(optimum.true, everything)
        assert optimum.cost == optimum.bound == total[within].min()
        assert optimum.cost == sum(cost for one, cost in costs.items() if optimum.true[abs(one)] == (one > 0))
        assert_progress(told)
        assert told[-1:] in ([], [(optimum.cost, optimum.bound)])


def assert_progress(told):
    """Something changes each time: costs fall, bounds rise."""
    assert len(set(told)) == len(told)
    costs = [cost for cost, _ in told if cost is not None]
    bounds = [bound for _, bound in told]
    assert costs == sorted(costs, reverse=True)
    assert bounds == sorted(bounds)


def test_clauses_that_contradict_each_other_need_no_assumption(engine):
    engine.add(flat([[]]))
    assert (engine.clauses, engine.variables) == (1, 0)
    answer = engine.solve([3])
    assert (answer.status, answer.core) == ("unsatisfiable", ())
    assert engine.minimise({3: 1}).status == "infeasible"


def test_nothing_is_satisfiable(engine):
    engine.add(flat([]))
    assert engine.solve().true.tolist() == [False]
    assert engine.solve([2, -3]).true.tolist()[2:] == [True, False]
    assert engine.minimise({}).status == "optimal"


@pytest.mark.parametrize("seconds", [0, -1, 0.001, 0.3])
def test_a_time_limit_holds(engine, seconds):
    engine.add(pigeonhole(11))
    begun = time.monotonic()
    answer = engine.solve(seconds=seconds)
    optimum = engine.minimise({1: 1}, seconds=seconds)
    taken = time.monotonic() - begun
    assert (answer.status, answer.true, answer.core) == ("unknown", None, ())
    assert (optimum.status, optimum.true, optimum.cost, optimum.bound) == ("unknown", None, None, 0)
    assert not answer.interrupted
    assert 2 * max(seconds, 0) <= taken < 2 * max(seconds, 0) + SLACK
    assert abs(answer.seconds + optimum.seconds - taken) < SLACK / 2


def test_what_was_found_within_the_time_is_kept(engine):
    sets = 150
    engine.add(covers(np.random.default_rng(0), sets, 6))
    told = []
    optimum = engine.minimise(
        dict.fromkeys(range(1, sets + 1), 2),
        seconds=1.5,
        progress=lambda *known: told.append(known),
    )
    assert optimum.status == "feasible"
    assert optimum.cost == 2 * optimum.true.sum()
    assert 0 < optimum.bound < optimum.cost
    assert told[-1] == (optimum.cost, optimum.bound)
    assert_progress(told)


def test_an_engine_goes_on_after_its_time_was_over(engine):
    engine.add(flat([[1, 200], [-1, 200]]))
    assert engine.solve([-200]).core == (-200,)
    engine.add(pigeonhole(11))
    assert engine.solve(seconds=0.2).status == "unknown"
    engine.add(flat([[-200, 201]]))
    answer = engine.solve([-200])
    assert (answer.status, answer.core) == ("unsatisfiable", (-200,))
    assert engine.solve([-201, 200]).status == "unsatisfiable"


def test_two_engines_do_not_meddle(engine):
    with Engine() as other:
        engine.add(flat([[1, 2]]))
        other.add(flat([[-1], [-2]]))
        assert engine.solve().status == other.solve().status == "satisfiable"
        other.add(flat([[1, 2]]))
        assert engine.solve().status == "satisfiable"
        assert other.solve().status == "unsatisfiable"
        engine.close()
        assert other.solve().status == "unsatisfiable"
        assert engine.solve([-1]).true.tolist() == [False, False, True]


def test_a_limit_of_memory_is_an_error():
    random = np.random.default_rng(0)
    many = random.integers(1, 10**5, (200_000, 6)).astype(np.int32)
    many[:, -1] = 0
    with Engine(memory=160_000_000) as engine:
        assert engine.solve().status == "satisfiable"
        engine.add(many.reshape(-1))
        said = r"200000 clauses to be solved within 160 MB of memory, got a need for more \(.+\); allow more"
        for _ in range(2):
            with pytest.raises(BudgetError, match=said):
                engine.solve()
        with pytest.raises(BudgetError, match=said):
            engine.minimise({1: 1})


def test_a_process_that_ends_is_an_error(engine):
    engine.add(pigeonhole(11))
    engine.solve([1, 12])
    killer = threading.Timer(0.2, os.kill, (engine._process.pid, signal.SIGTERM))
    killer.start()
    with pytest.raises(SolverError, match=r"^solver: expected an answer .* got exit code -15; reinstall"):
        engine.solve()
    killer.join()
    assert engine.solve([1, 12]).status == "unsatisfiable"


def test_a_process_that_ended_since_is_replaced(engine):
    engine.add(flat([[1], [-2]]))
    engine.solve()
    engine._process.kill()
    engine._process.wait()
    assert engine.solve().true.tolist() == [False, True, False]


def test_no_process_is_left():
    engine = Engine()
    assert engine._process is None
    engine.solve()
    pid = engine._process.pid
    assert not gone(pid)
    engine.close()
    engine.close()
    assert gone(pid)
    engine.solve()
    pid = engine._process.pid
    del engine
    assert gone(pid)


def test_an_error_in_progress_ends_the_call(engine):
    engine.add(flat([[1, 2]]))

    def fail(cost, bound):
        raise TimeoutError("of the caller")

    with pytest.raises(TimeoutError, match="of the caller"):
        engine.minimise({1: 1, 2: 1}, progress=fail)
    assert engine._process is None
    assert engine.minimise({1: 1, 2: 1}).cost == 1


@pytest.fixture
def hard():
    """A Python process that solves something hard, and the process that it has for that."""
    with subprocess.Popen(
        [sys.executable, "-c", HARD], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process, int(process.stdout.readline())
        process.kill()


def test_control_c_ends_the_call_only(hard):
    process, worker = hard
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.stdout.readlines() == ["unknown True None\n", "satisfiable\n"]
    assert process.wait() == 0
    assert gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_process_dies_with_its_parent(hard):
    process, worker = hard
    assert not gone(worker)
    process.kill()
    assert wait_for(lambda: gone(worker))


def test_a_solver_that_is_not_installed_is_named(engine, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pysat" else found(name))
    said = "^solver: expected python-sat, which solves, got none; pip install python-sat$"
    with pytest.raises(UsageError, match=said):
        engine.minimise({1: 1})
    with pytest.raises(UsageError, match=said):
        engine.solve()
    assert engine._process is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda it: it.add(np.array([1, 0])), r"Engine.add: .* got int64\[2\] that ends with 0; end"),
        (lambda it: it.add(np.array([1, 2], np.int32)), r"got int32\[2\] that ends with 2; end each"),
        (lambda it: it.add(np.zeros((1, 2), np.int32)), r"expected a flat array .* got int32\[1, 2\]"),
        (lambda it: it.solve([0]), "Engine: expected literals, got 0; count variables from 1"),
        (lambda it: it.minimise({0: 1}), "Engine: expected literals, got 0; count variables from 1"),
        (lambda it: it.minimise({1: -2}), "costs of 0 or more, got -2; let the opposite literal cost"),
    ],
)
def test_mistakes_are_named(engine, call, said):
    with pytest.raises(UsageError, match=said):
        call(engine)
    assert engine._process is None


def test_a_process_ends_itself_where_nobody_stops_it():
    clauses = pigeonhole(11).tobytes()
    asked = {"assumptions": [], "variables": 132, "seconds": 0.05}
    with subprocess.Popen(
        [sys.executable, "-m", "ntpt_pyro.inference.solver.worker", str(os.getpid()), "0", SOLVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdin.write(frame(asked, clauses))
        process.stdin.flush()
        assert process.stdout.read() == b""
        assert process.wait() == -signal.SIGALRM
