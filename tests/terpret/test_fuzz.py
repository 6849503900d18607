"""Random texts and files are refused in one line, or mean one thing; what does otherwise is found."""

import json
import os
import warnings
from collections import Counter

import pytest
import torch

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.experiments import text_checks, text_fuzz
from ntpt_pyro.experiments.smaller_texts import smaller
from ntpt_pyro.experiments.text_checks import Case, Outcome, checked
from ntpt_pyro.experiments.text_fuzz import Worker, case_of, main, summarised
from ntpt_pyro.terpret.concrete_interpreter import Execution
from ntpt_pyro.terpret.one_by_one import OneByOne

INPUTS = 200
TEXT = """
p = Param(3)
x = Input(2)
v = Var(3)
o = Output(3)
if p == 0:
    v.set_to(x)
else:
    v.set_to(p)
with v as i:
    o.set_to((i + 1) % 3)
"""


def test_random_inputs_are_refused_in_one_line_or_mean_one_thing(tmp_path):
    found = main(["--inputs", str(INPUTS), "--seed", "1", "--out", str(tmp_path / "fuzz.json")])
    assert found["findings"] == {}
    assert found["inputs"] == INPUTS == sum(found["counts"].values())
    assert found["counts"]["accepted"] > INPUTS / 4
    assert found["counts"]["refused"] == sum(found["refused"].values())
    assert found["compared"] > 10 * INPUTS
    assert json.loads((tmp_path / "fuzz.json").read_text())["compared"] == found["compared"]


def test_an_input_is_the_same_every_time_and_there_are_all_kinds():
    cases = [case_of(7, number) for number in range(300)]
    assert cases == [case_of(7, number) for number in range(300)]
    kinds = Counter(case.kind.split(" ")[0] for case in cases)
    assert set(kinds) == {"written", "changed", "files", "heavy"}
    assert len({case.text for case in cases}) > 270


def test_a_recording_goes_on_where_it_was(tmp_path, monkeypatch):
    tried = []

    def counted(seed, numbers, known):
        tried.append(numbers)
        if len(tried) == 2:
            raise KeyboardInterrupt
        return {
            "inputs": len(numbers), "seconds": 1.0, "compared": 2, "counts": {}, "refused": {}, "findings": []
        }  # fmt: skip

    monkeypatch.setattr(text_fuzz, "tried", counted)
    monkeypatch.setattr(text_fuzz, "PART", 2)
    command = ["--inputs", "5", "--out", str(tmp_path / "fuzz.json")]
    with pytest.raises(KeyboardInterrupt):
        main(command)
    assert main(command)["compared"] == 6
    assert tried == [range(2), range(2, 4), range(2, 4), range(4, 5)]


def test_a_text_that_is_accepted_is_compared():
    assert checked(Case("written", TEXT), "0") == Outcome("accepted", compared=6 * 2 + 2)


@pytest.mark.parametrize(
    ("place", "name", "found"),
    [
        (Execution, "_value", lambda run, read: 0),
        (OneByOne, "__call__", lambda model, *data: {"o": torch.ones(3) / 3, "v": torch.ones(3) / 3}),
    ],
)
def test_what_differs_is_found(place, name, found, monkeypatch):
    monkeypatch.setattr(place, name, found)
    outcome = checked(Case("written", TEXT), "0")
    assert outcome.kind == "disagreement"
    assert outcome.wrong
    assert outcome.way == f"disagreement: {'vertices' if place is Execution else 'one by one'}"


def raises(error):
    def load(*_):
        raise error

    return load


def with_words(words):
    """An error that says what errors of ours never say: they are one line, and not without end."""
    error = TerpretError("fuzz.terpret:1:1", expected="one", got="two", remedy="three")
    error.args = (words,)
    return error


def warns(*_):
    warnings.warn("look", UserWarning, stacklevel=1)
    raise TerpretError("fuzz.terpret:1:1", expected="one", got="two", remedy="three")


@pytest.mark.parametrize(
    ("load", "way"),
    [
        (raises(KeyError("x")), "exception: KeyError in "),
        (raises(MemoryError()), "memory: "),
        (warns, "warning: UserWarning in test_fuzz.py"),
        (
            raises(TerpretError("fuzz.terpret", expected="one", got="two", remedy="three")),
            "message: without line and column: TerpretError in test_fuzz.load",
        ),
        (
            raises(TerpretError("fuzz.terpret:99:1", expected="one", got="two", remedy="three")),
            "message: with a line that is not there: TerpretError in test_fuzz.load",
        ),
        (
            raises(with_words("fuzz.terpret:1:1: expected one, got a\nb; three")),
            "message: not in one line of what can be printed: TerpretError in test_fuzz.load",
        ),
        (
            raises(with_words(f"fuzz.terpret:1:1: expected one, got {'a' * 2000}; three")),
            "message: over 1000 characters: TerpretError in test_fuzz.load",
        ),
    ],
)
def test_what_must_not_happen_is_found(load, way, monkeypatch):
    monkeypatch.setattr(text_checks, "load", load)
    outcome = checked(Case("written", TEXT), "0")
    assert outcome.wrong
    assert outcome.way == way


def ends(case, seed):
    """A check that does what a text says."""
    if case.text == "loop":
        while True:
            pass
    if case.text == "hang":
        return 7 ** (10**9)
    if case.text == "memory":
        return bytes(3 * 2**30)
    if case.text == "die":
        os._exit(3)
    return Outcome("accepted", case.text)


def test_a_process_that_an_input_ends_is_replaced():
    with Worker(ends, seconds=0.2, memory=2**30, patience=3) as worker:
        found = {
            text: worker.outcome(Case("", text), "") for text in ("loop", "memory", "die", "hang", "fine")
        }
    assert {text: outcome.kind for text, outcome in found.items()} == {
        "loop": "slow", "memory": "memory", "die": "died", "hang": "slow", "fine": "accepted"
    }  # fmt: skip


class Says:
    """A worker to which a text is wrong that has a word."""

    def outcome(self, case, seed):
        wrong = "o.set_to(v)" in case.text and "if " in case.text
        return Outcome("exception", "KeyError") if wrong else Outcome("refused")


def test_what_goes_wrong_is_made_smaller():
    text = TEXT + "o.set_to(v)\n"
    found = smaller(Case("written", text, {"n": 3}), Outcome("exception", "KeyError"), Says().outcome)
    assert len(found.text.split()) <= 3
    assert Says().outcome(found, "").wrong
    assert found.hypers == {}


def test_findings_of_one_way_are_counted_and_a_few_kept():
    finding = {"seed": 0, "number": 1, "way": "exception: KeyError", "words": "KeyError: 1"}
    part = {"inputs": 3, "seconds": 0.5, "compared": 4, "counts": {"exception": 3}, "refused": {}}
    with_text = {**finding, "input": Case("written", TEXT).to_json()}
    found = summarised([{**part, "findings": [with_text, with_text, finding]}] * 2)
    assert found["counts"] == {"exception": 6}
    assert found["seconds"] == 1.0
    (kept,) = found["findings"].values()
    assert kept["times"] == 6
    assert len(kept["examples"]) == text_fuzz.EXAMPLES
