"""Scenes of program texts: a moment for each iteration, the tape where the input was, the head on it."""

import ast
import json
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library, find_task
from ntpt_pyro.tasks.demonstrations.demonstration import Asked
from ntpt_pyro.tasks.demonstrations.scene import MOST_MOMENTS
from ntpt_pyro.tasks.demonstrations.text_heads import evaluated, looks

TEXTS = Path(__file__).parents[3] / "models" / "terpret"
# In state 0: write 1 for 0 and 0 for 1 and go right; at the blank leave it, stay, and halt (state 1 of two).
INVERT = {"write_0_0": 1, "write_0_1": 0, "write_0_2": 2, "direction_0_0": 1, "direction_0_1": 1}
INVERT |= {"direction_0_2": 0, "following_0_0": 0, "following_0_1": 0, "following_0_2": 1}


def run(name, program, library=None, **asked):
    return find_task(str(TEXTS / name)).demonstrate(program, library, Asked(**asked))


@pytest.fixture(scope="module")
def inverted():
    return run("turing.terpret:invert", INVERT, instance=1)


def test_a_turing_machine_runs_on_its_tape(inverted):
    scene, table = inverted.scene, {name: json.loads(value) for name, value in inverted.steps}
    tape, position = table["tape"], table["position"]
    assert scene.columns == len(scene.places) == len(tape[0])
    assert [place.name for place in scene.places] == [f"initial_tape[{n}]" for n in range(len(tape[0]))]
    assert [int(place.word) for place in scene.places] == tape[0]
    start, *iterations = [one for one in scene.moments if one.text == "start" or one.text.startswith("t = ")]
    assert (start.text, start.at) == ("start", 0)
    for time, moment in enumerate(iterations, start=1):
        assert moment.text.split(":")[0].startswith(f"t = {time - 1}")
        assert [int(word) for word in moment.stands] == tape[time]
        assert moment.at == position[time]
        assert moment.values["tape"] == str(tape[time])
        assert moment.values["seen"] == str(table["seen"][time - 1])
        assert moment.values["state"] == str(table["state"][time])
    end = scene.moments[-1]
    assert end.text == "end"
    assert inverted.result == ", ".join(f"{name} = {end.values[name]}" for name in end.wrote)
    assert inverted.right


def test_a_moment_names_the_lines_of_the_table_that_it_used(inverted):
    lines = [line.text for line in find_task(str(TEXTS / "turing.terpret:invert")).lines(INVERT)]
    (first,) = {moment.text: moment for moment in inverted.scene.moments if moment.text == "t = 0"}.values()
    symbol = first.values["seen"]
    assert [lines[number].partition(" ")[2] for number in first.lines] == [
        lines[number].partition(" ")[2] for number in first.lines if f"[0, {symbol}]" in lines[number]
    ]
    assert [lines[number].split("[")[0] for number in first.lines] == ["write", "direction", "following"]
    assert (first.line, inverted.scene.moments[0].lines) == (None, ())


def test_what_a_step_wrote_is_what_changed(inverted):
    for before, moment in zip(inverted.scene.moments, inverted.scene.moments[1:], strict=False):
        assert set(moment.wrote) == {
            name for name, value in moment.values.items() if before.values.get(name) != value
        }


def test_steps_in_which_nothing_changes_any_more_are_one():
    scene = run("turing.terpret:invert", {**INVERT, "following_0_0": 1, "following_0_1": 1}, instance=1).scene
    (rest,) = [moment for moment in scene.moments if "nothing changes" in moment.text]
    assert rest is scene.moments[-2]
    assert rest.values == scene.moments[-3].values
    assert (rest.wrote, rest.lines) == ((), ())
    assert len(scene.moments) < 8


def test_wires_of_a_circuit_are_places_though_fewer_are_given():
    program = {f"{part}_{g}": 0 for part in ("kind", "left", "right", "out") for g in range(3)}
    scene = run("circuit.terpret:swap", {**program, "kind_0": 2, "right_0": 1, "out_0": 2}, instance=1).scene
    assert [place.name for place in scene.places] == ["given[0]", "given[1]", "wire[2]"]
    one, other, free = (int(place.word) for place in scene.places)
    assert free == 0
    assert scene.moments[1].stands == [str(one), str(other), str(one ^ other)]
    assert [moment.at for moment in scene.moments] == [None] * 5  # parameters say where it looks


SIGNS = {"instr_0": 2, "instr_1": 1, "goto_0": 1, "goto_1": 0}


def test_the_agent_of_figure_1_stands_where_both_coordinates_say():
    task = find_task(f"{TEXTS / 'path_len_fig1.terpret'}:small")
    shown = task.demonstrate(SIGNS, Library(task.functions, seed=0), Asked(instance=2))
    table = {name: json.loads(value) for name, value in shown.steps}
    images = [place for place in shown.scene.places if place.image is not None]
    width = shown.scene.columns
    assert len(images) == 4
    for time, moment in enumerate(shown.scene.moments[:-1]):
        assert moment.at == table["Y"][time] * width + table["X"][time]
        if moment.reads:
            assert moment.values["dir"] == moment.reads[0][0]
            assert shown.scene.places[moment.at].reads == moment.reads
    assert any(moment.reads for moment in shown.scene.moments)
    assert not shown.scene.moments[0].stands


