"""`ntpt lifelong` as a user types it, and what it keeps."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ntpt_pyro import Library
from ntpt_pyro._files import RUN, read_json
from ntpt_pyro.experiments import lifetime as lifetimes
from ntpt_pyro.experiments import stream as streams
from ntpt_pyro.experiments.lifelong import unread_settings
from ntpt_pyro.experiments.lifetime_results import AccuracySnapshot, Lifetime, LifetimesSummary
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.recording import given
from ntpt_pyro.experiments.schedule import in_turn
from ntpt_pyro.experiments.transfer import backward_transfer, forgetting, forward_transfer
from ntpt_pyro.runs import RunFolder
from tests.small import random_images

TASKS = ("add2x2/top", "apply2x2/left", "add2x2/left")
SMALL = [
    "--batches=48",
    "--batch-size=8",
    "--examples=20",
    "--restarts=2",
    "--search=6",
    "--lines=2",
    "--every=8",
]
TESTED, CURVE = 40, 20
"""Examples that accuracies of tasks and of curves are of."""


@pytest.fixture
def schedule(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(in_turn(TASKS).to_json()))
    return f"--schedule={path}"


@pytest.fixture
def few_tested(monkeypatch):
    monkeypatch.setattr(streams, "TEST_EXAMPLES", TESTED)
    monkeypatch.setattr(lifetimes, "CURVE_EXAMPLES", CURVE)


@pytest.fixture
def small(monkeypatch, few_tested):
    random_images(monkeypatch)


def test_a_setting_that_is_left_open_is_said_as_none():
    assert given(LifetimeSettings(halve=None, search=9)) == {"halve": "none", "search": 9}


@pytest.mark.parametrize(
    ("models", "changes", "told"),
    [
        (["ntpt"], {"halve": 900, "search": 5}, [("ntpt", "a search has 5 steps", ["halve"])]),
        (["ntpt"], {"baseline_lr": 0.1}, [("ntpt", "", ["baseline_lr"])]),
        (["ntpt", "pnn"], {"halve": 9, "baseline_lr": 0.1}, []),
        (["pnn", "indep"], {"restarts": 3, "every": 9}, [("pnn, indep", "", ["restarts"])]),
    ],
)
def test_settings_that_no_model_looks_at(models, changes, told):
    found = unread_settings(models, replace(LifetimeSettings(), **changes), changes)
    assert [one for one in found if one[-1]] == told


@pytest.mark.usefixtures("small")
def test_what_is_not_looked_at_is_said(ntpt, tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(in_turn(["add2x2/top"]).to_json()))
    words = [*SMALL, "--batches=8", "--models=ntpt", "--no-references", "--halve=900"]
    code, printed, _ = ntpt("lifelong", *words, f"--schedule={path}", "--out", tmp_path / "out")
    assert (code, printed.count("not looked at")) == (0, 1)
    assert "not looked at by ntpt: --halve (up to 4 restarts all go on)\n" in printed


@pytest.mark.usefixtures("small")
def test_one_command_gives_tables_figures_and_programs(ntpt, tmp_path, schedule):
    out = tmp_path / "out"
    command = ["lifelong", *SMALL, schedule, "--models=ntpt,mtnn-2", "--seeds=2", "--out", out]
    code, printed, _ = ntpt(*command)
    assert code == 0
    assert "final accuracy, in % (the paper's), mean of 2 seed(s)" in printed
    for title in ("backward transfer", "forgetting", "forward transfer"):
        assert title in printed
    for name in ("figure-6a", "figure-6b", "figure-6c"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        curves = json.loads((out / f"{name}.json").read_text())["curves"]
        assert all(curve[-1]["batches"] == 48 for task in curves.values() for curve in task.values())
    found = read_json(out / "result.json", RUN)
    assert found.pop("files") == ["options.json"]
    assert found["seeds"] == [0, 1]
    assert found["command"] == (
        "ntpt lifelong --models ntpt,mtnn-2 --seeds 2 --batches 48 --batch-size 8 --examples 20 "
        "--schedule SCHEDULE --restarts 2 --search 6 --lines 2 --every 8 --out OUT"
    )
    assert set(found["models"]) == {
        "ntpt",
        "mtnn-2",
        "ntpt-alone",
        "indep",
    }  # with what they are measured against
    rows = list(csv.DictReader((out / "table-7.csv").read_text().splitlines()))
    assert {(row["task"], row["model"]) for row in rows} == {
        (task, model) for task in TASKS for model in ("ntpt", "mtnn-2", "indep")
    }
    paper = {(row["task"], row["model"]): row["paper"] for row in rows}
    assert paper["apply2x2/left", "ntpt"] == "1.0"
    for row in rows:
        values = found["models"][row["model"]]["tasks"][row["task"]]["accuracy"]["values"]
        assert float(row["mean"]) == pytest.approx(sum(values) / 2, abs=1e-4)
    assert RunFolder(out).result_of(LifetimesSummary).to_json() == found
    for seed in (0, 1):
        kept = out / f"ntpt-{seed}"
        assert RunFolder(kept).result_of(Lifetime).programs.keys() == set(TASKS)
        assert sorted(Library.load(kept / "library.safetensors").steps) == ["net_0", "net_1"]
        assert not (kept / "lifetime.safetensors").exists()
        code, shown, _ = ntpt("show", kept / "apply2x2-left", "--top", 1)
        assert code == 0
        assert "R0 = InputInt[0]" in shown
        assert "result" in ntpt("evaluate", kept / "apply2x2-left")[1]  # with the library of the lifetime

    code, _, error = ntpt(*command)
    assert code == 2
    assert "go on with it (--resume)" in error
    assert ntpt(*command, "--resume")[0] == 0
    assert RunFolder(out).result_of(LifetimesSummary).to_json() == found
    code, _, error = ntpt(*command, "--resume", "--search=7")
    assert code == 2
    assert "expected search=6, as the run was begun, got 7" in error
    for folder, kind in ((out, "lifetimes"), (out / "ntpt-1", "lifetime")):
        for reads in ("show", "evaluate"):
            code, _, error = ntpt(reads, folder)
            assert code == 2
            assert f"expected a run with a program, got one of kind '{kind}'" in error
    path = out / "ntpt-1" / "apply2x2-left" / "choices.json"
    path.write_bytes(path.read_bytes().replace(b"probabilities", b"probabilitier", 1))
    for words in (["show", path.parent], [*command, "--resume"]):
        code, _, error = ntpt(*words)
        assert code == 2
        assert f"{path}: expected a file of " in error


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models=ntpt,lstm"], "models: expected some of ntpt, indep, pnn, mtnn-1, mtnn-2, got 'lstm'"),
        (["--models="], "expected a model and a seed, got none"),
        (["--seeds=0"], "seeds: expected a whole number of at least 1 and at most 10,000, got 0"),
        (["--examples=26"], "expected at most 25 grids, for 100 images"),
        (
            ["--batches=2"],
            "got none in 2 batches; live longer (--batches), or give a schedule of fewer tasks",
        ),
        (["--schedule=nowhere.json"], "nowhere.json: expected a file, got no such file"),
        (["--strategy=magic"], "strategy: expected one of"),
        (["--search=40"], "expected net_0 trained by 40 batches of add2x2/top first"),
        (
            ["--search=40"],
            "live longer (--batches), search less (--search), or give the first task more time",
        ),
        (["--data=/nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(ntpt, monkeypatch, tmp_path, schedule, words, message):
    if "--data=/nowhere" in words:
        monkeypatch.undo()
    code, _, error = ntpt("lifelong", *SMALL, schedule, *words, "--out", tmp_path / "out")
    assert code == 2
    assert error.startswith("ntpt: ")
    assert error.count("\n") == 1
    assert message in error


KILLED = f"""
import sys
from ntpt_pyro.cli import main
from ntpt_pyro.experiments import lifetime, stream
stream.TEST_EXAMPLES = {TESTED}
lifetime.CURVE_EXAMPLES = {CURVE}
sys.argv[0] = "ntpt"
main()
"""


@pytest.mark.usefixtures("few_tested")
def test_a_lifetime_killed_outright_goes_on_to_the_same_numbers(ntpt, tmp_path, schedule):
    # A real process and real images; SIGKILL in the middle, after a checkpoint.
    flags = [*SMALL, "--batches=90", "--examples=60", schedule, "--models=indep,ntpt", "--every=30"]
    command = ["lifelong", *flags, "--out"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert ntpt(*command, whole)[0] == 0
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *command, killed],
        stdout=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "NTPT_DATA"},
    )
    deadline = time.monotonic() + 120
    while not (killed / "ntpt-0" / "lifetime.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (killed / "indep-0" / "result.json").exists()
    assert not (killed / "ntpt-0" / "result.json").exists()
    assert ntpt(*command, killed, "--resume")[0] == 0
    for name in ("table-7.csv", "transfer.csv", "figure-6a.json", "ntpt-0/add2x2-left/choices.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    library = "ntpt-0/library.safetensors"
    assert (killed / library).read_bytes() == (whole / library).read_bytes()


SNAPSHOTS = [
    AccuracySnapshot(batches, {"t": accuracy}, {})
    for batches, accuracy in ((10, None), (20, 0.4), (30, 0.8), (40, 0.9), (50, 0.7))
]


def test_transfer_by_hand():
    # Presented from batch 12 to 25: snapshots after 20 and 30 while it lasts, gained from 0.8 to 0.7.
    assert backward_transfer(SNAPSHOTS, "t", last=25) == pytest.approx(-0.1)
    assert forgetting(SNAPSHOTS, "t") == pytest.approx(0.2)
    alone = [AccuracySnapshot(one.batches, {"t": 0.2}, {}) for one in SNAPSHOTS]
    assert forward_transfer(SNAPSHOTS, alone, "t", first=12, last=25) == pytest.approx((0.6 - 0.2) / 0.8)
    assert forward_transfer(SNAPSHOTS, SNAPSHOTS, "t", first=12, last=25) == 0


def test_the_last_batch_of_a_lifetime_has_nothing_after_it():
    assert backward_transfer(SNAPSHOTS, "t", last=49) == 0
