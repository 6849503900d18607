"""`ntpt posterior` as a user types it: of a task, of a run's task, of a text."""

import json
import re
from pathlib import Path

import pytest

from ntpt_pyro import Library
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.runs import behaviour_groups
from tests.small import small  # noqa: F401  # a fixture
from tests.stack_machine import LINES

pytestmark = pytest.mark.usefixtures("small")
FLAGS = ("--lines", 2, "--examples", 5, "--test-examples", 50)
TURN = "x = Input(2)\nturn = Param(2)\ny = Output(2)\nwith turn as t:\n    y.set_to(t)\n"


def test_a_posterior_is_found_kept_and_shown(ntpt, library, tmp_path):
    out = tmp_path / "run"
    words = ("posterior", "add2x2/top", "--library", library, *FLAGS, "--out", out)
    code, printed, error = ntpt(*words)
    assert (code, error) == (0, "")
    assert "the exact posterior of 324 programs given 5 examples" in printed
    result = json.loads((out / "result.json").read_text())
    assert (result["strategy"], result["kind"]) == ("exhaustive", "posterior")
    assert result["cost"]["programs"] == 2 * 6 * 9 * 3
    assert sum(one["probability"] for one in result["programs"]) <= 1 + 1e-6
    assert 0 <= result["right_behaviours"] <= 1
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    assert ntpt(*words, "--resume") == (0, printed, "")
    code, shown, _ = ntpt("show", out, "--plot", tmp_path / "p.png")
    assert code == 0
    assert "the exact posterior of 324 programs" in shown
    assert (tmp_path / "p.png").exists()
    code, shown, _ = ntpt("show", out, "--programs", 2)
    listed = [line for line in shown.splitlines() if line.startswith(("1. probability", "2. probability"))]
    assert listed[-2:] == [f"{n}. probability {result['programs'][n - 1]['probability']:.4g}" for n in (1, 2)]
    assert ntpt("show", out, "--programs", 21)[1].endswith("\n20 programs: the run keeps no more\n")


@pytest.mark.parametrize("name", ["add2x2/top", "apply2x2/left"])
def test_its_first_program_is_run_on_a_grid(ntpt, library, tmp_path, monkeypatch, name):
    monkeypatch.setattr(behaviour_groups, "MOST", 50)  # each is run on up to 256,000 grids
    run = tmp_path / "run"
    words = ("--lines", 2, "--examples", 3, "--library", library, "--out", run, "--memory", 64)
    assert ntpt("posterior", name, *words, "--test-examples", 50)[0] == 0
    code, shown, _ = ntpt("show", run, "--example", 4)
    assert code == 0
    steps = shown.split("\non the input drawn by seed 4\n")[1]
    assert "R0 = " in steps
    drawn = tmp_path / "run.png"
    assert ntpt("evaluate", run, "--seed", 4, "--plot", drawn) == (0, steps, "")
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_a_run_gives_its_task_and_its_library(ntpt, tmp_path):
    words = ("--lines=2", "--examples=40", "--restarts=2", "--steps=6", "--rounds=1", "--test-examples=50")
    assert ntpt("learn", "add2x2/top", *words, "--out", tmp_path / "run")[0] == 0
    code, printed, error = ntpt("posterior", tmp_path / "run", "--examples", 5, "--out", tmp_path / "exact")
    assert (code, error) == (0, "")
    assert (
        "add2x2/top, the exact posterior of 162 programs given 5 examples" in printed
    )  # of two lines, one network
    same = ntpt("posterior", "add2x2/top", *FLAGS, "--library", tmp_path / "run")
    assert probabilities(same[1]) == probabilities(printed)


def probabilities(printed: str) -> list[str]:
    return re.findall(r"(?:^\d+\. |What it computes [^.]*has )probability .*", printed, re.MULTILINE)


def test_a_task_without_functions_asks_for_no_library(ntpt, user_file):
    user_file("stack.py", (Path(__file__).parents[1] / "stack_machine.py").read_text())
    code, printed, error = ntpt("posterior", "stack.py:task", "--out", "run")
    assert (code, error) == (0, "")
    assert f"stack.py:task, the exact posterior of {7**LINES:,} programs given 49 examples" in printed
    told = "Right on every example. What it computes on these 49 examples has probability 1, that of "
    assert told in " ".join(printed.split())
    assert "1. probability" not in printed  # of one behaviour all is said above
    assert not (Path("run") / "library.safetensors").exists()
    assert probabilities(ntpt("posterior", "run")[1]) == probabilities(printed)


def test_a_text_has_a_posterior(ntpt, user_file):
    user_file("turn.terpret", TURN)
    user_file("turn.hypers.json", json.dumps({"one": {}}))
    user_file(
        "turn.on.json", json.dumps([{"batch_name": "b", "hypers": "one", "instances": [{"x": 1, "y": 1}]}])
    )
    code, printed, error = ntpt("posterior", "turn.terpret:on", "--out", "run")
    assert (code, error) == (0, "")
    assert "turn, the exact posterior of 2 programs given 1 example\n" in printed
    assert "turn = 1" in printed
    assert json.loads((Path("run") / "result.json").read_text())["choices"] == {"turn": 1}
    assert probabilities(ntpt("posterior", "run")[1]) == probabilities(printed)
    assert ntpt("learn", "turn.terpret:on", "--restarts=2", "--steps=30", "--out", "learned")[0] == 0
    assert probabilities(ntpt("posterior", "learned")[1]) == probabilities(printed)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("apply2x2/top", "--lines", 4, "--memory", 20), "programs to keep apart, in 20.0 MiB, got about "),
        (("add2x2/top", "--memory", 0), "at least 1 and at most 16,777,216, got 0; the default is 2048"),
        (
            ("add2x2/top", *FLAGS, "--tolerance", 1),
            "tolerance: expected a finite number of at least 0 and below 1",
        ),
        (("add2x2/top", "--examples", 0), "examples: expected a finite number of at least 1 and"),
        (("nothing",), "task: expected the folder of a run, or one of add2x2/top, "),
        (("add2x2/top", "--strategy", "em"), "--strategy: expected exhaustive or solver, got 'em'"),
        (("add2x2/top", "--resume"), "--resume: expected --out with it"),
    ],
)
def test_a_mistake_is_one_line(refused, library, words, wrong):
    assert wrong in refused("posterior", *words, "--library", library)


def test_a_library_that_has_not_learned_is_refused(refused, tmp_path):
    Library([net_0], seed=0).save(tmp_path / "library.safetensors")
    error = refused("posterior", "add2x2/top", "--library", tmp_path)
    assert "library: expected one with net_0, trained, got one with nothing trained; learn a task" in error
    assert "expected one with net_0, trained" in refused("posterior", "add2x2/top")
    assert "got no such file" in refused("posterior", "add2x2/top", "--library", tmp_path / "elsewhere")