def test_a_text_without_a_loop_goes_statement_by_statement():
    task = find_task(f"{TEXTS / 'two_scripts.terpret'}:signs")
    shown = task.demonstrate({"where": 1, "op": 1}, Library(task.functions, seed=0), Asked(instance=0))
    texts = [moment.text for moment in shown.scene.moments]
    assert texts[:3] == ["p = 0", "p = 1", "p = 2"]
    assert texts[3:] == ["with where as p:", "meaning.set_to(READ(script, kept))", "if op == 0:"]
    assert [moment.at for moment in shown.scene.moments] == [0, 1, 2, None, None, None]
    assert [moment.line for moment in shown.scene.moments] == [None, None, None, 0, None, 1]
    meaning = shown.scene.moments[4]
    assert meaning.values["meaning"] == meaning.reads[0][0]
    assert [place.name for place in shown.scene.places[3:]] == ["script", "number"]
    assert shown.result == f"result = {shown.scene.moments[-1].values['result']}"


def test_the_agent_of_a_grid_stands_where_quotient_and_remainder_say(tmp_path):
    text = (TEXTS / "path_len.terpret").read_text(encoding="utf-8")
    text = text.replace("W = Hyper()", "W = 3").replace("H = Hyper()", "H = 2")
    blank = torch.zeros(2, 3, 28, 28, 3).tolist()
    instance = [{"img_grid": blank, "start": 4, "length": 2}]
    task = text_of(tmp_path, text.replace("steps = Hyper()", "steps = 4"), instance)
    program = {"instr_0": 0, "instr_1": 1, "instr_2": 2, "goto_0": 1, "goto_1": 2, "goto_2": 0}
    shown = task.demonstrate(program, Library(task.functions, seed=0), Asked())
    at = json.loads(dict(shown.steps)["at"])
    assert [moment.at for moment in shown.scene.moments if moment.text.split(":")[0] != "end"] == at
    assert (shown.scene.columns, len(shown.scene.places)) == (3, 7)  # and the start
    assert shown.scene.moments[1].reads == shown.scene.places[4].reads


def text_of(folder, text, data):
    (folder / "own.terpret").write_text(text, encoding="utf-8")
    (folder / "own.hypers.json").write_text(json.dumps({"one": {}}), encoding="utf-8")
    batch = {"batch_name": "b", "hypers": "one", "instances": data}
    (folder / "own.data.json").write_text(json.dumps([batch]), encoding="utf-8")
    return find_task(f"{folder / 'own.terpret'}:data")


COUNTING = """
steps = {steps}
x = Input(5)
by = Param(2)
n = Var(5)[steps + 1]
y = Output(5)
@Runtime([5, 2], 5)
def plus(a, b): return (a + b) % 5
n[0].set_to(x)
for t in range(steps):
    n[t + 1].set_to(plus(n[t], by))
y.set_to(n[steps])
"""


def test_a_single_variable_of_a_loop_is_shown_by_its_newest_value(tmp_path):
    task = text_of(tmp_path, COUNTING.format(steps=3), [{"x": 4, "y": 2}])
    scene = task.demonstrate({"by": 1}, None, Asked()).scene
    assert [moment.values["n"] for moment in scene.moments] == ["4", "0", "1", "2", "2"]
    assert [moment.line for moment in scene.moments] == [None, 0, 0, 0, None]
    assert [(place.name, place.word) for place in scene.places] == [("x", "4")]


def test_a_run_of_too_many_steps_has_no_scene(tmp_path):
    task = text_of(tmp_path, COUNTING.format(steps=MOST_MOMENTS + 1), [{"x": 4, "y": 2}])
    shown = task.demonstrate({"by": 1}, None, Asked())
    assert shown.scene is None
    assert shown.result == f"y = {(4 + MOST_MOMENTS + 1) % 5}"


def test_looks_are_found_in_functions_and_cases_of_cases():
    text = "def f(t):\n  with x[t] as a, y[a] as b:\n    z.set_to(grid[b, a + 1])\nwith p as a:\n  q[a]\n"
    found = [(one.array, dict(one.names)) for one in looks(ast.parse(text))]
    assert found == [("y", {"a": "x"}), ("grid", {"a": "x", "b": "y"}), ("q", {"a": "p"})]


@pytest.mark.parametrize(
    ("text", "value"),
    [("a + 2 * b", 11), ("a % b", 2), ("a // 0", None), ("c", None), ("-a", None), ("True", None)],
)
def test_indices_are_evaluated_where_they_can_be(text, value):
    assert evaluated(ast.parse(text, mode="eval").body, {"a": 5, "b": 3}) == value


def test_the_head_is_nowhere_where_two_variables_say_different_places(tmp_path):
    text = """
m = Input(2)[3]
i = Input(3)
off = Param(3)
a = Var(3)
b = Var(3)
u = Var(2)
v = Var(2)
y = Output(2)
a.set_to(i)
b.set_to(off)
with a as p:
    u.set_to(m[p])
with b as p:
    v.set_to(m[p])
y.set_to(v)
"""
    task = text_of(tmp_path, text, [{"m": [0, 1, 1], "i": 1, "y": 0}])
    apart, same = (task.demonstrate({"off": off}, None, Asked()).scene for off in (0, 1))
    assert [moment.at for moment in apart.moments] == [1, None, None, None, None]
    assert [moment.at for moment in same.moments] == [1, 1, 1, 1, 1]
    assert torch.tensor([int(place.word) for place in apart.places]).tolist() == [0, 1, 1, 1]
