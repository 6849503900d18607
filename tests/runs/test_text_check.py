"""What a text costs, said before anything is learned: figures are estimates, so that bounds are wide."""

import json
from math import log10
from types import SimpleNamespace

import pytest
import torch

from ntpt_pyro import find_task
from ntpt_pyro.inference.posterior.exhaustive import Likelihood
from ntpt_pyro.inference.training.peak_memory import PeakMemory
from ntpt_pyro.runs import strategy_reach
from ntpt_pyro.runs.text_check import Parameters, check_text

TEXT = """
n = Hyper()
p = Param(3)[n]
q = Param(2)
fixed = Param(2)
x = Input(3)
v = Var(3)[n]
y = Output(3)
fixed.set_to_constant(1)
@Runtime([3, 3], 3)
def add(a, b): return (a + b) % 3
v[0].set_to(add(x, p[0]))
for i in range(n - 1):
    v[i + 1].set_to(add(v[i], p[i + 1]))
if q == 0:
    y.set_to(v[n - 1])
else:
    y.set_to(x)
"""
LOOKS = """
image = Input(Tensor(4))
p = Param(2)
seen = Var(2)
y = Output(2)
@Learn([Tensor(4)], 2, hid_sizes=[8])
def LOOK(sign): pass
@Runtime([2, 2], 2)
def Xor(a, b): return (a + b) % 2
seen.set_to(LOOK(image))
y.set_to(Xor(seen, p))
"""


@pytest.fixture
def check(user_file):
    """Checks a text of some instances."""

    def run(text=TEXT, instances=2, n=3, **changes):
        user_file("t.terpret", text)
        user_file("t.hypers.json", json.dumps({"only": {"n": n} if text is TEXT else {}}))
        given = {"x": 1} if text is TEXT else {"image": [0, 0.5, 1, 0]}
        batch = {"batch_name": "train", "hypers": "only", "instances": [{**given, "y": 1}] * instances}
        user_file("t.all.json", json.dumps([batch]))
        return check_text(find_task("t.terpret:all"), None, {"restarts": 2, "steps": 10, **changes})

    return run


def reach(check):
    return {one.strategy: (one.within, one.cost) for one in check.strategies}


def test_a_text_is_counted(check):
    found = check()
    assert found.parameters == [
        Parameters("p", 3, (3, 3), 0),
        Parameters("q", 1, (2, 2), 0),
        Parameters("fixed", 1, (2, 2), 1),
    ]
    assert 10**found.log_programs == pytest.approx(3**3 * 2)
    assert (found.text, found.setting) == ("t.terpret", "only")
    assert (found.instances, found.observed, found.restarts) == (2, "2 of 2 outputs", 2)
    assert found.levels == 4  # v[0], v[1], v[2], y
    assert found.products == 3 * 9 + 2 + 2 * 3
    assert found.compared == 40


def test_memory_of_a_restart_grows_with_instances_and_variables(check):
    small, wide, long = check(), check(instances=40), check(n=30)
    assert 10 < wide.memory / small.memory <= 20
    assert 4 < long.memory / small.memory < 12


def test_strategies_are_said_to_be_within_reach_or_not(check):
    found = reach(check())
    here, only = "within reach", "only trying tells"
    assert [within for within, _ in found.values()] == [here, here, only, here, here]
    for name in ("relaxed", "marginal"):
        assert " a step of 2 restarts; " in found[name][1]
        assert len(found[name][1]) <= 80 - len("enumeration  possible, but slow  ")
    assert found["enumeration"][1] == "8 dimensions, 108 cells, 1,296 bytes at least"
    assert found["exhaustive"][1].startswith("54 programs, at most ")
    assert found["solver"][1].startswith("about ")
    assert found["solver"][1].endswith("; finding and proving come on top")


