"""Commands that are killed end as if nothing had happened; where they do not, it is found."""

import json
from itertools import count

import pytest

from ntpt_pyro.experiments import kill_fuzz
from ntpt_pyro.experiments.kill_fuzz import contents, main


def test_killed_commands_end_as_if_nothing_had_happened(tmp_path):
    found = main(["--tries", "4", "--seed", "1", "--out", str(tmp_path / "kills.json")])
    assert found["equal"] == found["tried"] == 4
    assert found["kills"] > 0
    assert json.loads((tmp_path / "kills.json").read_text())["commands"] == found["commands"]


def test_what_ends_otherwise_is_found(tmp_path, monkeypatch):
    numbers = count()
    monkeypatch.setattr(kill_fuzz, "contents", lambda folder: {"result.json": next(numbers)})
    found = main(["--tries", "1", "--seed", "1", "--out", str(tmp_path / "kills.json")])
    assert found["equal"] == 0
    assert found["wrong"] == [{"command": "posterior", "number": 0, "code": 0, "different": "result.json"}]


def test_seconds_may_differ_and_results_may_not(tmp_path):
    def written(**content):
        (tmp_path / "result.json").write_text(json.dumps(content))
        return contents(tmp_path)

    first = written(seconds=1.0, checksum="a", program=[{"search_seconds": 2, "line": "R0"}])
    assert first == written(seconds=2.0, checksum="b", program=[{"search_seconds": 3, "line": "R0"}])
    assert first != written(seconds=1.0, checksum="a", program=[{"search_seconds": 2, "line": "R1"}])


def test_a_command_that_does_not_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(kill_fuzz.COMMANDS, "posterior", ("posterior", "{tasks}:nothing"))
    with pytest.raises(AssertionError, match="posterior does not come to its end"):
        main(["--tries", "1", "--out", str(tmp_path / "kills.json")])
