"""The recording of success rates: what it writes, and that it goes on where it was."""

import json
import subprocess
import sys

import pytest

from ntpt_pyro.experiments import rates
from ntpt_pyro.runs.methods.restarts_method import RestartsMethod
from ntpt_pyro.runs.statistics import spread, success_rate
from tests.small import OPTIONS, small  # noqa: F401  # a fixture


@pytest.mark.usefixtures("small")
def test_it_records_command_seeds_data_versions_commit_and_rates(tmp_path, monkeypatch):
    out = tmp_path / "rates.json"
    settings = [f"{name}={value}" for name, value in {**OPTIONS, "lines": 2}.items()]
    arguments = ["--seeds", "2", "--scratch", "top", "--transfer", "left", "--set", *settings]
    arguments += ["--work", str(tmp_path / "work"), "--out", str(out)]
    recorded = rates.main(arguments)
    assert json.loads(out.read_text()) == recorded
    assert recorded["seeds"] == [0, 1]
    assert set(recorded["summary"]) == {"top, from scratch", "left, library from top"}
    for summary in recorded["summary"].values():
        assert summary["right_programs"]["trials"] == 2
        assert set(summary["test_accuracy"]) == {"median", "min", "max"}
    for runs in recorded["runs"].values():
        for run in runs:
            assert len(run["program"]) == 6  # two lines, and what is around them
            assert run["digit_accuracy"] is not None
            assert run["sign_accuracy"] is None
    assert str(tmp_path) not in out.read_text()
    for part in ("--seeds 2", "--scratch top", "--transfer left", "--set examples=40,", "lines=2"):
        assert part in recorded["command"]
    again = rates.parsed(recorded["command"].split()[3:])
    assert rates.settings_of(again.set) == {**OPTIONS, "lines": 2}
    assert {"commit", "versions", "data", "paper", "threads"} <= set(recorded)

    def never(*args, **kwargs):
        raise AssertionError("a finished run is made again")

    monkeypatch.setattr(RestartsMethod, "search", never)
    assert rates.main(arguments) == recorded


def test_wilson_intervals_hold_the_rate_and_stay_in_bounds():
    for successes in range(11):
        found = success_rate(successes, 10)
        low, high = found.interval
        assert 0 <= low <= found.rate <= high <= 1
    assert success_rate(10, 10).interval == [0.722, 1.0]
    assert success_rate(0, 10).interval == [0.0, 0.278]


def test_spread_is_median_and_range():
    assert vars(spread([3.0, 1.0, 2.0])) == {"median": 2.0, "min": 1.0, "max": 3.0}


def test_seeds_side_by_side_by_a_command_of_its_own(tmp_path):
    """As a user types it: what runs as ``__main__`` has a name of its own, by which workers import it."""
    settings = "lines=1,steps=2,examples=40,restarts=2,rounds=1,test_examples=20"
    options = ["--seeds=2", "--jobs=2", f"--set={settings}", f"--work={tmp_path / 'work'}"]
    command = [sys.executable, "-W", "error", "-m", "ntpt_pyro.experiments.rates", *options]
    done = subprocess.run([*command, f"--out={tmp_path / 'rates.json'}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads((tmp_path / "rates.json").read_text())["runs"]["top, from scratch"]) == 2
