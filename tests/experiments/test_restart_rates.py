"""`ntpt restarts` as a user types it."""

import pytest

from ntpt_pyro._files import RUN, read_json
from ntpt_pyro.experiments.restart_rates import StrategyComparison, StrategyRestarts
from ntpt_pyro.runs import RunFolder
from tests.small import small  # noqa: F401  # a fixture

FLAGS = ["--restarts=2", "--steps=30", "--examples=20", "--batch-size=8"]
OWN = """
import torch
from ntpt_pyro import Task, Tensor, choice, learn, observe, one_hot, runtime, switch

@runtime([5], 5)
def double(x): return 2 * x % 5

def model(x, y=None):
    with_double = choice("line", 2)
    observe_all(switch(with_double, [one_hot(x, 5), double(one_hot(x, 5))]), y)

def observe_all(value, y):
    import pyro
    with pyro.plate("examples", len(y)):
        observe("y", value, y)

x = torch.arange(5)
task = Task(model, examples=(x, 2 * x % 5))

@learn([Tensor(3)], 5)
def read(t): "A number."

def reading(x, y=None, library=None):
    import pyro
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        value = library["read"](x)
        observe("y", switch(line, [value, double(value)]), y)

unjudged = Task(reading, examples=(torch.rand(20, 3), torch.arange(20) % 5), functions=[read])
"""


@pytest.mark.usefixtures("small")
def test_strategies_are_compared_and_what_is_there_is_taken(ntpt, refused, tmp_path):
    out = tmp_path / "out"
    command = ["restarts", "add2x2/top", *FLAGS, "--strategy=fmgd,relaxed", "--out", out]
    code, printed, _ = ntpt(*command)
    assert code == 0
    assert "equal cost" in printed
    found = RunFolder(out).result_of(StrategyComparison)
    content = read_json(out / "result.json", RUN)
    assert found.to_json() | {"files": ["options.json"]} == content
    assert list(content["strategies"]) == ["fmgd", "relaxed"]
    assert found.command.startswith(
        "ntpt restarts add2x2/top --strategy fmgd,relaxed --restarts 2 --steps 30"
    )
    for name, one in found.strategies.items():
        assert [count.step for count in one.looks] == [25, 30]
        assert one.right.trials == 2
        assert RunFolder(out / name).result_of(StrategyRestarts).right == one.right
    assert "--resume" in refused(*command)
    assert ntpt(*command, "--resume")[0] == 0
    assert "as the run was begun" in refused(*command, "--resume", "--kl=1")


@pytest.mark.usefixtures("small")
def test_time_that_is_over_ends_it_at_a_count(ntpt, tmp_path):
    ntpt("restarts", "add2x2/top", *FLAGS, "--strategy=fmgd", "--seconds=0.001", "--out", tmp_path / "out")
    found = RunFolder(tmp_path / "out").result_of(StrategyComparison)
    assert [count.step for count in found.strategies["fmgd"].looks] == [25]
    assert " --seconds 0.001 " in found.command


def test_a_task_of_ones_own_is_measured_and_one_without_a_judge_refused(ntpt, refused, user_file, tmp_path):
    user_file("mine.py", OWN)
    few = ["--strategy=fmgd", "--restarts=4", "--steps=50"]
    assert ntpt("restarts", "mine.py:task", *few, "--out", tmp_path / "out")[0] == 0
    found = RunFolder(tmp_path / "out").result_of(StrategyComparison).strategies["fmgd"]
    assert found.right.successes >= 1
    message = refused("restarts", "mine.py:unjudged", *few, "--out", tmp_path / "other")
    assert "expected one that says which programs are right, got one without a judge" in message


def test_strategies_side_by_side_are_as_good_and_an_error_names_its_own(ntpt, refused, user_file, tmp_path):
    user_file("mine.py", OWN)
    few = ["mine.py:task", "--strategy=fmgd,relaxed", "--restarts=4", "--steps=30", "--quiet"]
    assert ntpt("restarts", *few, "--out", tmp_path / "serial") == (0, "", "")
    assert ntpt("restarts", *few, "--jobs=2", "--out", tmp_path / "beside") == (0, "", "")
    serial, beside = (
        RunFolder(tmp_path / name).result_of(StrategyComparison) for name in ("serial", "beside")
    )
    assert serial.command == beside.command
    for name, one in serial.strategies.items():
        other = beside.strategies[name]
        assert (other.right, other.right_since) == (one.right, one.right_since)
        assert [(look.step, look.right) for look in other.looks] == [(s.step, s.right) for s in one.looks]
    assert ntpt("restarts", *few, "--jobs=2", "--resume", "--out", tmp_path / "beside")[0] == 0
    unjudged = ["mine.py:unjudged", *few[1:], "--jobs=2", "--out", tmp_path / "other"]
    message = refused("restarts", *unjudged)
    assert message.startswith(
        ("ntpt: fmgd, task mine.py:unjudged: ", "ntpt: relaxed, task mine.py:unjudged: ")
    )
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--strategy=em"], "strategy: expected one of marginal, fmgd"),
        (["--strategy="], "strategy: expected at least one, got none"),
        (["--seconds=0"], "seconds: expected a finite number above 0 and below 1e+09, got 0"),
        (["--jobs=0"], "jobs: expected a whole number of at least 1 and at most 1,024, got 0; give how many"),
        (
            ["--jobs=2", "--cluster=tcp://here:1"],
            "jobs: expected jobs or a cluster, whose workers are counted",
        ),
        (["--restarts=0"], "restarts: expected a finite number of at least 1 and at most 10,000, got 0"),
    ],
)
def test_a_mistake_is_one_line(refused, tmp_path, words, message):
    assert message in refused("restarts", "add2x2/top", *words, "--out", tmp_path / "out")