def test_minutes_are_within_reach_and_hours_are_possible(check, monkeypatch):
    monkeypatch.setattr(strategy_reach, "seconds_a_step", lambda work, name, restarts: 0.1 * restarts)
    monkeypatch.setattr(Likelihood, "cost", lambda self, most: SimpleNamespace(seconds=14 * 3600))
    found = reach(check(steps=20_000))
    slow = "possible, but slow"
    assert found["relaxed"] == (slow, "200 ms a step of 2 restarts; 67 min in all")
    assert found["exhaustive"] == (slow, "54 programs, at most 14.0 h, less where they share work")
    assert reach(check(steps=5000, restarts=1))["relaxed"][0] == "within reach"
    assert reach(check(steps=6001, restarts=1))["relaxed"][0] == slow
    monkeypatch.setattr(Likelihood, "cost", lambda self, most: SimpleNamespace(seconds=30 * 3600))
    assert reach(check())["exhaustive"][0] == "only trying tells"


def test_what_is_out_of_reach_is_said_before_it_is_tried(check, monkeypatch):
    found = reach(check(n=40, restarts=1))
    out, only = "out of reach", "only trying tells"
    assert found["enumeration"] == (out, "82 dimensions, torch has 64")
    assert found["exhaustive"] == (only, "2.4e19 programs: as far as they share work")
    monkeypatch.setattr(strategy_reach, "MOST_TRIED", 1000)
    monkeypatch.setattr(strategy_reach, "MOST_GATES_TRIED", 3)
    found = reach(check())
    assert found["relaxed"][0] == only
    assert found["relaxed"][1].startswith("not timed: a restart takes")
    assert found["solver"] == (only, "more than 3 gates for 2 instances")
    monkeypatch.setattr(strategy_reach, "machine_memory", lambda: 1000)
    found = reach(check())
    assert found["relaxed"][0] == out
    assert found["relaxed"][1].endswith(
        "for 2 restarts is more than this machine has; take fewer (--restarts)"
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert reach(check())["solver"] == (out, "python-sat is not installed")


def test_functions_that_are_untrained_leave_only_what_teaches_them(check):
    found = reach(check(LOOKS))
    assert found["relaxed"][0] == "within reach"
    told = "LOOK cannot read yet: give trained ones (--library), or take --strategy em"
    assert found["exhaustive"] == ("out of reach", told)
    told = "LOOK cannot read yet: taught by programs that the solver proposes"
    assert found["solver"] == ("only trying tells", told)


def test_what_a_solver_cannot_do_is_said_in_words_of_the_text(check):
    decided = LOOKS.replace("[Tensor(4)]", "[2, Tensor(4)]").replace("LOOK(sign)", "LOOK(i, sign)")
    within, told = reach(check(decided.replace("LOOK(image)", "LOOK(p, image)")))["solver"]
    assert within == "out of reach"
    assert told.startswith(
        "t.terpret:10:18: expected functions that read what instances give, for a solver, "
    )
    assert "got LOOK of p, which the program decides by p; let functions read each alternative" in told


def test_checking_draws_nothing(check):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    check()
    assert torch.equal(torch.get_rng_state(), state)


def test_peak_memory_counts_tensors_that_live_together_and_those_of_gradients():
    with PeakMemory() as memory:
        kept = torch.zeros(1000, requires_grad=True)
        torch.ones(5000)
    assert memory.peak == 24_000
    with PeakMemory() as memory:
        (kept.exp() * 2).sum().backward()
    assert 8_000 <= memory.peak <= 24_000  # what exp kept, and gradients


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1"), (999_999, "999,999"), (10**6, "1.0e6"), (99_960_000, "1.0e8")]
)
def test_numbers_of_programs_are_short(number, words):
    assert strategy_reach.power_in_words(log10(number)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0005, "0.5 ms"), (0.25, "250 ms"), (1.2, "1.2 s"), (60, "60 s"), (300, "5.0 min"), (86400, "24 h")],
)
def test_times_are_short(seconds, words):
    assert strategy_reach._duration(seconds) == words
