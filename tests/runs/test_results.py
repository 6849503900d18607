"""Results: each kind is written to JSON and read again; what is missing or wrong in a file is one line."""

import json
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from ntpt_pyro import induce
from ntpt_pyro._files import HEAD, RUN, write_sealed_json
from ntpt_pyro.errors import RunError
from ntpt_pyro.runs import LearnedResult, PosteriorResult, ProgramResult, RunFolder, SolvedResult
from ntpt_pyro.runs.results import PROGRAM_KINDS, RankedProgram, Reading
from tests.small import settings, small, small_task  # noqa: F401  # a fixture
from tests.two_registers import execute, sum_task

MADE = {
    "learned": {"restarts": 2, "steps": 9},
    "posterior": {"strategy": "exhaustive"},
    "solved": {"strategy": "solver", "alternatives": 1},
}
CONTRACT = {
    "task": str,
    "strategy": str,
    "seed": int,
    "test_accuracy": float,
    "digit_accuracy": type(None),
    "program": list,
    "choices": dict,
    "program_correct": bool,
    "restarts": (int, type(None)),
    "restarts_correct": (int, type(None)),
    "steps": int,
    "seconds": float,
    "versions": dict,
    "kind": str,
    "format": str,
}
"""The keys of result.json that others may count on (design, section 8)."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A result of each kind and the folder of its run, made once."""
    found = {}
    for kind, how in MADE.items():
        folder = tmp_path_factory.mktemp("made") / kind
        found[kind] = induce(sum_task(execute=execute), **how, out=folder).result, folder
    return found


@pytest.fixture(params=sorted(MADE))
def made(request, results, tmp_path):
    """A finished run of each kind, a copy, and the content of its result.json."""
    result, kept = results[request.param]
    folder = shutil.copytree(kept, tmp_path / request.param)
    return request.param, result, RunFolder(folder), json.loads((folder / "result.json").read_text())


def test_every_kind_with_a_program_is_tested_here():
    assert set(PROGRAM_KINDS) == set(MADE)


def test_a_result_is_what_was_written(made):
    kind, result, folder, content = made
    kept = {name: value for name, value in content.items() if name not in (*HEAD, "files")}
    assert kept == json.loads(json.dumps(result.to_json(), allow_nan=False))
    again = type(result).from_json(content, Path("here"))
    assert again == result == folder.program_result()
    assert again.to_json() == result.to_json()
    assert folder.result_of(type(result)) == result
    assert (content["kind"], content["format"]) == (kind, RUN.name)


def test_the_keys_that_others_count_on_are_there(made):
    content = made[3]
    for name, kind in CONTRACT.items():
        assert isinstance(content[name], kind), name


def test_what_is_inside_is_typed(made):
    kind, result, _, _ = made
    assert result.lines[0].text == result.program[0]
    assert result.word("function", 1) == "1"
    assert result.word("function", 9) == "9"  # of another version of the task
    assert sum(one.probability for one in result.behaviours) <= 1 + 1e-6
    if kind == "posterior":
        assert isinstance(result, PosteriorResult)
        assert all(isinstance(one, RankedProgram) for one in result.programs)
        assert result.cost.programs == 9
    elif kind == "solved":
        assert isinstance(result, SolvedResult)
        assert (result.status, result.bound) == ("optimal", result.cost)
    else:
        assert isinstance(result, LearnedResult)
        assert 0 <= result.held_back_accuracy <= 1


@pytest.mark.usefixtures("small")
def test_readings_are_kept_and_the_first_ones_accuracy_twice():
    result = induce(small_task(), settings()).result
    assert result.readings["net_0"] == Reading("symbols", pytest.approx(result.digit_accuracy))
    assert LearnedResult.from_json(json.loads(json.dumps(result.to_json())), Path("here")) == result


@pytest.mark.parametrize("name", [one.name for one in fields(ProgramResult)])
def test_a_missing_field_is_named(made, name):
    _, result, folder, content = made
    del content[name]
    message = refusal(result, folder, content)
    assert message.startswith(f"{folder.folder / 'result.json'}: expected {name}: ")
    assert message.endswith("; make the run again, in another folder")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "none"),
        ("choices", [1, 2]),
        ("choices", {"function": "two"}),
        ("test_accuracy", "high"),
        ("program", "ADD"),
        ("lines", [3]),
        ("behaviours", [{"choices": {}}]),
        ("readings", {"net_0": 3}),
    ],
)
def test_a_field_of_another_type_is_named(made, name, value):
    _, result, folder, content = made
    message = refusal(result, folder, {**content, name: value})
    assert f"result.json: expected {name}" in message


def refusal(result, folder, content) -> str:
    """The one line that a damaged result gives, read either way."""
    path = folder.folder / "result.json"
    content = {name: value for name, value in content.items() if name not in HEAD}
    write_sealed_json(path, content, RUN)
    messages = set()
    for read in (folder.program_result, lambda: type(result).from_json(content, path)):
        with pytest.raises(RunError) as caught:
            read()
        messages.add(str(caught.value))
    (message,) = messages
    assert "\n" not in message
    assert len(message) < 300
    return message
