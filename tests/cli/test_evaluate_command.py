"""`ntpt evaluate`: a learned program on one input, step by step, of every kind of task."""

import json

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.models import path_len
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.demonstrations.tape_run import write_strip
from tests.small import keep_run, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
# L0: R0 = MOVE(net_0); L1: R1 = APPLY(R1, R0, R2); L2: R2 = MOVE(net_1); and round.
SOLUTION = dict.fromkeys(
    [f"{part}_{b}" for b in range(3) for part in ("instr", "net_choice", "left", "right", "op", "goto")], 0
) | {"goto_0": 1, "instr_1": 1, "left_1": 1, "op_1": 2, "goto_1": 2, "net_choice_2": 1, "return": 1}


@pytest.fixture
def solved(tmp_path, library):
    """A run of MATH that ended with the right program."""
    return keep_run(tmp_path / "solved", "math", SOLUTION, Library.load(library))


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


def test_a_strip_that_was_saved_reads_the_same(ntpt, solved, tmp_path):
    strip = tmp_path / "strip.png"
    code, drawn, _ = ntpt("evaluate", solved, "--length", 3, "--seed", 5, "--save", strip)
    assert code == 0
    code, again, _ = ntpt("evaluate", solved, "--strip", strip, "--plot", tmp_path / "run.svg")
    assert b"<svg" in (tmp_path / "run.svg").read_bytes()
    assert code == 0
    assert again.splitlines()[0] == drawn.splitlines()[0]
    assert len(again.splitlines()) == 2 + 9 + 1


def test_what_cannot_be_evaluated_is_one_line(refused, solved, tmp_path):
    strip = tmp_path / "strip.png"
    write_strip(torch.zeros(4, 28, 28), strip)
    stuck = keep_run(
        tmp_path / "stuck", "math", {**SOLUTION, "goto_1": 1}, Library.load(solved / "library.safetensors")
    )
    other = keep_run(tmp_path / "other", "add2x2/top", {}, Library([net_0], seed=0))
    for words, message in (
        ([solved, "3+"], "an odd number of symbols, got 2"),
        ([solved, ""], "an odd number of symbols, got 0"),
        ([solved, "34"], "expected an operator out of + - x / as symbol 2, got '4'"),
        ([solved, "3+q"], "expected a digit as symbol 3, got 'q'"),
        ([solved, "3+4", "--steps", 3], "a tape of 3 symbols: expected --steps 6, as many as the program"),
        ([solved, "3+4", "--strip", strip], "expected text or --strip, got both"),
        (
            [solved, "3+4", "--plot", tmp_path / "run.png"],
            "--plot: expected a run that has a picture, got one without",
        ),
        ([solved, "--strip", strip], "an odd number of symbols, got 28 by 112"),
        ([solved, "--strip", tmp_path / "none.png"], "expected a picture, got no such file"),
        ([solved, "--strip", solved / "result.json"], "expected a PNG picture"),
        ([solved, "--length", 0], "expected at least 1 digit, got 0"),
        ([solved, "--seed", -1], "seed: expected a whole number of at least 0"),
        ([stuck, "3+4"], "comes back to where it was after 2 steps; it never halts"),
        (
            [other, "3+4"],
            "expression: expected none, since add2x2/top has no inputs written as text, got '3+4'",
        ),
        (
            [other, "--length", 3],
            "--length: expected none, since add2x2/top has no such thing, got '3'; leave it out, and choose",
        ),
        ([tmp_path / "nothing", "3+4"], "expected a finished run folder"),
    ):
        assert message in refused("evaluate", *words), words


@pytest.fixture
def walking(tmp_path):
    """A run of path_len."""
    program = dict.fromkeys([f"{part}_{b}" for b in range(3) for part in ("instr", "goto")], 0)
    return keep_run(tmp_path / "walking", "path_len", program, Library([path_len.LOOK], seed=0))


def test_the_way_over_a_grid_of_signs_is_followed(ntpt, walking, tmp_path):
    picture = tmp_path / "path.png"
    code, printed, error = ntpt("evaluate", walking, "--length", 4, "--seed", 1, "--plot", picture)
    assert (code, error) == (0, "")
    assert printed.splitlines()[0].split() == ["step", "row", "column", "reads", "says"]
    assert printed.splitlines()[-1].startswith("length  ")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert ntpt("evaluate", walking, "--length", 4, "--seed", 1)[1] == printed
    assert ntpt("evaluate", walking, "--length", 4, "--seed", 2)[1] != printed


def test_what_does_not_fit_a_run_of_path_len_is_refused(refused, walking, tmp_path):
    for words, wrong in (
        (["3+4"], "got '3+4'; leave it out, and choose an input by --seed or --length"),
        (["--length", 1], "a grid of 2 to 20 signs a side"),
        (["--length", 21], "a grid of 2 to 20 signs a side"),
        (["--plot", tmp_path / "path.words"], "a picture's ending"),
    ):
        assert wrong in refused("evaluate", walking, *words)


# Tasks of one's own, and texts: any model has steps to show.

