"""A solver at the command line: programs with proofs, questions, contradictions."""

import json
import shutil
from pathlib import Path

import pytest

from tests.small import small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
TEXTS = Path(__file__).parents[2] / "models" / "terpret"
DECREMENT = [TEXTS / f"turing.{name}" for name in ("terpret", "hypers.json", "decrement.json")]
TABLE = """
a = Param(3)[3]
b = Param(3)[3]
x = Input(3)
y = Output(3)
z = Output(3)
with x as v:
    y.set_to(a[v])
    z.set_to(b[v])
"""
INSTANCES = [{"x": 0, "y": 1, "z": 2}, {"x": 1, "y": 2, "z": 0}, {"x": 2, "y": 0, "z": 1}]


def row(printed, name):
    """A figure of what was printed, its lines joined."""
    lines = printed.splitlines()
    (place,) = [n for n, line in enumerate(lines) if line.startswith(f"{name}  ")]
    found = [lines[place].removeprefix(name)]
    for line in lines[place + 1 :]:
        if not line.startswith("  "):
            break
        found.append(line)
    return " ".join(" ".join(found).split())


@pytest.fixture
def table(user_file):
    """Writes the instances of the table, and gives what `ntpt terpret` takes."""

    def write(instances):
        user_file("table.hypers.json", json.dumps({"one": {}}))
        user_file(
            "table.on.json", json.dumps([{"batch_name": "train", "hypers": "one", "instances": instances}])
        )
        return user_file("table.terpret", TABLE), "table.hypers.json", "table.on.json"

    return write


def test_a_machine_is_solved_and_proved_kept_shown_and_evaluated(ntpt, tmp_path):
    out = tmp_path / "run"
    code, printed, error = ntpt("terpret", *DECREMENT, "--strategy", "solver", "--out", out)
    assert (code, error) == (0, "")
    answer = "Right on the 5 instances that it was learned from. Proved best. The examples leave open "
    assert f"{answer}what it computes." in " ".join(printed.split())
    assert row(printed, "proof") == "explains all of 5 examples"
    assert row(printed, "simplest") == "reads 12 of 18 choices, proved fewest"
    assert row(printed, "determined").startswith("no: ")
    assert row(printed, "batch 'longer tapes'") == "4 of 4 instances reproduced"
    assert "the example to ask for next" in printed
    question = printed.split("the example to ask for next")[1]
    for words in ("initial_tape = [", "this program gives", "another one gives", "final_halted = "):
        assert words in question
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    result = json.loads((out / "result.json").read_text())
    assert (result["kind"], result["status"], result["program_correct"]) == ("solved", "optimal", True)
    assert (result["simplicity"], result["simplicity_bound"], result["choices_in_all"]) == (12, 12, 18)
    assert result["question"]["expected"] != result["question"]["other"]
    code, shown, error = ntpt("show", out)
    assert (code, error) == (0, "")
    assert shown == printed.replace(f"kept in {out}: ntpt show {out}\n", "")
    code, evaluated, error = ntpt("evaluate", out, "--seed", 1)
    assert (code, error) == (0, "")
    assert evaluated.splitlines()[-1].endswith("right")
    assert "final_halted = 1" in " ".join(evaluated.split())


def test_no_time_is_one_line(refused):
    error = refused("terpret", *DECREMENT, "--strategy", "solver", "--seconds", 0)
    assert "solver, turing: expected a program within 0 s, got none; give more time" in error


def test_a_person_answers_until_the_behaviour_is_determined(ntpt, table, monkeypatch):
    said = iter(["nonsense", "a", "b", *["a"] * 20])
    prompts = []

    def answer(prompt):
        prompts.append(prompt)
        return next(said)

    monkeypatch.setattr("builtins.input", answer)
    code, printed, error = ntpt(
        "terpret", *table(INSTANCES[:1]), "--strategy", "solver", "--ask", "--out", "run"
    )
    assert (code, error) == (0, "")
    assert "a: as this program, b: as the other one, the right result" in prompts[0]
    assert printed.count("not a result; one is written like") == 1
    assert printed.count("which result is right?") == len(prompts) - 1
    assert row(printed, "determined").startswith("yes")
    result = json.loads(Path("run/result.json").read_text())
    assert result["asked"] == len(prompts) - 1 == 2  # two inputs are left
    answers = json.loads(Path("run/answers.json").read_text())["answers"]
    assert sorted(one["inputs"] for one in answers) == [[1], [2]]


@pytest.mark.parametrize("end", ["", EOFError()])
def test_saying_nothing_ends_the_asking(ntpt, table, monkeypatch, end):
    said = iter(["2, 0"])  # y, z

    def answer(prompt):
        last = next(said, None)
        if last is None and isinstance(end, EOFError):
            raise end
        return end if last is None else last

    monkeypatch.setattr("builtins.input", answer)
    code, printed, error = ntpt(
        "terpret", *table(INSTANCES[:1]), "--strategy", "solver", "--ask", "--out", "run"
    )
    assert (code, error) == (0, "")
    assert row(printed, "asked for") == "1 example"
    assert row(printed, "determined").startswith("no: ")
    (answered,) = json.loads(Path("run/answers.json").read_text())["answers"]
    assert answered["results"] == [2, 0]


