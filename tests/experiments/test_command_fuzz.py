"""Bad command lines are refused in one line; whatever else they do is found."""

import json
import sys
from pathlib import Path

import pytest

from ntpt_pyro.experiments import command_fuzz
from ntpt_pyro.experiments.command_fuzz import CommandLine, line_of, main, said, surface, tried
from ntpt_pyro.experiments.command_pieces import NEEDED

TRIES = 80


def test_random_command_lines_are_refused_in_one_line(tmp_path):
    found = main(["--tries", str(TRIES), "--seed", "3", "--out", str(tmp_path / "fuzz.json")])
    assert found["findings"] == []
    assert (found["tries"], found["refused"]) == (TRIES, TRIES)
    assert json.loads((tmp_path / "fuzz.json").read_text())["command"].endswith(
        "command_fuzz --tries 80 --seed 3 --out OUT"
    )


def test_every_command_and_option_is_known():
    found = surface()
    assert set(found) == set(NEEDED)
    assert found["show"] == {
        "--top": "int",
        "--programs": "int",
        "--plot": "path",
        "--html": "path",
        "--json": "",
        "--example": "int",
        "--data": "path",
        "--help": "",
    }
    kinds = {kind for of in found.values() for kind in of.values()}
    assert kinds == {"", "int", "float", "str", "path", "address"}


def test_a_line_is_the_same_every_time_and_all_kinds_come():
    lines = [line_of(7, number, Path()) for number in range(400)]
    assert lines == [line_of(7, number, Path()) for number in range(400)]
    assert {line.wrong for line in lines} == {
        "argument", "command", "no value", "too few words", "too many words", "unknown option", "value"
    }  # fmt: skip
    assert {line.words[0] for line in lines} > set(NEEDED)


def ends(code, *, out="", error="", raises=None, writes=None):
    def run(*_):
        if writes:
            Path(writes).write_text("left")
        if raises:
            raise raises
        return code, out, error

    return run


@pytest.mark.parametrize(
    ("run", "way"),
    [
        (ends(0, out="done"), "exit code: 0"),
        (ends(2, error="ntpt: one\ntwo\n"), "lines: 2"),
        (ends(2, error=""), "lines: 0"),
        (ends(2, error="wrong\n"), "lines: 1"),
        (ends(2, error="ntpt: \x1b[31m\n"), "message: too long, or cannot be printed"),
        (ends(2, out="half", error="ntpt: no\n"), "printed: before it was refused"),
        (ends(2, error="ntpt: no\n", writes="new"), "left: files"),
        (ends(2, raises=KeyError("x")), "traceback: KeyError"),
        (ends(2, error="ntpt: t.terpret:1:1: no\n    x = 1\n    ^\n"), "refused: "),
    ],
)
def test_what_must_not_happen_is_found(run, way, monkeypatch, tmp_path):
    monkeypatch.setattr(command_fuzz, "said", run)
    assert tried(CommandLine(("learn",), "value", tmp_path), "").way == way


def test_a_command_is_run_as_it_is_installed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["other"])
    code, out, error = said("ntpt", "--version")
    assert (code, error) == (0, "")
    assert out.startswith("ntpt_pyro ")
    assert sys.argv == ["other"]
