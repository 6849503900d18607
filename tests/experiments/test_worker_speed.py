"""The recording of what workers bring: its shape, and that it compares equal results."""

import argparse
import json

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import worker_speed


def test_it_records_seconds_ratios_and_whether_results_are_the_same(tmp_path):
    options = ["--rounds=1", "--programs=60", "--examples=2", "--part=exhaustive", "--processes=1"]
    recorded = worker_speed.main([*options, "--out", str(tmp_path / "out.json")])
    assert json.loads((tmp_path / "out.json").read_text()) == recorded
    (figure,) = recorded["exhaustive"].values()
    assert figure["programs"] == 60
    assert figure["same"]
    assert recorded["cores"] >= 1


def test_a_search_that_shares_work_is_compared_too(tmp_path):
    options = ["--rounds=1", "--part=shared", "--text=turing:invert", "--processes=1"]
    (figure,) = worker_speed.main([*options, "--out", str(tmp_path / "out.json")])["shared"].values()
    assert figure["same"]
    assert figure["seconds"]


def test_a_ratio_is_one_process_by_several_and_a_difference_is_told(monkeypatch):
    monkeypatch.setattr(worker_speed, "in_parallel", lambda *_, **__: [])
    times = iter([0, 0, 0, 8, 0, 0, 0, 5] * 2)  # starts, and 8 s of one against 5 s of two
    monkeypatch.setattr(worker_speed.time, "perf_counter", lambda: next(times))
    options = argparse.Namespace(processes=["1", "2"], rounds=2)
    found = worker_speed.compared(lambda workers: [workers.jobs], options)
    assert found["seconds"] == {1: [8, 8], 2: [5, 5]}
    assert found["ratios"] == {2: 1.6}
    assert not found["same"]
    with pytest.raises(UsageError, match="processes: expected 1 first, got 2; put 1 first"):
        worker_speed.compared(lambda workers: [], argparse.Namespace(processes=["2"], rounds=1))
