"""Whether the data decide: asked by the way, for a moment, of every program that was learned from a text."""

import json

import pytest
import torch

from ntpt_pyro import find_task, induce
from ntpt_pyro.runs import all_inputs

# Two registers, of which one is given out, turned around or not.
TEXT = """
given = Input(2)[2]
which = Param(2)
turned = Param(2)
plain = Var(2)
out = Output(2)
@Runtime([2, 2], 2)
def Xor(x, y): return (x + y) % 2
with which as w:
    plain.set_to(given[w])
out.set_to(Xor(plain, turned))
"""
FEW = [{"given": [0, 0], "out": 1}]
ENOUGH = [{"given": [0, 1], "out": 1}, {"given": [0, 0], "out": 1}]
CONTRADICTION = [{"given": [0, 0], "out": 1}, {"given": [0, 0], "out": 0}]
QUICK = {"restarts": 4, "steps": 40}


@pytest.fixture
def text(user_file):
    def make(instances):
        user_file("turn.terpret", TEXT)
        user_file("turn.hypers.json", json.dumps({"only": {}}))
        batch = {"batch_name": "train", "hypers": "only", "instances": instances}
        user_file("turn.all.json", json.dumps([batch]))
        return find_task("turn.terpret:all")

    return make


def told(task, **settings):
    return induce(task, **{**QUICK, **settings}).result.facts.get("determined")


@pytest.mark.parametrize("strategy", ["relaxed", "exhaustive"])
def test_data_that_do_not_decide_are_said_not_to_with_an_input_that_shows_it(text, strategy):
    found = induce(text(FEW), strategy=strategy, **QUICK).result
    assert found.program_correct
    words = found.facts["determined"]
    assert words.startswith("no: the data do not decide; another program that explains them computes out = ")
    assert " on given = [0, 1]" in words or " on given = [1, 0]" in words
    assert words.endswith((", this one out = 0", ", this one out = 1"))


def test_data_that_decide_are_said_to(text):
    assert (
        told(text(ENOUGH))
        == "yes: no program that explains the examples differs on any input of the same size"
    )


def test_nothing_is_said_of_a_program_that_does_not_explain_its_examples(text):
    assert told(text(CONTRADICTION)) is None


def test_a_solver_answers_in_its_own_words(text):
    found = induce(text(FEW), strategy="solver").result
    assert found.determined == "undetermined"
    assert "determined" not in found.facts


def test_what_would_take_long_is_not_asked(text, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(all_inputs, "MOST_GATES", 3)
        assert told(text(FEW)) == "not asked: it would take long; --strategy solver asks"
    task = text(FEW)
    task.question_seconds = 0.0
    assert told(task) == "not asked: it would take long; --strategy solver asks"


def test_without_a_solver_nothing_is_asked(text, monkeypatch):
    monkeypatch.setattr("ntpt_pyro.inference.solver.engine.importlib.util.find_spec", lambda name: None)
    assert told(text(FEW)).startswith("not asked (solver: expected python-sat, which solves, got none")


def test_the_question_changes_nothing_that_is_drawn(text):
    asked, silent = text(FEW), text(FEW)
    silent.question_seconds = None
    drawn = []
    for task in (asked, silent):
        torch.manual_seed(3)
        found = induce(task, **QUICK)
        drawn.append((found.result.choices, found.result.log_evidence, torch.rand(1).item()))
    assert drawn[0] == drawn[1]
