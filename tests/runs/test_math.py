"""MATH on random images: its data, learning it, and measuring restarts, as a user types it."""

import json
from dataclasses import replace

import pytest
import torch

from ntpt_pyro import Library, MeanFieldPosterior
from ntpt_pyro.errors import DataError
from ntpt_pyro.experiments import restart_rates as measuring
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.run_folder import Run, load_library
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.tape_examples import expression_examples
from ntpt_pyro.tasks.demonstrations.tape_run import write_strip
from tests.small import small  # noqa: F401  # a fixture

FLAGS = ["--examples=40", "--batch-size=8", "--restarts=2"]


def numbered(classes):
    """Images that tell their label by their first pixel."""
    images = torch.zeros(50, 28, 28)
    images[:, 0, 0] = torch.arange(50) % classes
    return Images(images, torch.arange(50) % classes, "numbers")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_tapes_show_digits_and_operators_in_turn_and_results_are_theirs(length):
    source = torch.Generator().manual_seed(0)
    examples = expression_examples(numbered(10), numbered(4), 30, length, source)
    tapes = examples.inputs[0][..., 0, 0].long()
    assert tapes.shape == (30, 2 * length - 1)
    assert tapes[:, 1::2].numel() == 0 or tapes[:, 1::2].max() == 3
    for tape, result in zip(tapes.tolist(), examples.results.tolist(), strict=True):
        value = tape[0]
        for sign, digit in zip(tape[1::2], tape[2::2], strict=True):
            quotient = value // digit if digit else 18
            value = (value + digit, value - digit, value * digit, quotient)[sign] % 19
        assert value == result


def test_an_expression_has_a_digit():
    with pytest.raises(DataError, match="expected at least 1 digit, got 0"):
        expression_examples(numbered(10), numbered(4), 3, 0, torch.Generator())


@pytest.mark.usefixtures("small")
def test_math_is_learned_with_the_library_of_earlier_tasks(ntpt, tmp_path, library):
    out = tmp_path / "run"
    flags = [*FLAGS, "--steps=6", "--rounds=1", "--library", library, "--out", out]
    code, printed, _ = ntpt("learn", "math", *flags)
    assert code == 0
    assert "until the head is past the end of the tape:" in printed
    result = json.loads((out / "result.json").read_text())
    assert result["strategy"] == "relaxed-joint"
    assert len(result["choices"]) == 19
    assert result["data"]["test"] == "random images, test and random images, test"
    assert list(load_library(out).steps) == ["net_0", "net_1"]
    code, shown, _ = ntpt("show", out, "--top", 2)
    assert code == 0
    assert "goto_0" in shown
    assert "2. probability" in shown


@pytest.mark.usefixtures("small")
def test_math_without_a_trained_library_is_refused_with_the_reason(ntpt):
    code, _, error = ntpt("learn", "math", *FLAGS)
    assert code == 2
    assert error.count("\n") == 1
    assert "expected at most one untrained function, got net_0 and net_1" in error


@pytest.mark.usefixtures("small")
def test_restarts_are_counted_by_strategy(ntpt, tmp_path, library, monkeypatch):
    monkeypatch.setattr(measuring, "EVERY", 2)
    out = tmp_path / "out"
    command = ["restarts", "math", *FLAGS, "--steps=5", "--library", library, "--out", out]
    code, printed, _ = ntpt(*command, "--strategy=relaxed,relaxed-joint")
    assert code == 0
    assert "0 of 2" in printed
    result = json.loads((out / "result.json").read_text())
    assert set(result["strategies"]) == {"relaxed", "relaxed-joint"}
    for one in result["strategies"].values():
        assert [look["step"] for look in one["looks"]] == [2, 4, 5]
        assert one["right"]["trials"] == len(one["right_since"]) == 2
    assert result["least_seconds"] == min(one["seconds"] for one in result["strategies"].values())
    assert result["command"].endswith("--library LIBRARY --out OUT")
    code, _, error = ntpt(*command, "--strategy=relaxed")
    assert code == 2
    assert "--resume" in error
    assert ntpt(*command, "--strategy=relaxed,relaxed-joint", "--resume")[0] == 0
    assert json.loads((out / "result.json").read_text()) == result


