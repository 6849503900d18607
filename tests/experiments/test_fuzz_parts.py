"""Everything that is tried at random is one recording, part by part."""

import json

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import fuzz


@pytest.fixture
def parts(monkeypatch):
    """Parts that say how they were called."""

    def told(arguments):
        return {"command": "left out", "arguments": arguments}

    monkeypatch.setattr(fuzz, "texts", lambda tries, seed: {"tries": tries, "seed": seed})
    monkeypatch.setattr(fuzz, "interface", lambda tries: {"tries": tries})
    for module in (fuzz.run_fuzz, fuzz.command_fuzz, fuzz.kill_fuzz):
        monkeypatch.setattr(module, "main", told)


def test_each_part_is_recorded_with_its_share_of_the_budget(parts, tmp_path):
    out = tmp_path / "all.json"
    found = fuzz.main(["--budget", "0.1", "--seed", "3", "--out", str(out)])
    assert found["texts"] == {"texts": {"tries": 500, "seed": 3}}
    assert found["kills"] == {"kills": {"arguments": ["--tries", "20", "--seed", "3"]}}
    assert found["interface"] == {"interface": {"tries": 200}}
    assert json.loads(out.read_text())["date"] == found["date"]


def test_a_part_may_be_named(parts, tmp_path):
    found = fuzz.main(["--part", "commands", "--out", str(tmp_path / "all.json")])
    assert not {"texts", "runs", "kills", "interface"} & set(found)
    with pytest.raises(UsageError, match="part: expected some of texts, runs, commands, kills, interface"):
        fuzz.main(["--part", "other", "--out", str(tmp_path / "other.json")])


def test_calls_are_those_of_the_tests():
    assert fuzz.TESTS.is_file()


def test_calls_that_go_wrong_are_kept(monkeypatch, tmp_path):
    test = tmp_path / "a" / "b" / "test_wrong.py"
    test.parent.mkdir(parents=True)
    test.write_text("def test_right(): pass\ndef test_wrong(): assert 1 == 2\n")
    monkeypatch.setattr(fuzz, "TESTS", test)
    found = fuzz.interface(1)
    assert (found["passed"], found["failed"]) == (1, 1)
    assert "assert 1 == 2" in found["wrong"]
