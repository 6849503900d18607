"""The answer stands first: right or not, how sure; behaviours are listed, not programs."""

import io
import re
from dataclasses import replace

import pytest
import torch

from ntpt_pyro import Task, induce
from ntpt_pyro.report.answer import accuracies
from ntpt_pyro.report.behaviour_list import print_behaviours
from ntpt_pyro.report.by_kind import print_result, top_behaviours
from ntpt_pyro.report.plain_console import plain_console
from ntpt_pyro.report.posterior_report import print_posterior
from ntpt_pyro.runs.answer_words import held_out, how_sure, right_or_not
from ntpt_pyro.runs.headings import heading_of
from ntpt_pyro.runs.results import FoundBehaviour
from tests.two_registers import PROGRAMS, SUM, SUMS, X, Y, execute, model, results, sum_task

METHODS = {"learned": "marginal", "posterior": "exhaustive", "solved": "solver"}


@pytest.fixture(scope="module")
def found():
    """A run of each kind; the learned one is of few steps, so that its guide is not sure."""
    task = sum_task(execute=execute)
    return {
        kind: induce(task, strategy=strategy, restarts=2, steps=4, rounds=1)
        for kind, strategy in METHODS.items()
    }


def printed(function, *arguments, **options) -> str:
    to = io.StringIO()
    function(plain_console(to), *arguments, **options)
    return to.getvalue()


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_program_and_answer_come_before_any_table(found, kind, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    one = found[kind]
    text = printed(print_result, one.result, one.posterior)
    words = " ".join(text.split())
    answer = right_or_not(one.result)
    assert words.index(str(one.result.lines[0].text)) < words.index(answer)
    table = "proof" if kind == "solved" else heading_of(one.result)
    assert words.index(answer) < words.index(table)
    said = [line for line in text.splitlines() if line.startswith(answer[:12])]
    assert said == [line.rstrip() for line in said] != []
    assert max(map(len, text.splitlines())) <= int(columns)


def test_a_verdict_is_a_sentence(found):
    result = found["learned"].result
    for correct, said in (
        (True, "Right on every example."),
        (False, "Wrong: it is not right on every example."),
        (None, "Not judged: the task has no judge."),
    ):
        assert right_or_not(replace(result, program_correct=correct)) == said
    assert right_or_not(replace(result, program_correct=False, domain="")) == "Wrong."


def test_the_behaviour_that_is_named_is_the_programs(found):
    for kind in ("learned", "posterior"):
        result = found[kind].result
        own = result.behaviours[result.behaviour]
        assert results(own.choices) == results(result.choices)
    result = found["posterior"].result
    same = [one for one in PROGRAMS if results(one) == results(SUM)]
    assert how_sure(result) == "What it computes on these 25 examples has probability 1."
    assert len(same) == result.behaviours[0].programs == 1


def behaviour(probability, programs=1, right=None):
    return FoundBehaviour({}, probability, programs, right)


def test_how_sure_it_is_says_whose_probability_it_is(found):
    learned, exact = (replace(found[of].result, told_apart_on=None) for of in ("learned", "posterior"))
    two = {"behaviours": [behaviour(0.6, 5, True), behaviour(0.25, 2, False)]}
    guides = "The guide gives what it computes probability 0.6."
    assert how_sure(replace(learned, **two, behaviour=0)) == guides
    assert how_sure(replace(learned, **two, behaviour=1)) == (
        "The guide gives what it computes probability 0.25. Another behaviour is more probable: 0.6."
    )
    assert how_sure(replace(exact, **two, behaviour=0)) == (
        "What it computes has probability 0.6, that of 5 programs together."
    )
    assert how_sure(replace(learned, **two, behaviour=None, program_correct=False)) == ""
    older = replace(learned, **two, behaviour=None, program_correct=True)
    assert how_sure(older) == guides
    over = replace(learned, behaviours=[behaviour(1.0000000000000007)], behaviour=0)
    assert how_sure(over).endswith(" probability 1.")


def test_where_no_other_inputs_are_known_a_probability_is_limited_to_the_examples(found):
    x, y = torch.tensor([2, 2]), torch.tensor([0, 0])
    for shown, words in ((2, "on these 2 examples"), (1, "on this example")):
        task = Task(model, (x[:shown], y[:shown], torch.tensor([2, 2])[:shown]))
        exact = induce(task, strategy="exhaustive")
        result = exact.result
        assert result.behaviours[0].programs == 2  # one adds, the other gives x
        assert how_sure(result).startswith(f"What it computes {words} has probability 1, that of 2 ")
        text = " ".join(printed(print_posterior, result, exact.posterior, 1).split())
        assert f"what programs compute {words} " in text
        assert re.search(f"probability that what is computed is right [0-9.]+ {words} ", text)
        given = {2: "the 2 given examples only", 1: "the given example only"}[shown]
        assert result.facts["programs are told apart by"] == given
        learned = induce(task, restarts=2, steps=4, rounds=1).result
        assert f"The guide gives what it computes {words} probability" in how_sure(learned)


def few(count, generator):
    return X[:count], Y[:count], SUMS[:count]


@pytest.mark.parametrize("drawn", [{"examples": few}, {"examples": few(2, None), "test": few}])
def test_where_others_are_known_it_is_not(drawn):
    task = Task(model, **drawn)
    assert induce(task, strategy="exhaustive", examples=2).result.told_apart_on is None


def test_given_tests_are_all_that_is_known_too():
    task = Task(model, few(2, None), test=(X, Y, SUMS))
    assert induce(task, strategy="exhaustive").result.told_apart_on == len(X)


def test_of_many_examples_the_first_tell_programs_apart():
    many = [one.repeat(24) for one in (X, Y, SUMS)]  # 600
    result = induce(Task(model, tuple(many)), strategy="exhaustive").result
    assert how_sure(result).startswith("What it computes on the first 256 examples has probability")
    assert result.facts["programs are told apart by"] == "the first 256 given examples only"


def test_a_judge_that_knows_more_than_few_examples_tells_programs_apart():
    task = Task(model, few(1, None), judge=lambda program: program == SUM)
    result = induce(task, strategy="exhaustive").result
    verdicts = {one.right for one in result.behaviours}
    assert verdicts == {True, False}
    assert 0 < result.right_behaviours < 1


def test_an_accuracy_is_said_once(found):
    result = replace(found["learned"].result, test_accuracy=0.8424, trials={"8x8": 0.95})
    on_new, on_old = replace(result, held_out=True), replace(result, held_out=False)
    assert held_out(on_new) == "Held-out accuracy: 84.2%."
    assert accuracies(on_new, "learned from") == {"accuracy on 8x8": "95.0%"}
    assert held_out(on_old) == ""
    assert accuracies(on_old, "learned from")["accuracy"] == "84.2% of the examples that it was learned from"


def test_behaviours_are_listed_each_once_with_a_program(found):
    result = found["learned"].result
    many = [replace(one, choices=dict(SUM, function=n)) for n, one in enumerate([behaviour(0.1)] * 7)]
    result = replace(result, behaviours=many, behaviour=1)
    text = printed(print_behaviours, result, 0, "what programs compute")
    assert text.count("probability") == 5  # some, where no number is asked for
    assert "2. probability 0.1, one program, the one above\n" in text
    assert "keeps no more" not in text
    assert printed(print_behaviours, result, 7, "").count("probability") == 7
    assert printed(print_behaviours, result, 8, "").endswith("\n7 behaviours: the run keeps no more\n")
    alone = replace(result, behaviours=[behaviour(1.0, 3, True)], behaviour=0)
    assert printed(print_behaviours, alone, 0, "what programs compute") == ""
    assert "1. probability 1, 3 programs, the one above among them, right on every example\n" in (
        printed(print_behaviours, alone, 1, "what programs compute")
    )
    wrong = replace(alone, behaviours=[behaviour(1.0, 3, False)], behaviour=None)
    assert "1. probability 1, 3 programs, wrong\n" in printed(print_behaviours, wrong, 1, "")


@pytest.mark.parametrize("kind", METHODS)
def test_the_behaviours_of_every_kind_are_different(found, kind):
    result = found[kind].result
    computed = [tuple(results(one["choices"])) for one in top_behaviours(result, 20)]
    assert len(set(computed)) == len(computed) >= 1
    assert top_behaviours(result, 1)[0]["right"] in (True, False)
    text = printed(print_result, result, found[kind].posterior, top=len(computed) + 1)
    assert f"{len(computed)} behaviour" in text
    assert "the run keeps no more" in text
