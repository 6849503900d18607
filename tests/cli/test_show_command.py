"""`ntpt show`: a finished run of any kind, whether or not its task can still be found."""

import json
import shutil

import pytest

from tests.small import FLAGS, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def finished(ntpt, tmp_path):
    """A finished run."""
    assert ntpt("learn", "add2x2/top", *FLAGS, "--out", tmp_path / "run")[0] == 0
    return tmp_path / "run"


def test_a_run_is_shown_as_it_was_when_it_ended(ntpt, finished):
    code, printed, error = ntpt("learn", "add2x2/top", *FLAGS, "--out", finished, "--resume")
    assert (code, error) == (0, "")
    code, shown, error = ntpt("show", finished)
    assert (code, error) == (0, "")
    assert shown == printed.replace(f"kept in {finished}: ntpt show {finished}\n", "")
    assert "\x1b" not in shown


def test_the_most_probable_behaviours_are_printed_and_the_posterior_is_drawn(ntpt, finished, tmp_path):
    result = json.loads((finished / "result.json").read_text())
    code, shown, error = ntpt("show", finished, "--top", 3, "--plot", tmp_path / "p.png")
    assert (code, error) == (0, "")
    for text in (*result["program"], f"drawn to {tmp_path}"):
        assert text in shown
    listed = [line for line in shown.splitlines() if ". probability " in line]
    first = result["behaviours"][:3]
    assert [line.split(",")[0] for line in listed] == [
        f"{rank}. probability {one['probability']:.4g}" for rank, one in enumerate(first, start=1)
    ]
    assert all(line["text"] in shown for one in first for line in one["lines"])
    assert shown.index("3. probability") < shown.index("the guide's probabilities of the choices")
    assert max(map(len, shown.replace(str(tmp_path), "").splitlines())) <= 80
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert ntpt("show", finished, "--plot", tmp_path / "p.svg")[0] == 0
    assert b"<svg" in (tmp_path / "p.svg").read_bytes()


def test_more_programs_than_there_are_are_all_shown(ntpt, finished):
    code, shown, error = ntpt("show", finished, "--programs", 10**9)
    assert (code, error) == (0, "")
    assert "\n432. probability" in shown
    assert shown.endswith("\n432 programs: there are no more\n")
    kept = len(json.loads((finished / "result.json").read_text())["behaviours"])
    assert f"\n{kept} behaviours: the run keeps no more\n" in ntpt("show", finished, "--top", 10**9)[1]


MINE = """
import torch
from ntpt_pyro import Task
from tests.two_registers import X, Y, SUMS, model

fixed = Task(model, examples=(X, Y, SUMS))
tested = Task(model, examples=(X, Y, SUMS), test=(X[:3], Y[:3], SUMS[:3]))
drawn = Task(model, examples=lambda count, generator: (X, Y, SUMS))
"""


@pytest.mark.parametrize(
    ("name", "number", "heading", "most"),
    [
        ("fixed", 7, "on example 7", 24),
        ("tested", 2, "on test example 2", 2),
        ("drawn", 7, "on the input drawn by seed 7", None),
    ],
)
def test_a_program_is_shown_on_the_example_of_a_number(ntpt, refused, user_file, name, number, heading, most):
    user_file("mine.py", MINE)
    assert ntpt("learn", f"mine.py:{name}", "--restarts=2", "--steps=3", "--out", "run")[0] == 0
    code, shown, error = ntpt("show", "run", "--example", number)
    assert (code, error) == (0, "")
    steps = shown.split(f"\n{heading}\n")[1]
    option = "--seed" if most is None else "--instance"
    assert ntpt("evaluate", "run", option, number) == (0, steps, "")
    if most is None:
        assert ntpt("show", "run", "--example", 10**9)[0] == 0
        return
    from tests.two_registers import X, Y

    assert [f"input   {one[number].item()}" for one in (X, Y)] == steps.splitlines()[:2]
    assert f"--example: expected a whole number of at least 0 and at most {most}, got {most + 1}" in refused(
        "show", "run", "--example", most + 1
    )


def test_runs_that_cannot_be_used_are_named(refused, finished, tmp_path):
    assert "expected a finished run folder" in refused("show", tmp_path / "none")
    assert "got no such folder" in refused("show", tmp_path / "none")
    assert "--top: expected a whole number of at least 0 and at most" in refused(
        "show", finished, "--top", -1
    )
    error = refused("show", finished, "--plot", tmp_path / "p.foo")
    assert "expected a picture's ending such as .png, .svg or .pdf, got .foo" in error
    unfinished = tmp_path / "unfinished"
    shutil.copytree(finished, unfinished)
    (unfinished / "result.json").unlink()
    assert "got one that is not finished: no result.json in it", "--resume" in refused("show", unfinished)
    for name in ("options.json", "result.json"):
        path = finished / name
        path.write_text(path.read_text().replace("ntpt_pyro run 3", "ntpt_pyro run 2"))
    error = refused("show", finished)
    assert "options.json: expected a file of ntpt_pyro run 3, got one of ntpt_pyro run 2, or" in error
    error = refused("learn", "add2x2/top", *FLAGS, "--out", finished, "--resume")
    assert "one of ntpt_pyro run 2, or a damaged one; make the run again" in error


def test_a_run_whose_task_is_gone_is_still_shown(ntpt, refused, user_file, tmp_path):
    file = user_file(
        "mine.py", "from tests.two_registers import sum_task\ntask = sum_task(source=lambda p: ['add'])\n"
    )
    assert ntpt("learn", "mine.py:task", "--restarts=2", "--steps=9", "--out", "run")[0] == 0
    before = ntpt("show", "run")
    there = ntpt("show", "run", "--top", 2, "--programs", 2)
    assert before[0] == there[0] == 0
    file.unlink()
    from ntpt_pyro.tasks import user_files

    user_files._loaded.clear()
    assert ntpt("show", "run", "--plot", "p.png")[1].startswith(before[1])
    code, shown, error = ntpt("show", "run", "--top", 2, "--programs", 2)
    assert (code, error) == (0, "")
    assert "2. probability" in shown
    assert shown.split("training")[0] == there[1].split("training")[0]  # behaviours are kept with their texts
    assert "return = " in shown  # in the words that the run kept, a line a choice
    for words in (["show", "run", "--example", 0], ["evaluate", "run"], ["posterior", "run"]):
        error = refused(*words)
        assert (
            "run: expected the task mine.py:task, which the run is of, got none: mine.py, no such file"
            in error
        )


def test_a_run_of_a_text_that_is_gone_is_still_shown(ntpt, refused, user_file, tmp_path):
    text = user_file(
        "turn.terpret", "x = Input(2)\nturn = Param(2)\ny = Output(2)\nwith turn as t:\n    y.set_to(t)\n"
    )
    user_file("turn.hypers.json", json.dumps({"one": {}}))
    user_file(
        "turn.on.json", json.dumps([{"batch_name": "b", "hypers": "one", "instances": [{"x": 1, "y": 1}]}])
    )
    assert ntpt("learn", "turn.terpret:on", "--restarts=2", "--steps=3", "--out", "run")[0] == 0
    text.unlink()
    code, shown, error = ntpt("show", "run", "--programs", 2)
    assert (code, error) == (0, "")
    assert "2. probability" in shown
    assert "expected the task turn.terpret:on, which the run is of" in refused("evaluate", "run")