MINE = """
from tests.two_registers import execute, sum_task
task = sum_task(execute=execute)
"""


def test_a_users_task_is_run_on_one_of_its_examples(ntpt, refused, user_file, tmp_path):
    user_file("mine.py", MINE)
    words = {site: ["0", "1", "2"] for site in ("function", "return")}
    keep_run(tmp_path / "kept", "mine.py:task", {"function": 0, "return": 2}, words=words)
    found = [ntpt("evaluate", "kept", "--seed", seed) for seed in range(4)]
    for code, printed, error in found:
        assert (code, error) == (0, "")
        x, y, heading, third, result = printed.splitlines()
        x, y = (int(line.removeprefix("input   ")) for line in (x, y))
        assert heading.split() == ["step", "value"]
        assert third.split() == ["third", str((x + y) % 5)]
        assert result == f"result  {(x + y) % 5}, right"
    assert len({printed for _, printed, _ in found}) > 1
    assert "got '3'; leave it out, and choose an input by --seed or --instance" in refused(
        "evaluate", "kept", "--length", 3
    )
    assert "expected a run that has a picture, got one without" in refused(
        "evaluate", "kept", "--plot", "p.png"
    )


def test_what_a_users_network_reads_is_shown(ntpt, user_file, tmp_path):
    user_file("mine.py", "from tests.runs.reading import reading_task\ntask = reading_task()\n")
    words = ("--examples=40", "--rounds=1", "--restarts=2", "--steps=9", "--test-examples=50")
    assert ntpt("learn", "mine.py:task", *words, "--out", "run")[0] == 0
    code, printed, error = ntpt("evaluate", "run")
    assert (code, error) == (0, "")
    readings = [line.split() for line in printed.splitlines() if line.startswith("bright")]
    assert len(readings) == 2
    for _, symbol, sure in readings:
        assert symbol in ("0", "1")
        assert 0.5 <= float(sure.strip("()")) <= 1


def test_a_text_is_run_on_one_of_its_instances(ntpt, user_file):
    user_file(
        "turn.terpret",
        "x = Input(2)\nturn = Param(2)\ny = Output(2)\nz = Var(2)\n"
        "with turn as t:\n    z.set_to(t)\ny.set_to(z)\n",
    )
    user_file("turn.hypers.json", json.dumps({"one": {}}))
    instances = [{"x": 1, "y": 1}, {"x": 0, "y": 1}]
    user_file("turn.on.json", json.dumps([{"batch_name": "b", "hypers": "one", "instances": instances}]))
    assert ntpt("learn", "turn.terpret:on", "--restarts=2", "--steps=60", "--out", "run")[0] == 0
    code, printed, error = ntpt("evaluate", "run", "--seed", 1)
    assert (code, error) == (0, "")
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ["instance", "1", "of", "batch", "'b'"]
    assert ["input", "x", "=", "0"] in lines
    assert ["z", "1"] in lines
    assert lines[-1] == ["result", "y", "=", "1,", "right"]


def test_an_instance_of_a_text_and_an_example_of_a_task_are_chosen_by_number(
    ntpt, refused, user_file, tmp_path
):
    user_file(
        "turn.terpret",
        "x = Input(3)\nturn = Param(2)\ny = Output(3)\n"
        "with x as i:\n    with turn as t:\n        y.set_to((i + t) % 3)\n",
    )
    user_file("turn.hypers.json", json.dumps({"one": {}}))
    batches = [
        {"batch_name": name, "hypers": "one", "instances": [{"x": x, "y": (x + 1) % 3} for x in xs]}
        for name, xs in (("train", [0, 1, 2]), ("other", [2, 0]), ("third", [1]))
    ]
    user_file("turn.on.json", json.dumps(batches))
    assert ntpt("learn", "turn.terpret:on", "--restarts=2", "--steps=60", "--out", "run")[0] == 0
    for words, batch, number, x in (
        ([], "other", 0, 2),
        (["--instance", 1], "other", 1, 0),
        (["--batch", "third"], "third", 0, 1),
        (["--batch", "train", "--instance", 2], "train", 2, 2),
    ):
        code, printed, error = ntpt("evaluate", "run", *words)
        assert (code, error) == (0, "")
        assert printed.startswith(f"instance {number} of batch {batch!r}\ninput   x = {x}\n")
    assert "--instance: expected a number in 0..1, of batch 'other', got 2" in refused(
        "evaluate", "run", "--instance", 2
    )
    assert "--batch: expected one of 'train', 'other', 'third', got 'last'" in refused(
        "evaluate", "run", "--batch", "last"
    )
    user_file("mine.py", MINE)
    words = {site: ["0", "1", "2"] for site in ("function", "return")}
    keep_run(tmp_path / "kept", "mine.py:task", {"function": 0, "return": 2}, words=words)
    assert len({ntpt("evaluate", "kept", "--instance", number)[1] for number in range(4)}) > 1
    assert "--instance: expected a whole number of at least 0 and at most" in refused(
        "evaluate", "kept", "--instance", 10**6
    )