@pytest.mark.parametrize("wrong", ["[1, 2]", "1", "1, 2, 0", "9, 9", "1.5, 0", "-1, 0", "y", "["])
def test_what_is_no_result_is_asked_again(ntpt, table, monkeypatch, wrong):
    said = iter([wrong, "y = 2, z = 0", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(said))
    code, printed, error = ntpt(
        "terpret", *table(INSTANCES[:1]), "--strategy", "solver", "--ask", "--out", "run"
    )
    assert (code, error) == (0, "")
    assert printed.count("not a result; one is written like") == 1
    (answered,) = json.loads(Path("run/answers.json").read_text())["answers"]
    assert answered["results"] == [2, 0]


def test_an_input_that_is_not_meant_is_not_asked_for_again(ntpt, table, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "s")
    code, printed, error = ntpt(
        "terpret", *table(INSTANCES[:1]), "--strategy", "solver", "--ask", "--out", "run"
    )
    assert (code, error) == (0, "")
    assert printed.count("which result is right?") == 2  # two inputs are left
    answers = json.loads(Path("run/answers.json").read_text())["answers"]
    assert [one["results"] for one in answers] == [None, None]
    assert row(printed, "determined").startswith("yes")


def test_a_posterior_by_a_solver_shows_other_behaviours(ntpt, table):
    table(INSTANCES[:2])
    code, printed, error = ntpt(
        "posterior", "table.terpret:on", "--strategy", "solver", "--alternatives", 20, "--out", "run"
    )
    assert (code, error) == (0, "")
    result = json.loads(Path("run/result.json").read_text())
    assert len(result["others"]) == 8  # y and z at the third input may be any of 9
    assert result["no_others"]
    assert row(printed, "other behaviours") == "none but the 8 below"
    assert "another behaviour, 8 of 8" in printed
    code, printed, _ = ntpt("posterior", "table.terpret:on", "--strategy", "solver")
    assert code == 0
    assert "another behaviour, 3 of 3" in printed


def test_only_some_strategies_have_a_posterior(refused, table):
    table(INSTANCES)
    error = refused("posterior", "table.terpret:on", "--strategy", "em")
    assert "--strategy: expected exhaustive or solver, got 'em'" in error


def test_instances_that_contradict_each_other_are_named(ntpt, table):
    wrong = [*INSTANCES, {"x": 1, "y": 1, "z": 0}, {"x": 2, "y": 0, "z": 1}]
    code, printed, error = ntpt("terpret", *table(wrong), "--strategy", "solver", "--out", "run")
    assert (code, error) == (0, "")
    assert row(printed, "contradiction").startswith("no program explains examples 1, 3 together")
    assert row(printed, "proof") == "explains 4 of 5 examples, no program explains more"
    assert "Wrong: it is not right on the 5 instances that it was learned from. Proved best." in printed
    assert row(printed, "unexplained") in ("example 1", "example 3")
    result = json.loads(Path("run/result.json").read_text())
    assert (result["contradiction"], result["smallest"], result["cost"]) == ([1, 3], True, 1)
    assert ntpt("show", "run")[1] == printed.replace("kept in run: ntpt show run\n", "")


def test_a_determined_behaviour_has_no_question(ntpt, table):
    code, printed, error = ntpt("terpret", *table(INSTANCES), "--strategy", "solver")
    assert (code, error) == (0, "")
    assert row(printed, "determined").startswith("yes")
    assert row(printed, "simplest") == "reads 6 of 6 choices, proved fewest"
    assert "the example to ask for next" not in printed


def test_a_run_whose_answers_are_damaged_is_named(ntpt, refused, table, monkeypatch):
    said = iter(["a"])

    def killed(prompt):
        found = next(said, None)
        if found is None:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr("builtins.input", killed)
    words = ("terpret", *table(INSTANCES[:1]), "--strategy", "solver", "--ask", "--out", "run")
    assert ntpt(*words)[0] == 130
    assert len(json.loads(Path("run/answers.json").read_text())["answers"]) == 1
    assert "--resume" in refused(*words)
    Path("run/answers.json").write_text("nonsense")
    assert (
        "answers.json: expected a file of ntpt_pyro answers 1, got a damaged one, or something else; delete"
        in refused(*words, "--resume")
    )
    Path("run/answers.json").unlink()
    monkeypatch.setattr("builtins.input", lambda prompt: "a")
    assert ntpt(*words, "--resume")[0] == 0
    shutil.rmtree("run")
