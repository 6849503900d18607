"""An oracle's answers: kept with a run, asked for once, refused where they are no results."""

import json

import pyro
import pytest
import torch

from ntpt_pyro import Task, choice, induce, observe, one_hot, switch
from ntpt_pyro.errors import RunError, TaskError
from tests.two_registers import SIZE, SUM, SUMS, X, Y, execute, model, results

ONE = (X[:1], Y[:1], SUMS[:1])


class KilledError(Exception):
    """What ends a run from outside."""


class Adds:
    """An oracle that adds; it notes what it is asked, and may end the run."""

    def __init__(self, *, killed_at=None):
        self.asked = []
        self.killed_at = killed_at

    def __call__(self, x, y):
        self.asked.append((x, y))
        if len(self.asked) == self.killed_at:
            raise KilledError
        return (x + y) % SIZE


def task(examples=ONE, **more):
    return Task(model, examples=examples, execute=execute, name="adder", **more)


def test_a_program_is_induced_by_asking():
    oracle = Adds()
    found = induce(task(), strategy="solver", oracle=oracle)
    assert results(found.program) == results(SUM)
    assert found.result.determined == "determined"
    assert found.result.question is None
    assert found.result.asked == len(oracle.asked) == len(set(oracle.asked)) > 1
    assert found.result.examples == 1 + found.result.asked


def test_results_that_are_columns_of_one_tensor_are_asked_for_as_a_list():
    def swaps(bits, ordered=None):
        exchanges = choice("exchanges", 2)
        with pyro.plate("rows", len(bits)):
            first, second = one_hot(bits, 2).unbind(-2)
            for place, cases in enumerate(([first, second], [second, first])):
                observed = None if ordered is None else ordered[:, place]
                observe(f"bit_{place}", switch(exchanges, cases), observed)

    row = torch.tensor([[1, 1]])
    found = induce(Task(swaps, (row, row)), strategy="solver", oracle=lambda bits: bits[::-1])
    assert found.program == {"exchanges": 1}
    assert found.result.asked == 1


def test_without_an_oracle_the_question_is_the_result():
    found = induce(task(), strategy="solver")
    assert found.result.determined == "undetermined"
    assert found.result.asked == 0
    assert found.result.question.expected != found.result.question.other
    assert len(found.result.question.inputs) == 2


def test_answers_are_kept_and_not_asked_for_again(tmp_path):
    whole, second = Adds(), Adds()
    complete = induce(task(), strategy="solver", oracle=whole, out=tmp_path / "whole")
    killed = len(whole.asked)
    assert killed >= 2
    with pytest.raises(KilledError):
        induce(task(), strategy="solver", oracle=Adds(killed_at=killed), out=tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "answers.json").read_text())["answers"]
    assert [tuple(one["inputs"]) for one in kept] == whole.asked[: killed - 1]
    assert [one["results"] for one in kept] == [[(x + y) % SIZE] for x, y in whole.asked[: killed - 1]]
    found = induce(task(), strategy="solver", oracle=second, out=tmp_path / "run", resume=True)
    assert second.asked == whole.asked[killed - 1 :]
    assert found.program == complete.program
    assert found.result.asked == complete.result.asked == killed
    kept = json.loads((tmp_path / "run" / "answers.json").read_text())["answers"]
    assert [tuple(one["inputs"]) for one in kept] == whole.asked
    third = Adds()
    again = induce(task(), strategy="solver", oracle=third, out=tmp_path / "run", resume=True)
    assert (third.asked, again.program) == ([], found.program)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (1.0, "[1.0]"),
        ([1, 2], "[[1, 2]]"),
        ((1, 2), "[1, 2]"),
        ((), "[]"),
        ("one", "['one']"),
        (torch.tensor(0.5), "tensor(0.5"),
        ([[0], [1, 2]], "[[[0], [1, 2]]]"),
        (1j, "[1j]"),
    ],
)
def test_what_is_no_result_is_refused(answer, shown, tmp_path):
    with pytest.raises(TaskError) as refused:
        induce(task(), strategy="solver", oracle=lambda x, y: answer, out=tmp_path / "run")
    said = str(refused.value)
    assert said.startswith("task adder, oracle: expected the results of one example: an integer, got ")
    assert shown in said
    assert not (tmp_path / "run" / "answers.json").exists()


@pytest.mark.parametrize("answer", [-1, SIZE, SIZE + 7])
def test_a_result_outside_the_range_is_refused_and_not_kept(answer, tmp_path):
    with pytest.raises(TaskError, match="task adder, oracle"):
        induce(task(), strategy="solver", oracle=lambda x, y: answer, out=tmp_path / "run")
    assert not (tmp_path / "run" / "answers.json").exists()
    oracle = Adds()
    induce(task(), strategy="solver", oracle=oracle, out=tmp_path / "run", resume=True)
    assert oracle.asked


def test_an_array_of_one_integer_and_a_tensor_are_results():
    for wrap in (torch.tensor, lambda n: (n,), lambda n: [n]):
        found = induce(task(), strategy="solver", oracle=lambda x, y, wrap=wrap: wrap((x + y) % SIZE))
        assert results(found.program) == results(SUM)


def test_answers_of_something_else_are_named(tmp_path):
    with pytest.raises(KilledError):
        induce(task(), strategy="solver", oracle=Adds(killed_at=2), out=tmp_path / "run")
    for content in ("nonsense", "[]", '{"answers": [1]}', '{"answers": [{"inputs": []}]}'):
        (tmp_path / "run" / "answers.json").write_text(content)
        with pytest.raises(
            RunError, match=r"answers\.json: expected .*, got a damaged one, or something else"
        ):
            induce(task(), strategy="solver", oracle=Adds(), out=tmp_path / "run", resume=True)
