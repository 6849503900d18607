"""What a text costs, said before anything is learned: figures are estimates, so that bounds are wide."""

import json
from math import log10

import pytest
import torch

from ntpt_pyro import find_task
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
        user_file("t.hypers.json", json.dumps({"only": {"n": n}}))
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
    assert [within for within, _ in found.values()] == [True, True, None, True, True]
    assert "a step of 1 restart" in found["relaxed"][1]
    assert "of 2;" in found["marginal"][1]
    assert found["enumeration"][1] == "8 dimensions, 108 cells, 1,296 bytes at least"
    assert found["exhaustive"][1].startswith("54 programs, at most ")
    assert found["solver"][1].startswith("about ")


def test_what_is_out_of_reach_is_said_before_it_is_tried(check, monkeypatch):
    found = reach(check(n=40, restarts=1))
    assert found["enumeration"] == (False, "82 dimensions, torch has 64")
    assert found["exhaustive"] == (None, "2.4e19 programs: as far as they share work")
    monkeypatch.setattr(strategy_reach, "MOST_TRIED", 1000)
    monkeypatch.setattr(strategy_reach, "MOST_GATES_TRIED", 3)
    monkeypatch.setattr(strategy_reach, "machine_memory", lambda: 1000)
    found = reach(check())
    assert found["relaxed"][0] is False
    assert found["relaxed"][1].startswith("not timed: a restart takes")
    assert found["solver"] == (None, "more than 3 gates for 2 instances")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert reach(check())["solver"] == (False, "python-sat is not installed")


def test_functions_that_are_untrained_leave_only_what_teaches_them(check):
    found = reach(check(LOOKS))
    assert found["relaxed"][0] is True
    assert found["exhaustive"] == (False, "LOOK untrained")
    assert found["solver"] == (None, "teaches LOOK, untrained")


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
