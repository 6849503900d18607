"""Texts with learned functions as tasks: learned, judged, compared with their interpreter."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library, find_task, induce, one_hot
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.tasks.demonstrations.demonstration import Asked
from ntpt_pyro.terpret import load
from tests.terpret.drawn_signs import batches, labelled

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
SIGNS = f"{TEXTS / 'two_scripts.terpret'}:signs"
FIGURE_1 = f"{TEXTS / 'path_len_fig1.terpret'}:small"
RIGHT = {"where": 1, "op": 1}
QUICK = {"restarts": 8, "steps": 300, "library_lr": 0.01}


@pytest.fixture(scope="module")
def learned():
    return induce(find_task(SIGNS), **QUICK)


def test_a_program_and_the_functions_that_it_calls_are_learned_from_results(learned):
    assert learned.program == RIGHT
    assert learned.result.test_accuracy >= 0.95
    pictures, scripts, meanings = labelled(400, seed=1)
    with torch.no_grad():
        looks = learned.library["LOOK"](torch.tensor(pictures).float())
        read = learned.library["READ"](one_hot(torch.tensor(scripts), 2), looks).argmax(-1)
    assert float((read == torch.tensor(meanings)).float().mean()) >= 0.95


def test_signs_are_those_that_are_drawn():
    assert json.loads((TEXTS / "two_scripts.signs.json").read_text(encoding="utf-8")) == batches()


@pytest.mark.parametrize("name", [SIGNS, FIGURE_1])
def test_compiled_texts_agree_with_their_interpreters(name):
    assert find_task(name).check() >= 8 * 9


def test_what_functions_read_decides_what_a_program_is_worth(learned):
    task, library = find_task(SIGNS), learned.library
    examples = task.draw(1, torch.Generator())
    assert task.accuracy(learned.program, library, examples) >= 0.98
    assert task.accuracy({"where": 0, "op": 1}, library, examples) < 0.6
    facts = task.facts(learned.program, library)
    reproduced = int(facts["batch 'train'"].split()[0])
    assert task.right(learned.program, library) is (True if reproduced == 200 else None)
    assert ("program" in facts) == (reproduced < 200)


def test_a_program_is_not_judged_where_functions_may_have_misread(learned):
    """A wrong program and functions that read at random are told alike: with the share that is reproduced."""
    task = find_task(SIGNS)
    for program, library in (
        ({"where": 0, "op": 1}, learned.library),
        (learned.program, Library(task.functions, seed=5)),
    ):
        assert task.right(program, library) is None
        count = task.reproduced(task.train, program, library)
        assert 0 < count < 200
        assert task.facts(program, library)["program"] == (
            f"not judged: {count} of 200 instances reproduced ({count / 200:.1%}); a wrong program and "
            "functions that misread look alike"
        )


def test_some_instances_are_held_back_where_there_are_enough():
    assert find_task(SIGNS).hold_back
    assert not find_task(FIGURE_1).hold_back


def test_a_run_shows_tensors_by_their_shapes(learned):
    shown = find_task(SIGNS).demonstrate(learned.program, learned.library, Asked(seed=3))
    assert "input   pictures = a tensor of shape [5, 5]" in shown.before
    assert ("kept", "a tensor of shape [8]") in shown.steps
    assert shown.result == shown.truth


def figure_1(setting, **more):
    hypers = json.loads((TEXTS / "path_len_fig1.hypers.json").read_text(encoding="utf-8"))[setting]
    return load((TEXTS / "path_len_fig1.terpret").read_text(encoding="utf-8"), "figure 1", {**hypers, **more})


def test_the_papers_figure_1_measures_paths():
    model = figure_1("paper")
    (look,) = model.functions
    assert look.layer_sizes[0] == 28 * 28 * 3
    assert [one.name for one in model.outputs] == ["final_X", "final_Y", "path_len", "is_halted_at_end"]
    program = {"instr_0": 2, "instr_1": 1, "instr_2": 0, "goto_0": 1, "goto_1": 2, "goto_2": 0}
    signs = [[1, 1, 2, 0, 0], [0, 3, 2, 0, 0], [0, 4, 3, 0, 0]]  # east, east, south, south, west, north, west
    found = model.run(program, {"img_grid": {"LOOK": signs}, "init_X": 0, "init_Y": 0})
    assert found == {"final_X": 0, "final_Y": 1, "path_len": 7, "is_halted_at_end": 1}


BETWEEN = """
net = Param(2)
shift = Param(3)
image = Input(Tensor(2))
result = Output(3)
seen = Var(Tensor(2))[2]
kept = Var(Tensor(2))
read = Var(3)
@Learn([Tensor(2)], Tensor(2), [4])
def LEFT(image): pass
@Learn([Tensor(2)], Tensor(2), [4])
def RIGHT(image): pass
@Learn([Tensor(2)], 3, [4])
def READ(kept): pass
@Runtime([3, 3], 3)
def ADD(x, y): return (x + y) % 3
seen[0].set_to(LEFT(image))
seen[1].set_to(RIGHT(image))
with net as n:
    kept.set_to(seen[n])
read.set_to(READ(kept))
result.set_to(ADD(read, shift))
"""


@pytest.mark.parametrize("chosen", [True, False])
def test_several_untrained_functions_are_refused_only_where_a_parameter_chooses_between_them(
    chosen, user_file
):
    user_file("between.terpret", BETWEEN if chosen else BETWEEN.replace("RIGHT(image))", "LEFT(image))"))
    user_file("between.hypers.json", json.dumps({"only": {}}))
    instances = [{"image": [a / 4, b / 4], "result": (a + b) % 3} for a, b in product(range(4), range(4))]
    content = [{"batch_name": "train", "hypers": "only", "instances": instances}]
    user_file("between.all.json", json.dumps(content))
    task = find_task("between.terpret:all")
    if chosen:
        with pytest.raises(LibraryError, match="expected at most one untrained function, got LEFT and RIGHT"):
            induce(task, restarts=2, steps=3)
    else:
        found = induce(task, restarts=2, steps=3)
        assert set(found.library.steps) == {"LEFT", "RIGHT", "READ"}
