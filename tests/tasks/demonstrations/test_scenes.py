"""Scenes of the paper's tasks: they say what `ntpt evaluate` prints, and what the interpreter did."""

import pytest
import torch

from ntpt_pyro import Library, Tensor, find_task, learn
from ntpt_pyro.models import path_len
from ntpt_pyro.models.apply2x2 import OPERATORS, target
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.demonstration import Asked
from ntpt_pyro.tasks.demonstrations.tape_run import write_strip
from tests.models.test_math_loop import SOLUTION as LOOP
from tests.models.test_path_len import SOLUTION as WALK
from tests.small import small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
# R0 = READ; R1 = MOVE_EAST; R2 = NOOP; R3 = ADD(R0, R1); R4 = MOVE_SOUTH; return R3
TOP = {"instr_1": 2, "instr_2": 0, "instr_3": 5, "left_3": 0, "right_3": 1, "instr_4": 3, "return": 3}
TOP |= {"left_2": 0, "right_2": 0, "left_4": 0, "right_4": 0}


def shown(task, program, functions, **asked):
    return find_task(task).demonstrate(program, Library(functions, seed=0), Asked(**asked))


def said(reads):
    """A reading as the table of steps has it."""
    return "{} ({:.2f})".format(*reads[0]) if reads else ""


def test_a_reading_gives_the_most_probable_words_and_of_equal_ones_the_smaller():
    found = best_reads(torch.tensor([0.1, 0.3, 0.2, 0.3, 0.1]), "abcde".__getitem__)
    assert [word for word, _ in found] == ["b", "d", "c"]
    assert [sure for _, sure in found] == pytest.approx([0.3, 0.3, 0.2])


def test_lines_of_a_grid_program_are_moments():
    run = shown("add2x2/top", TOP, [net_0], seed=4)
    scene, lines = run.scene, find_task("add2x2/top").lines(TOP)
    assert (scene.columns, len(scene.places)) == (2, 4)
    assert len(scene.moments) == len(run.steps) == 5
    for moment, (text, head, reads, value) in zip(scene.moments, run.steps, strict=True):
        assert moment.text == text == lines[moment.line].text
        assert scene.places[moment.at].name == head
        assert said(moment.reads) == reads
        (written,) = moment.wrote
        assert moment.values[written] == value
    assert [moment.at for moment in scene.moments] == [0, 1, 1, 1, 3]
    assert [*scene.moments[-1].values] == ["R0", "R1", "R2", "R3", "R4"]
    assert run.result == scene.moments[-1].values["R3"]


@pytest.mark.parametrize("seed", range(3))
def test_places_of_a_grid_say_what_their_images_are(seed):
    run = shown("add2x2/top", TOP, [net_0], seed=seed)
    first, second, *_ = (int(place.says) for place in run.scene.places)
    assert int(run.truth) == first + second
    image = run.scene.places[0].image
    assert image.shape == (28, 28)
    words, sure = zip(*best_reads(Library([net_0], seed=0)[net_0.name](image)), strict=True)
    assert [word for word, _ in run.scene.places[0].reads] == [*words]
    assert [one for _, one in run.scene.places[0].reads] == pytest.approx(sure, abs=1e-5)
    assert len(words) == 3


def test_operators_are_signs_and_given_integers_have_no_head():
    program = {f"{part}_{k}": 0 for part in ("instr", "left", "right", "op") for k in range(1, 5)}
    program |= {"net_choice": 1, "instr_1": 3, "return": 4}
    run = shown("apply2x2/left", program, [net_0, net_1], seed=2)
    scene = run.scene
    assert [moment.at for moment in scene.moments] == [None] * 3 + [0] + [2] * 4
    assert all(word in OPERATORS for place in scene.places for word, _ in place.reads)
    signs = [OPERATORS.index(place.says) for place in scene.places]
    integers = [int(scene.moments[2].values[f"R{n}"]) for n in range(3)]
    assert int(run.truth) == int(target(signs, integers, "left"))


