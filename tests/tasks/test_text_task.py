"""A program text as a task: judged by its own interpreter, on all that its instances observe."""

import json

import pytest
import torch

from ntpt_pyro import find_task
from ntpt_pyro.errors import TaskError
from ntpt_pyro.tasks.examples import Examples

# Which of two inputs is given out, and whether it is turned around.
TEXT = """
given = Input(2)[2]
which = Param(2)
turned = Param(2)
plain = Var(2)
out = Output(2)
same = Output(2)
@Runtime([2, 2], 2)
def Xor(x, y): return (x + y) % 2
with which as w:
    plain.set_to(given[w])
out.set_to(Xor(plain, turned))
same.set_to(plain)
"""
BATCHES = [
    {"batch_name": "first", "hypers": "only", "instances": [{"given": [0, 0], "out": 1}]},
    {
        "batch_name": "Training",
        "hypers": "only",
        "instances": [{"given": [0, 1], "out": 0}, {"given": [1, 0], "out": 1, "same": None}],
    },
    {
        "batch_name": "more",
        "hypers": "only",
        "instances": [{"given": [1, 1], "same": 1}, {"given": [0, 0], "out": 1, "same": 0}],
    },
]
RIGHT = [{"which": 0, "turned": 0}, {"which": 1, "turned": 1}]
PROGRAMS = [{"which": which, "turned": turned} for which in range(2) for turned in range(2)]


@pytest.fixture
def text(user_file):
    """Makes a task of some batches."""

    def make(batches=BATCHES):
        user_file("turn.terpret", TEXT)
        user_file("turn.hypers.json", json.dumps({"only": {}}))
        user_file("turn.all.json", json.dumps(batches))
        return find_task("turn.terpret:all")

    return make


def test_it_learns_from_the_batch_that_says_so_or_else_from_the_first(text):
    assert text().train.name == "Training"
    assert text(BATCHES[:1]).train.name == "first"
    assert len(text().draw(1, torch.Generator())) == 2
    assert text().data_sources() == {"train": "2 instances of turn.all.json"}


def test_a_program_is_right_where_it_reproduces_all_that_is_observed(text):
    assert [program for program in PROGRAMS if text().right(program)] == RIGHT
    accuracies = [text().accuracy(program, None, text().draw(2, torch.Generator())) for program in PROGRAMS]
    assert accuracies == [1, 0, 0, 1]


def test_it_is_tested_on_the_other_batches(text):
    held_back = Examples((torch.zeros(1), torch.zeros(1).long()))
    source = torch.Generator()
    assert [text().test_accuracy(p, None, 9, source, held_back=held_back) for p in RIGHT] == [1 / 3, 1]
    assert text(BATCHES[:1]).test_accuracy(RIGHT[0], None, 9, source, held_back=held_back) is None
    facts = text().facts(RIGHT[0], None)
    assert {name: facts[f"batch {name!r}"] for name in ("first", "Training", "more")} == {
        "first": "0 of 1 instances reproduced",
        "Training": "2 of 2 instances reproduced",
        "more": "1 of 2 instances reproduced",
    }


def test_every_output_is_compared_with_the_interpreter_where_none_is_observed(text):
    assert text().check() == 4 * 2
    task = text()
    run = task.execute
    task.execute = lambda program, *given: {**run(program, *given), "same": 0}
    with pytest.raises(TaskError, match=r"program {'which': 0, 'turned': 0}, input \(\[1, 0\], "):
        task.check()


def test_its_text_has_a_line_a_parameter(text):
    lines = text().lines({"which": 1, "turned": 0})
    assert [(line.text, line.sites) for line in lines] == [
        ("which = 1", ("which",)),
        ("turned = 0", ("turned",)),
    ]


@pytest.mark.parametrize("lacking", ["turned = Param(2)", "out = Output(2)\nout.set_to(x)"])
def test_a_text_with_nothing_to_learn_or_nothing_to_learn_it_from_is_refused(text, user_file, lacking):
    text()
    user_file("turn.terpret", "x = Input(2)\n" + lacking + "\n")
    user_file("turn.all.json", json.dumps([{"batch_name": "b", "hypers": "only", "instances": [{"x": 1}]}]))
    expected = "turn: expected a Param to learn, and Inputs and Outputs to learn it from, got no "
    with pytest.raises(TaskError, match=expected):
        find_task("turn.terpret:all")


def test_an_input_without_elements_is_one_input(user_file):
    text = "x = Input(3)[0]\np = Param(2)\no = Output(2)\no.set_to(p)\n"
    user_file("none.terpret", text)
    user_file("none.hypers.json", json.dumps({"only": {}}))
    instances = [{"x": [], "o": 1}]
    user_file("none.all.json", json.dumps([{"batch_name": "b", "hypers": "only", "instances": instances}]))
    task = find_task("none.terpret:all")
    assert task.check() > 0
    assert task.right({"p": 1})
    assert not task.right({"p": 0})
    assert task.told_apart_by == "the only input"
