"""Damaged run folders are refused in one line, a folder is one process's; what goes otherwise is found."""

import importlib
import json
from random import Random

import pytest

from ntpt_pyro import _files
from ntpt_pyro.experiments.damaged_runs import Said, damaged, flipped, made_runs, ntpt
from ntpt_pyro.experiments.run_fuzz import damages, flips, main, other_inputs


def test_damage_is_noticed_and_folders_are_one_process_s(tmp_path):
    found = main(["--tries", "30", "--seed", "1", "--out", str(tmp_path / "fuzz.json")])
    assert found["bits"]["noticed"] == found["bits"]["tried"] == 30
    assert len(found["bits"]["files"]) == 10
    assert found["folders"]["noticed"] == found["folders"]["tried"] == 15
    assert found["inputs"]["refused"] == found["inputs"]["tried"] == 3
    assert found["races"]["won by one"] == found["races"]["tried"] == 1
    assert json.loads((tmp_path / "fuzz.json").read_text())["bits"] == found["bits"]


def test_what_is_not_noticed_is_found(tmp_path, monkeypatch):
    runs = made_runs(tmp_path, lifetimes=False)
    monkeypatch.setattr(_files, "_checksum", lambda content, begin, end: bytes(content[begin:end]))
    found = flips(Random(0), runs[:1], tmp_path / "copy", 100)  # files hold times, so that bits differ by run
    assert found["noticed"] < found["tried"]
    codes = [one["said"][0]["code"] for one in found["wrong"]]  # the first ten; 0 in 6 of 10 of them
    assert 0 in codes  # by chance there is none once in 10,000 times
    found = damages(Random(0), runs[:1], tmp_path / "copy", 100)
    assert 0 < found["noticed"] < found["tried"]
    monkeypatch.undo()
    monkeypatch.setattr("ntpt_pyro.runs.run_folder.check_same", lambda *_: None)
    found = other_inputs(Random(0), runs[:1], tmp_path / "copy", 2)
    assert found["refused"] == 0
    assert len(found["wrong"]) == 2


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (Said(2, "", "ntpt: a: expected b, got c; d\n"), True),
        (Said(2, "", "ntpt: a\nb\n"), False),
        (Said(0, "", ""), False),
        (Said(1, "", "ntpt: a\n"), False),
        (Said(None, "", "KeyError: 'a'"), False),
    ],
)
def test_what_counts_as_refused(said, refused):
    assert said.refused == refused


def test_an_error_of_pythons_is_no_answer(monkeypatch):
    def breaks(*_):
        raise KeyError("x")

    monkeypatch.setattr(importlib.import_module("ntpt_pyro.cli.main"), "_run", breaks)
    assert ntpt("tasks") == Said(None, "", "KeyError: 'x'")


def test_every_way_of_damage_changes_a_file():
    random, content = Random(0), b'{"checksum": "0123456789", "a": 1}'
    ways = set()
    for _ in range(200):
        way, found = damaged(random, content, [content, b"other"])
        ways.add(way)
        assert found != content
    assert len(ways) == 12
    assert sum(a != b for a, b in zip(flipped(random, content), content, strict=True)) == 1