def test_an_image_that_is_not_among_those_that_are_labelled_says_nothing(monkeypatch):
    task = find_task("add2x2/top")
    example = task.draw_test(1, torch.Generator().manual_seed(0))
    example.inputs[0][0, 2] = 0.5
    monkeypatch.setattr(task, "draw_test", lambda *drawing: example)
    places = task.demonstrate(TOP, Library([net_0], seed=0), Asked()).scene.places
    assert [place.says is None for place in places] == [False, False, True, False]


def test_instructions_on_a_tape_are_moments():
    run = shown("math", LOOP, [net_0, net_1], seed=3, length=3)
    scene, lines = run.scene, find_task("math").lines(LOOP)
    assert len(scene.places) == scene.columns == 5
    assert len(scene.moments) == len(run.steps)
    for moment, (_, text, head, reads, *registers) in zip(scene.moments, run.steps, strict=True):
        assert moment.text == text
        assert lines[moment.line].text.startswith(text)
        assert moment.at == (int(head) - 1 if int(head) <= 5 else None)
        assert said(moment.reads) == reads
        assert [*moment.values.values()] == registers
        assert text.startswith(f"L{moment.wrote[0][1]}: {moment.wrote[0]} = ")
    symbols = [place.reads[0][0] for place in scene.places]
    assert run.before == (f"read    {' '.join(symbols)}",)
    assert {place.says for place in scene.places[1::2]} <= set(OPERATORS)
    assert {place.says for place in scene.places[0::2]} <= set("0123456789")


def test_an_expression_in_text_stands_on_the_tape_without_images(tmp_path):
    scene = shown("math", LOOP, [net_0, net_1], expression="3+4x2").scene
    assert [place.word for place in scene.places] == ["3", "+", "4", "x", "2"]
    assert all(place.image is None and place.reads == ((place.word, 1.0),) for place in scene.places)
    assert scene.moments[0].reads == (("3", 1.0),)
    write_strip(torch.zeros(3, 28, 28), tmp_path / "strip.png")
    scene = shown("math", LOOP, [net_0, net_1], strip=tmp_path / "strip.png").scene
    assert [place.says for place in scene.places] == [None] * 3


@pytest.mark.parametrize("seed", range(4))
def test_an_agent_goes_over_the_grid_instruction_by_instruction(seed):
    run = shown("path_len", WALK, [path_len.LOOK], seed=seed, length=4)
    scene, texts = run.scene, [line.text for line in find_task("path_len").lines(WALK)]
    assert (scene.columns, len(scene.places)) == (4, 16)
    assert [place.image.shape for place in scene.places] == [(28, 28, 3)] * 16
    cells = [moment.at for moment in scene.moments]
    way = [cell for number, cell in enumerate(cells) if number == 0 or cell != cells[number - 1]]
    assert [(str(cell // 4), str(cell % 4)) for cell in way] == [step[1:3] for step in run.steps]
    assert [(said(scene.places[c].reads), scene.places[c].says) for c in way] == [s[3:] for s in run.steps]
    assert scene.moments[-1].values["reg"] == run.result
    assert (scene.moments[0].line, scene.moments[0].wrote) == (0, ("row", "column", "heading", "reg"))
    for before, moment in zip(scene.moments, scene.moments[1:], strict=False):
        assert moment.text in texts[moment.line]
        assert bool(moment.reads) == ("LOOK" in moment.text)
        if moment.reads:
            assert moment.values["heading"] == moment.reads[0][0]
        changed = {name for name, value in moment.values.items() if before.values[name] != value}
        assert changed <= set(moment.wrote)


def test_an_agent_that_has_read_a_stop_sign_does_nothing_more():
    stops = Library([learn([Tensor(28, 28, 3)], 5, hid_sizes=[64])(LOOK)], seed=0)
    with torch.no_grad():
        for parameter in stops["LOOK"].parameters():
            parameter.zero_()
        [*stops["LOOK"].parameters()][-1][..., path_len.STOP] = 9.0
    run = find_task("path_len").demonstrate(WALK, stops, Asked(seed=1))
    assert run.result == "0"
    assert [moment.values["heading"] for moment in run.scene.moments] == ["north", "stop"]


def LOOK(sign):  # noqa: N802  # the name that the library must have
    """What a sign says."""
