"""`--json`, `--quiet`, `--plot` and `--log`: what a program reads, nothing, a picture, a log."""

import json
from pathlib import Path

import pytest

from ntpt_pyro.runs import method_names
from ntpt_pyro.tasks import task_names
from tests.two_registers import SUM, SUMS, X, Y

OF_THE_FILE = {"checksum", "of", "files"}
"""What result.json says of itself."""
MINE = """
import torch
from ntpt_pyro import Task
from tests.two_registers import X, Y, SUMS, execute, model

task = Task(model, examples=(X, Y, SUMS), execute=execute)
"""
LEARN = ("learn", "mine.py:task", "--restarts=4", "--steps=60")
TURN = {
    "turn.terpret": "x = Input(2)\nturn = Param(2)\ny = Output(2)\nwith turn as t:\n    y.set_to(t)\n",
    "turn.hypers.json": json.dumps({"one": {}}),
    "turn.on.json": json.dumps([
        {"batch_name": "b", "hypers": "one", "instances": [{"x": 1, "y": 1}]},
    ]),
}  # fmt: skip


@pytest.fixture
def mine(user_file):
    """A task of one's own, in the folder one is in."""
    return user_file("mine.py", MINE)


@pytest.fixture
def turn(user_file):
    """What `ntpt terpret` is given."""
    return [user_file(name, text).name for name, text in TURN.items()]


def document(ntpt, *words):
    """The one document that a command prints."""
    code, printed, error = ntpt(*words, "--json")
    assert (code, error) == (0, "")
    return json.loads(printed)


def kept(run="run"):
    return json.loads((Path(run) / "result.json").read_text())


def without_seconds(content):
    return {name: value for name, value in content.items() if "seconds" not in name}


@pytest.mark.usefixtures("mine")
def test_a_run_is_printed_as_it_is_kept(ntpt):
    told = document(ntpt, *LEARN, "--out", "run")
    assert told.keys() == kept().keys() - OF_THE_FILE
    assert told == {name: kept()[name] for name in told}
    assert (told["kind"], told["program_correct"]) == ("learned", True)
    assert document(ntpt, "show", "run") == told
    exact = document(ntpt, "posterior", "mine.py:task", "--out", "exact")
    assert (exact["kind"], exact["choices"]) == ("posterior", SUM)
    assert exact == {name: kept("exact")[name] for name in exact}
    solved = document(ntpt, "learn", "mine.py:task", "--strategy", "solver")
    assert (solved["kind"], solved["status"]) == ("solved", "optimal")


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("strategy", ["marginal", "exhaustive", "solver"])
def test_what_is_asked_of_a_run_is_added(ntpt, strategy):
    assert ntpt(*LEARN, "--strategy", strategy, "--steps=3", "--out", "run")[0] == 0
    told = document(ntpt, "show", "run", "--top", 2, "--programs", 3, "--example", 7)
    assert told.keys() == {*document(ntpt, "show", "run"), "top", "ranked", "example"}
    ranked = [one["choices"] for one in told["ranked"]]
    if strategy == "solver":
        assert told["top"][0]["choices"] == told["choices"] == ranked[0]
        assert told["top"][0]["probability"] is None
    else:
        assert told["top"] == told["behaviours"][:2]
        probabilities = [one["probability"] for one in told["ranked"]]
        assert probabilities == sorted(probabilities, reverse=True)
    example = told["example"]
    assert example == document(ntpt, "evaluate", "run", "--instance", 7)
    assert example["right"] == (example["result"] == example["truth"])
    assert example["before"] == [f"input   {one[7].item()}" for one in (X, Y)]
    assert str(SUMS[7].item()) in example["truth"]


def test_tasks_and_strategies_have_names(ntpt):
    told = document(ntpt, "tasks")
    assert list(told["tasks"]) == task_names()
    assert list(told["strategies"]) == method_names()


def test_a_text_is_learned_and_checked(ntpt, turn):
    told = document(ntpt, "terpret", *turn, "--restarts=2", "--steps=9")
    assert (told["kind"], told["task"]) == ("learned", "turn")
    checked = document(ntpt, "terpret", *turn, "--check")
    assert (checked["instances"], checked["compared"] > 0) == (1, True)
    assert {one["strategy"] for one in checked["strategies"]} <= set(method_names())


@pytest.mark.usefixtures("mine")
def test_an_experiment_is_printed_as_it_is_kept(ntpt):
    words = ("--restarts=2", "--steps=3", "--strategy=marginal", "--out", "rates")
    told = document(ntpt, "restarts", "mine.py:task", *words)
    assert told["kind"] == "strategies"
    assert told == {name: kept("rates")[name] for name in told}


