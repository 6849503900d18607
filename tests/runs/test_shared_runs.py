"""Runs whose restarts processes share."""

import sys
from functools import partial

import pytest

from ntpt_pyro.errors import NtptError, RunError
from ntpt_pyro.runs import RunFolder, device_names
from tests.runs.shared_run import command, induced
from tests.several_ranks import in_ranks

ROUNDING = 1e-3
"""Of probabilities after a training of 30 steps in single precision."""
TASK = """
import pyro, torch
from ntpt_pyro import Task, choice, observe
def model(bits, seen=None):
    flip = choice("flip", 2)
    with pyro.plate("examples", len(bits)):
        observe("seen", flip, seen)
task = Task(model, examples=(torch.zeros(4).long(), torch.ones(4).long()))
"""


def like(found, alone):
    assert not isinstance(found, Exception), found
    for name in ("program", "right", "accuracy", "snapshots"):
        assert found[name] == alone[name], name
    for name, probabilities in alone["marginals"].items():
        assert found["marginals"][name] == pytest.approx(probabilities, abs=ROUNDING)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "run"
    return folder, induced(folder)


def test_a_shared_run_is_that_of_one_process(tmp_path, alone):
    folder, found = alone
    for rank in in_ranks(2, induced, tmp_path / "run"):
        like(rank, found)
    files = sorted(path.name for path in folder.iterdir())
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == files
    assert RunFolder(tmp_path / "run").options()["inputs"] == RunFolder(folder).options()["inputs"]
    for rank in in_ranks(2, partial(induced, resume=True), tmp_path / "run"):
        like(rank, found)  # a finished run is given to all of them


@pytest.mark.parametrize("phase", ["search-1", "train-on"])
def test_a_run_goes_on_after_a_process_has_ended(tmp_path, alone, phase):
    told, ended = in_ranks(2, partial(induced, end_at=(phase, 3)), tmp_path)
    assert ended is None
    assert phase == "train-on" or isinstance(told, RunError)
    for rank in in_ranks(3, partial(induced, resume=True), tmp_path):
        like(rank, alone[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"strategy": "exhaustive"},
            "ranks: expected a way of inference that trains restarts, which ranks share",
        ),
        ({"restarts": 1}, "restarts: expected at least 2, one for each rank, got 1"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_all(tmp_path, changes, message):
    for error in in_ranks(2, partial(induced, **changes), tmp_path / "run"):
        assert isinstance(error, NtptError)
        assert str(error).startswith(message)
    assert not (tmp_path / "run").exists()


def test_the_first_process_speaks_for_all(tmp_path):
    (tmp_path / "bits.py").write_text(TASK)
    task, out = f"{tmp_path / 'bits.py'}:task", str(tmp_path / "run")
    words = ("--restarts=2", "--steps=30", "--halve=5", f"--out={out}")
    first, second = in_ranks(2, command, "learn", task, *words)
    assert first[0] == 0, first
    assert "not looked at by marginal: --halve (restarts that processes share all go on)\n" in first[1]
    assert "flip = 1" in first[1]
    assert second == (0, "", "")
    for code, printed, told in in_ranks(2, command, "posterior", task):
        assert (code, printed) == (2, "")
        assert "torchrun: expected a command that trains one run: learn or terpret" in told


@pytest.mark.parametrize(
    ("ends_in", "told"),
    [
        (None, "was kept at no step yet"),
        ("_settled", "was kept at step 50 of search 1"),
        ("result_of", "was kept at step 100 of training on"),
        ("nothing", "was kept at its end"),
    ],
)
def test_what_torchrun_starts_again_says_from_where_it_goes_on(monkeypatch, tmp_path, ntpt, ends_in, told):
    (tmp_path / "bits.py").write_text(TASK)
    task, out = f"{tmp_path / 'bits.py'}:task", tmp_path / "run"
    learn = ["learn", task, "--restarts=2", "--steps=150", "--out", out]
    if ends_in is not None:
        with monkeypatch.context() as now:
            now.setattr(sys.modules["ntpt_pyro.runs.induce"], ends_in, interrupted, raising=False)
            ntpt(*learn)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    code, printed, error = ntpt(*learn)
    assert (code, error) == (0, f"ntpt: torchrun has started all processes again; the run {told}\n")
    assert "flip = 1" in printed
    assert ntpt(*learn, "--quiet") == (0, "", "")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("RANK", "1")
    assert ntpt(*learn) == (0, "", "")


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "number", "processes", "device"),
    [("cuda", 1, 2, "cuda:1"), ("auto", 1, 2, "cuda:1"), ("auto", 1, 3, "cpu"), ("cpu", 1, 2, "cpu")],
)
def test_each_process_has_a_device(monkeypatch, name, number, processes, device):
    two_devices(monkeypatch, number, processes)
    assert device_names.device_named(name) == device


def test_more_processes_than_devices(monkeypatch):
    two_devices(monkeypatch, 2, 3)
    with pytest.raises(
        NtptError, match=r"device: expected at most 2 processes on this machine.* got 3; start fewer"
    ):
        device_names.device_named("cuda")


def two_devices(monkeypatch, number, processes):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", str(number))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
