"""Rounds of a search side by side: the run is that of rounds that follow each other."""

import json

import pytest
import torch

from ntpt_pyro import find_task, induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import EarlyStop
from ntpt_pyro.inference.work.workers import Workers

TWO = Workers(2)
TIMES = ("seconds", "search_seconds", "checksum")
OWN = """
import pyro, torch
from ntpt_pyro import Task, Tensor, choice, learn, observe, one_hot, runtime, switch

@runtime([4], 4)
def next(x): return (x + 1) % 4

@learn([Tensor(4)], 4, hid_sizes=[8])
def read(picture): "A number."

def model(pictures, results=None, library=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(pictures)):
        number = library["read"](pictures)
        observe("result", switch(line, [number, next(number)]), results)

numbers = torch.arange(40) % 4
task = Task(model, examples=(torch.eye(4)[numbers].round(), (numbers + 1) % 4), functions=[read])

"""
FEW = {"restarts": 2, "steps": 9, "search": 3, "rounds": 3, "batch_size": 8, "seed": 5}


def kept(folder):
    """What files of a run say, but for times."""
    result = json.loads((folder / "result.json").read_text())
    return {name: value for name, value in result.items() if name not in TIMES}


@pytest.fixture
def task(user_file):
    user_file("mine.py", OWN)
    return find_task("mine.py:task")


def test_rounds_side_by_side_give_the_same_run(task, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        serial = induce(task, out=tmp_path / "serial", **FEW)
        induce(task, out=tmp_path / "beside", workers=TWO, **FEW)
        again = induce(task, out=tmp_path / "beside", resume=True, workers=TWO, **FEW)
    finally:
        torch.set_num_threads(threads)
    assert serial.result.rounds > 1, "the first round has to fail, or nothing is compared"
    assert kept(tmp_path / "beside") == kept(tmp_path / "serial")
    for name in ("choices.json", "history.json", "library.safetensors"):
        assert (tmp_path / "beside" / name).read_bytes() == (tmp_path / "serial" / name).read_bytes()
    files = [{path.name for path in (tmp_path / run).iterdir()} for run in ("serial", "beside")]
    assert files[0] == files[1]
    assert again.program == serial.program


def test_what_is_of_this_process_cannot_be_told_elsewhere(task):
    with pytest.raises(UsageError, match=r"jobs: expected 1 and no cluster with callbacks \(--log\)"):
        induce(task, workers=TWO, callbacks=[EarlyStop(3)], **FEW)
