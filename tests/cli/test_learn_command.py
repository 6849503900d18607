"""`ntpt learn` as a user types it: what is printed and kept, and every mistake as one line."""

import gzip
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.inference import expectation_maximisation
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs import load_library
from ntpt_pyro.runs.methods import em_method
from tests.small import FLAGS, random_images, small  # noqa: F401  # a fixture

SMALL = ("--examples=40", "--restarts=2", "--steps=6", "--batch-size=8", "--rounds=1", "--test-examples=50")
WRONG = {
    "add2x2/middle": "task: expected one of add2x2/top, .* got 'add2x2/middle'",
    "add2x2/top --strategy mcmc": "strategy: expected one of marginal, fmgd, relaxed, .* got 'mcmc'",
    "add2x2/top --strategy exact": "strategy: expected .*, em, exhaustive, solver, got 'exact'; pick one",
    "add2x2/top --strategy enumeration --lines 4": r"enumeration of instr_1 \(6\), .* relax the choices",
    "add2x2/top --examples": r"Option '--examples' requires an argument. \(see ntpt learn --help\)",
    "add2x2/top --bogus 1": r"No such option: --bogus .*\(see ntpt learn --help\)",
    "": "Missing argument",
    "add2x2/top --steps many": "Invalid value for '--steps'",
    "add2x2/top --restarts 0": "restarts: expected a finite number of at least 1 and at most .*, got 0",
    "add2x2/top --examples 3": "examples: expected at least 10",
    "add2x2/top --lines 0": "lines: expected a whole number of at least 1 and at most 100, got 0",
    "math --lines 3": "--lines: expected none: math does not take it, got 3",
    "add2x2/top --threads 0": "threads: expected a whole number of at least 1 and at most 1,024, got 0",
    "add2x2/top --device tpu": "device: expected one of auto, cpu.* got 'tpu'",
    "add2x2/top --device cuda": "device: expected auto or cpu, since torch sees no CUDA device here",
    "add2x2": "task: .* got 'add2x2'; did you mean add2x2/top, add2x2/left, add2x2/bottom, add2x2/right?",
    "add2x2/top --resume": "--resume: expected --out with it",
    "add2x2/top --library /nowhere/run": "/nowhere/run: .* got no such file",
    "add2x2/top --choice-lr nan": "choice_lr: expected a finite number above 0 and below .*, got nan",
    "add2x2/top --choice-lr inf": "choice_lr: expected a finite number above 0 and below .*, got inf",
    "add2x2/top --library-lr 9e29": "site .sum.: expected a finite loss",
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(refused, line):
    flags = FLAGS[1:] if "--lines" in line else FLAGS  # of which the first is --lines
    error = refused("learn", *flags, *line.split())
    assert re.search(WRONG[line], error), error


def test_data_that_are_not_there_or_cut_short_are_named(refused, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    file = raw / "train-images-idx3-ubyte.gz"
    words = ("learn", "add2x2/top", "--data", tmp_path)
    assert f"{file.name}: expected a file of MNIST, got no such file" in refused(*words)
    raw.mkdir(parents=True)
    file.write_bytes(gzip.compress(b"not MNIST at all" * 100)[:60])
    assert f"{file.name}: expected" in refused(*words)


@pytest.mark.usefixtures("small")
def test_a_run_is_kept_shown_and_not_overwritten(ntpt, refused, tmp_path):
    out = tmp_path / "run"
    code, printed, error = ntpt("learn", "add2x2/top", *FLAGS, "--out", out)
    assert (code, error) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "choices.json",
        "history.json",
        "library.safetensors",
        "options.json",
        "result.json",
    ]
    result = json.loads((out / "result.json").read_text())
    for text in (*result["program"], "restarts right", f"kept in {out}"):
        assert text in printed
    assert "Held-out accuracy: " in " ".join(printed.split())
    assert max(map(len, printed.replace(str(out), "").splitlines())) <= 80
    assert "\x1b" not in printed
    learn = ("learn", "add2x2/top", *FLAGS, "--out", out)
    assert "got one that holds a run; go on with it (--resume)" in refused(*learn)
    assert "expected seed=0, as the run was begun, got 5" in refused(*learn, "--resume", "--seed", 5)
    assert "expected lines=2, as the run was begun, got 1" in refused(*learn, "--resume", "--lines", 1)
    assert ntpt(*learn, "--resume") == (0, printed, "")


@pytest.mark.usefixtures("small")
def test_without_out_the_run_is_not_kept_and_it_says_so(ntpt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = ntpt("learn", "add2x2/top", *FLAGS)
    assert code == 0
    assert printed.endswith("not kept: give --out FOLDER to keep the run\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["[/x]", "[red]", "a [b", "[bold]run[/bold]"])
def test_a_folder_has_whatever_name_it_has(ntpt, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    out = Path(name)
    code, printed, error = ntpt("learn", "add2x2/top", *FLAGS, "--out", out)
    assert (code, error) == (0, "")
    assert f"kept in {name}: ntpt show '{name}'\n" in printed
    code, printed, error = ntpt("show", out, "--plot", out / "p[red].png")
    assert (code, error) == (0, "")
    assert f"drawn to {name}/p[red].png\n" in printed


@pytest.mark.usefixtures("small")
def test_a_library_that_is_none_is_named(refused, tmp_path):
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("hello")
    assert "foreign.txt: expected a file of ntpt_pyro library" in refused(
        "learn", "add2x2/top", *FLAGS, "--library", foreign
    )
    assert "got one with other files" in refused("learn", "add2x2/top", *FLAGS, "--out", tmp_path)


@pytest.mark.usefixtures("small")
def test_math_is_learned_with_the_library_of_earlier_tasks(ntpt, tmp_path, library):
    out = tmp_path / "run"
    code, printed, _ = ntpt("learn", "math", *SMALL, "--library", library, "--out", out)
    assert code == 0
    assert "until the head is past the end of the tape:" in printed
    result = json.loads((out / "result.json").read_text())
    assert result["strategy"] == "relaxed-joint"
    assert len(result["choices"]) == 19
    assert result["data"]["test"] == "random images, test and random images, test"
    assert list(load_library(out).steps) == ["net_0", "net_1"]
    code, shown, _ = ntpt("show", out, "--programs", 2)
    assert code == 0
    assert "goto_0" in shown
    assert "\n2. probability" in shown.split("training")[1]


@pytest.mark.usefixtures("small")
def test_math_without_a_trained_library_is_refused_with_the_reason(refused):
    error = refused("learn", "math", *SMALL)
    assert "expected at most one untrained function, got net_0 and net_1" in error


@pytest.mark.usefixtures("small")
def test_a_library_whose_network_has_other_classes_is_refused(refused, tmp_path):
    made = Library()
    for function in (net_0, replace(net_1, out=5)):
        made.add(function)
        made.steps[function.name] = 1
    made.save(tmp_path / "library.safetensors")
    error = refused("learn", "math", *SMALL, "--library", tmp_path / "library.safetensors")
    assert "library function 'net_1'" in error
    assert "and output 4, got inputs [Tensor(shape=(28, 28))] and output 5" in error


@pytest.mark.usefixtures("small")
def test_path_len_is_learned_kept_and_shown(ntpt, tmp_path):
    run = tmp_path / "run"
    code, printed, error = ntpt("learn", "path_len", *SMALL, "--out", run)
    assert (code, error) == (0, "")
    assert "on 8x8" in printed
    assert "LOOK on symbols" in printed
    result = json.loads((run / "result.json").read_text())
    assert set(result["trials"]) == {"5x5", "8x8"}
    assert result["data"]["train"] == "random images, train"


@pytest.mark.usefixtures("small")
def test_a_library_of_other_networks_is_left_as_it_is(ntpt, library, tmp_path):
    run = tmp_path / "run"
    assert ntpt("learn", "path_len", *SMALL, "--library", library, "--out", run)[0] == 0
    before, after = Library.load(library), Library.load(run / "library.safetensors")
    assert list(after.steps) == ["net_0", "net_1", "LOOK"]
    assert (after.steps["net_0"], after.steps["LOOK"]) == (1, 6)
    for name in ("net_0", "net_1"):
        for mine, theirs in zip(after[name].parameters(), before[name].parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert ntpt("evaluate", run)[0] == 0


@pytest.mark.parametrize("given", ["library", None])
def test_a_task_is_learned_by_all_programs_and_its_networks(ntpt, library, tmp_path, monkeypatch, given):
    random_images(monkeypatch)
    monkeypatch.setattr(em_method, "FIRST_EXAMPLES", 2)
    few = partial(expectation_maximisation, iterations=3)
    monkeypatch.setattr(em_method, "expectation_maximisation", few)
    out = tmp_path / "run"
    words = [
        "--lines",
        2,
        "--examples",
        60,
        "--steps",
        120,
        "--batch-size",
        8,
        "--strategy",
        "em",
        "--rounds",
        1,
    ]
    words += ["--library", library] if given else []
    code, printed, error = ntpt("learn", "add2x2/top", *words, "--test-examples", 50, "--out", out)
    assert (code, error) == (0, "")
    result = json.loads((out / "result.json").read_text())
    assert (result["strategy"], result["restarts"], result["rounds"]) == ("em", 1, 1)
    searched = 0 if given else 100
    assert (result["search_steps"], result["steps"]) == (searched, searched + (120 if given else 80))
    assert f"all programs tried; networks taught by them, {searched} steps" in printed
    assert "Held-out accuracy: " in " ".join(ntpt("show", out)[1].split())