@pytest.mark.usefixtures("mine")
def test_a_mistake_is_still_one_line_on_the_error_stream(refused):
    assert "restarts: expected" in refused("learn", "mine.py:task", "--restarts=0", "--json")
    assert "expected a finished run folder" in refused("show", "nowhere", "--json")


@pytest.mark.usefixtures("mine")
def test_what_is_not_looked_at_is_said_beside_the_document(ntpt):
    code, printed, error = ntpt("learn", "mine.py:task", "--strategy=solver", "--restarts=3", "--json")
    assert (code, error) == (0, "not looked at by solver: --restarts\n")
    assert json.loads(printed)["kind"] == "solved"


@pytest.mark.usefixtures("mine")
def test_quiet_prints_nothing_and_keeps_everything(ntpt, refused, turn):
    assert ntpt(*LEARN, "--out", "run", "--quiet") == (0, "", "")
    assert kept()["program_correct"] is True
    assert ntpt("posterior", "mine.py:task", "-q", "--out", "exact") == (0, "", "")
    assert ntpt("terpret", *turn, "--check", "--quiet") == (0, "", "")
    assert json.loads(ntpt(*LEARN, "--quiet", "--json")[1])["kind"] == "learned"
    assert (
        "--quiet: expected --out, --json, --plot or --html with it, got none of them, and what is found "
        "would be lost; add one"
    ) in refused(*LEARN, "--quiet")
    assert "restarts: expected" in refused("learn", "mine.py:task", "--restarts=0", "--quiet", "--json")


@pytest.mark.usefixtures("mine")
def test_questions_are_not_asked_where_nobody_sees_them(refused):
    for word in ("--json", "--quiet"):
        error = refused(*LEARN, "--strategy=solver", "--ask", "--out=run", word)
        assert "--ask: expected to print questions, got --json or --quiet; leave that out" in error


@pytest.mark.usefixtures("mine")
def test_what_is_learned_is_drawn(ntpt, refused, turn):
    code, printed, error = ntpt(*LEARN, "--plot", "drawn.png")
    assert (code, error) == (0, "")
    assert "drawn to drawn.png\n" in printed
    assert Path("drawn.png").read_bytes().startswith(b"\x89PNG")
    assert ntpt("terpret", *turn, "--restarts=2", "--steps=3", "--plot", "t.svg", "-q") == (0, "", "")
    assert b"<svg" in Path("t.svg").read_bytes()
    assert ntpt("posterior", "mine.py:task", "--plot", "exact.pdf", "-q") == (0, "", "")
    assert Path("exact.pdf").read_bytes().startswith(b"%PDF")
    error = refused(*LEARN, "--plot", "p.foo", "--out", "run")
    assert "expected a picture's ending such as .png, .svg or .pdf, got .foo" in error
    assert not Path("run").exists()  # refused before anything is learned
    assert "make the folder none first" in refused(*LEARN, "--plot", "none/p.png")


@pytest.mark.usefixtures("mine")
def test_a_training_is_logged(ntpt, refused):
    words = (*LEARN, "--rounds=1", "--log", "log.jsonl")
    code, printed, error = ntpt(*words, "--out", "run")
    assert (code, error) == (0, "")
    assert "logged to log.jsonl\n" in printed
    logged = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert len(logged) == kept()["steps"]
    assert {line["phase"] for line in logged} == {"search-1", "train-on"}
    before = Path("log.jsonl").read_text()
    assert ntpt(*words, "--out", "run", "--resume")[0] == 0  # it was finished: nothing is taken again
    assert Path("log.jsonl").read_text() == before
    assert ntpt(*words)[0] == 0  # another run takes its place
    assert len(Path("log.jsonl").read_text().splitlines()) == len(logged)
    Path("notes.jsonl").write_text("hello\n")
    assert "notes.jsonl: expected lines of a training's steps" in refused(*LEARN, "--log", "notes.jsonl")
    assert Path("notes.jsonl").read_text() == "hello\n"
    before = Path("log.jsonl").read_text()
    assert "go on with it (--resume)" in refused(*words, "--out", "run")
    assert Path("log.jsonl").read_text() == before
    error = refused(*LEARN, "--log", "log.json")
    assert "--log: expected FILE.jsonl, or a folder for TensorBoard, got log.json; name it log.jsonl" in error


@pytest.mark.usefixtures("mine")
def test_a_training_is_logged_for_tensorboard(ntpt):
    pytest.importorskip("tensorboard")
    assert ntpt(*LEARN, "--log", "curves", "--json")[0] == 0
    assert sorted(one.name for one in Path("curves").iterdir()) == ["search-1", "train-on"]