@pytest.mark.usefixtures("small")
def test_a_budget_of_seconds_ends_every_strategy_at_its_next_look(ntpt, tmp_path, library, monkeypatch):
    monkeypatch.setattr(measuring, "EVERY", 2)
    out = tmp_path / "out"
    flags = [*FLAGS, "--steps=50", "--seconds=0.001", "--library", library, "--out", out]
    assert ntpt("restarts", "math", *flags, "--strategy=relaxed,marginal")[0] == 0
    result = json.loads((out / "result.json").read_text())
    assert all([look["step"] for look in one["looks"]] == [2] for one in result["strategies"].values())
    assert "--seconds 0.001" in result["command"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("command", [["learn"], ["restarts"]])
def test_a_library_whose_network_has_other_classes_is_refused(ntpt, tmp_path, command):
    made = Library()
    made.add(net_0)
    made.steps["net_0"] = 1
    made.add(replace(net_1, out=5))
    made.steps["net_1"] = 1
    made.save(tmp_path / "library.safetensors")
    flags = [*FLAGS, "--library", tmp_path / "library.safetensors", "--out", tmp_path / "out"]
    code, _, error = ntpt(*command, "math", *flags)
    assert code == 2
    assert error.count("\n") == 1
    assert "library function 'net_1'" in error
    assert "and output 4, got inputs [Tensor(shape=(28, 28))] and output 5" in error


@pytest.mark.usefixtures("small")
def test_a_restart_counts_from_the_look_after_which_it_stays_right(ntpt, tmp_path, library, monkeypatch):
    monkeypatch.setattr(measuring, "EVERY", 1)
    verdicts = iter([True, False, False, True, True, True])  # of two restarts at three looks
    task = measuring.task_named("math")
    object.__setattr__(task, "is_correct", lambda _: next(verdicts))
    monkeypatch.setattr(measuring, "task_named", lambda *_, **__: task)
    out = tmp_path / "out"
    flags = [*FLAGS, "--steps=3", "--library", library, "--out", out, "--strategy=relaxed"]
    assert ntpt("restarts", "math", *flags)[0] == 0
    one = json.loads((out / "result.json").read_text())["strategies"]["relaxed"]
    assert one["right_since"] == [3, 2]
    assert [look["right"] for look in one["looks"]] == [1, 1, 2]
    assert one["median_steps"] == 2.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["math", "--strategy=magic"], "strategy: expected one of"),
        (["math", "--strategy=,"], "strategy: expected at least one, got none"),
        (["maths"], "task: expected one of"),
        (["math", "--restarts=0"], "restarts: expected at least 1, got 0"),
        (["math", "--seconds=0"], "seconds: expected a number above 0, got 0"),
    ],
)
def test_what_is_wrong_is_one_line(ntpt, tmp_path, words, message):
    code, _, error = ntpt("restarts", *words, "--out", tmp_path / "out")
    assert code == 2
    assert error.count("\n") == 1
    assert message in error


# L0: R0 = MOVE(net_0); L1: R1 = APPLY(R1, R0, R2); L2: R2 = MOVE(net_1); and round.
SOLUTION = dict.fromkeys(
    [f"{part}_{b}" for b in range(3) for part in ("instr", "net_choice", "left", "right", "op", "goto")], 0
) | {"goto_0": 1, "instr_1": 1, "left_1": 1, "op_1": 2, "goto_1": 2, "net_choice_2": 1, "return": 1}


@pytest.fixture
def solved(tmp_path, library):
    """A run of MATH that ended with the right program."""
    run = Run(tmp_path / "solved")
    result = {"task": "math", "choices": SOLUTION}
    run.finish(result, MeanFieldPosterior({}), Library.load(library))
    return run.folder


def test_an_expression_in_text_is_evaluated_step_by_step(ntpt, solved):
    code, out, _ = ntpt("evaluate", solved, "3 + 4x2")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["read", "3", "+", "4", "x", "2"]
    assert lines[3] == ["2", "L1:", "R1", "=", "APPLY(R1,", "R0,", "R2)", "1", "3", "3", "0"]
    assert lines[4] == ["3", "L2:", "R2", "=", "MOVE(net_1)", "2", "+", "(1.00)", "3", "3", "0"]
    assert len(lines) == 2 + 9 + 1
    assert out.splitlines()[-1] == "result  14, right (from left to right, modulo 19)"
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.usefixtures("small")
def test_a_strip_that_was_saved_reads_the_same(ntpt, solved, tmp_path):
    strip = tmp_path / "strip.png"
    code, drawn, _ = ntpt("evaluate", solved, "--length", 3, "--seed", 5, "--save", strip)
    assert code == 0
    code, again, _ = ntpt("evaluate", solved, "--strip", strip, "--plot", tmp_path / "run.svg")
    assert b"<svg" in (tmp_path / "run.svg").read_bytes()
    assert code == 0
    assert again.splitlines()[0] == drawn.splitlines()[0]
    assert len(again.splitlines()) == 2 + 9 + 1


def test_what_cannot_be_evaluated_is_one_line(ntpt, solved, tmp_path):
    strip = tmp_path / "strip.png"
    write_strip(torch.zeros(4, 28, 28), strip)
    stuck = Run(tmp_path / "stuck")
    program = {"task": "math", "choices": {**SOLUTION, "goto_1": 1}}
    stuck.finish(program, MeanFieldPosterior({}), Library())
    other = Run(tmp_path / "other")
    other.finish({"task": "add2x2/top", "choices": {}}, MeanFieldPosterior({}), Library())
    for words, message in (
        ([solved, "3+"], "an odd number of symbols, got 2"),
        ([solved, ""], "an odd number of symbols, got 0"),
        ([solved, "34"], "expected an operator out of + - x / as symbol 2, got '4'"),
        ([solved, "3+q"], "expected a digit as symbol 3, got 'q'"),
        ([solved, "3+4", "--steps", 3], "a tape of 3 symbols: expected --steps 6, as many as the program"),
        ([solved, "3+4", "--strip", strip], "expected text or --strip, got both"),
        ([solved, "3+4", "--plot", tmp_path / "run.png"], "expected images, got an expression in text"),
        ([solved, "--strip", strip], "an odd number of symbols, got 28 by 112"),
        ([solved, "--strip", tmp_path / "none.png"], "expected a picture, got no such file"),
        ([solved, "--strip", solved / "result.json"], "expected a PNG picture"),
        ([solved, "--length", 0], "expected at least 1 digit, got 0"),
        ([stuck.folder, "3+4"], "comes back to where it was after 2 steps; it never halts"),
        (
            [other.folder, "3+4"],
            "--length for path_len, got what is for one of math",
        ),
        ([other.folder, "--length", 3], "--length: expected none: a grid has four cells, got 3"),
        ([tmp_path / "nothing", "3+4"], "expected a finished run folder"),
    ):
        code, _, error = ntpt("evaluate", *words)
        assert code == 2, words
        assert error.count("\n") == 1
        assert message in error
