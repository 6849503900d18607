"""List tasks: what they are, how their instances lie in memory, and how their rates are recorded."""

import json

import pytest
from numpy.random import default_rng

from ntpt_pyro.errors import DataError
from ntpt_pyro.experiments import list_rates
from ntpt_pyro.experiments.list_tasks import LIST_TASKS, Example, instance
from ntpt_pyro.terpret import load

TYPED = """
from dummy import Hyper, Param, Var, Runtime, Input, Output
maxInt = Hyper()
inputNum = Hyper()
inputStackSize = Hyper()
places = inputStackSize + 1
inputRegIntVal = Input(maxInt)[inputNum]
inputRegPtrVal = Input(places)[inputNum]
inputRegBoolVal = Input(2)[inputNum]
inputStackCarVal = Input(maxInt)[inputStackSize]
inputStackCdrVal = Input(places)[inputStackSize]
outputRegIntVal = Output(maxInt)
outputRegBoolVal = Output(2)
outputListVal = Output(maxInt)[inputStackSize]
outputTermState = Output(2)
by = Param(3)
register = Param(inputNum)
@Runtime([maxInt, 3], maxInt)
def more(count, by): return (count + by) % maxInt
place = Var(places)[inputStackSize + 1]
count = Var(maxInt)[inputStackSize + 1]
with register as r:
    place[0].set_to(inputRegPtrVal[r])
count[0].set_to(0)
for n in range(inputStackSize):
    with place[n] as p:
        if p == 0:
            outputListVal[n].set_to(0)
            place[n + 1].set_to(0)
            count[n + 1].set_to(count[n])
        else:
            outputListVal[n].set_to(inputStackCarVal[p - 1])
            place[n + 1].set_to(inputStackCdrVal[p - 1])
            count[n + 1].set_to(more(count[n], by))
outputRegIntVal.set_to(count[inputStackSize])
outputRegBoolVal.set_to(0)
outputTermState.set_to(1)
"""
"""Follows a list and copies it out; counts its elements where ``by`` is 1."""
SIZES = {"maxInt": 10, "inputNum": 2, "inputStackSize": 5}
TRUTH = {
    "len": ([4, 7, 7], 3),
    "rev": ([4, 7, 8], [8, 7, 4]),
    "sum": ([4, 7, 8], 9),
    "allGtK": ([4, 7, 8], 4, False),
    "exGtK": ([4, 7, 8], 7, True),
    "findLastIdx": ([4, 7, 4, 8], 4, 2),
    "getIdx": ([4, 7, 8], 1, 7),
    "last2": ([4, 7, 8], 7),
    "mapAddK": ([4, 7, 8], 3, [7, 0, 1]),
    "mapInc": ([4, 9], [5, 0]),
    "max": ([4, 8, 7], 8),
    "pairwiseSum": ([4, 7], [1, 5], [5, 2]),
    "revMapInc": ([4, 9], [0, 5]),
}
"""Inputs and the output, numbers below 10."""


@pytest.fixture(scope="module")
def typed():
    return load(TYPED, "typed.py", SIZES)


@pytest.mark.parametrize("name", LIST_TASKS)
def test_a_task_computes_what_its_name_says(name, monkeypatch):
    *inputs, output = TRUTH[name]
    task = LIST_TASKS[name]
    monkeypatch.setitem(vars(task), "draw", lambda *_: inputs)
    found = task.example(default_rng(0), 10, 5)
    assert found == Example(inputs, output)
    assert type(found.output) is type(output)


@pytest.mark.parametrize("name", LIST_TASKS)
def test_examples_differ_and_tell_something(name):
    task = LIST_TASKS[name]
    drawn = [task.examples(default_rng(seed), 10, 5, 20) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({str(one.inputs) for one in drawn[0]}) == task.instances + 20
    outputs = [one.output for one in drawn[0][: task.instances]]
    assert len({str(output) for output in outputs}) > 1
    assert isinstance(outputs[0], list | bool) or all(0 <= output < 10 for output in outputs)


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(DataError, match="expected 55 that differ"):
        LIST_TASKS["len"].examples(default_rng(0), 2, 2, 50)


@pytest.mark.parametrize("register", [0, 1])
def test_a_model_finds_a_list_where_an_instance_has_it(register, typed):
    for one in LIST_TASKS["pairwiseSum"].examples(default_rng(register), 10, 5, 20):
        given = instance(one, typed, default_rng(1))
        elements = one.inputs[register]
        found = typed.run({"register": register}, given)["outputListVal"]
        assert found == elements + [0] * (5 - len(elements))


def test_registers_are_of_types_or_of_none(typed):
    example = Example([[4, 7], 3], True)
    given = instance(example, typed, default_rng(0))
    assert given["inputRegIntVal"] == [0, 3]
    assert given["inputRegPtrVal"][0] > 0 == given["inputRegPtrVal"][1]
    assert (given["outputRegBoolVal"], given["outputRegIntVal"], given["outputListVal"]) == (1, None, None)
    untyped = TYPED.replace("inputRegPtrVal = Input(places)", "inputRegVal = Input(maxInt)")
    untyped = untyped.replace("inputRegPtrVal[r]", "0").replace(
        "inputRegIntVal = Input(maxInt)[inputNum]", ""
    )
    untyped = untyped.replace("outputRegIntVal", "outputRegVal")
    model = load(untyped, "untyped.py", SIZES)
    given = instance(example, model, default_rng(0))
    assert given["inputRegVal"][0] in (1, 2)
    assert given["inputRegVal"][1] == 3
    assert given["outputRegVal"] == 1
    assert "inputRegIntVal" not in given


def test_what_an_output_list_does_not_reach_is_not_observed(typed):
    given = instance(Example([[4, 7]], [5, 8]), typed, default_rng(0))
    assert given["outputListVal"] == [5, 8, None, None, None]


def test_everything_is_recorded_by_one_command(tmp_path, monkeypatch):
    for names in ("COLUMNS", "OTHERS"):
        monkeypatch.setattr(list_rates, names, (f"{names.lower()}_model",))
        (tmp_path / f"{names.lower()}_model.py").write_text(TYPED)
    monkeypatch.setattr(list_rates, "SEEDS", (0, 1))
    out = tmp_path / "out.json"
    options = [f"--models={tmp_path}", f"--out={out}", "--tasks=len,mapInc", "--restarts=8", "--steps=40"]
    recorded = list_rates.main(options)
    found = json.loads(out.read_text())
    assert found["restarts"]["len"]["published"] == 98.67
    assert found["restarts"]["len"]["right"]["trials"] == 8
    assert found["restarts"]["len"]["right"]["successes"] > 4
    assert found["restarts"]["mapInc"]["fits"]["successes"] == 0  # the text only copies
    assert (found["solver"]["len"]["right"]["rate"], found["solver"]["mapInc"]["right"]["rate"]) == (1, 0)
    assert {one["products"] for one in found["models"].values()} == {
        found["models"]["others_model"]["products"]
    }
    monkeypatch.setattr(list_rates, "measure", pytest.fail)  # nothing is measured twice
    assert list_rates.main(options) == recorded


def test_where_the_published_models_are_must_be_said(tmp_path):
    with pytest.raises(DataError, match="name the folder `models` of a checkout"):
        list_rates.main([f"--models={tmp_path}", f"--out={tmp_path / 'out.json'}"])
