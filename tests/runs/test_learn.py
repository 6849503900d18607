"""Runs: the same seed gives the same result, broken or not, and test data decide nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from ntpt_pyro.runs.learn import Options, learn

from ntpt_pyro import Library
from ntpt_pyro.errors import LibraryError, RunError, UsageError
from ntpt_pyro.inference import fit
from ntpt_pyro.models.nets import net_1
from ntpt_pyro.runs import learn as learning
from ntpt_pyro.runs.run_folder import Run, load_library
from ntpt_pyro.tasks import tasks
from ntpt_pyro.tasks.data.images import Images
from tests.small import options, random_images, small  # noqa: F401  # a fixture

KEYS = {
    "task",
    "strategy",
    "seed",
    "test_accuracy",
    "digit_accuracy",
    "program",
    "choices",
    "program_correct",
    "restarts",
    "restarts_correct",
    "steps",
    "seconds",
    "versions",
}


def timeless(result: dict) -> dict:
    return {name: value for name, value in result.items() if name not in ("seconds", "format")}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("strategy", ["marginal", "relaxed", "enumerated-choices"])
def test_a_result_depends_on_the_options_alone(strategy):
    one, same = (learn(options(strategy=strategy)) for _ in range(2))
    assert set(one.result) >= KEYS
    assert timeless(one.result) == timeless(same.result)
    assert one.result["restarts"] == 2
    assert one.result["steps"] == 12
    other = learn(options(strategy=strategy, seed=1))
    assert timeless(one.result) != timeless(other.result)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("enough", "searched"), [(0.0, 2), (1.1, 4)])
def test_a_search_ends_at_the_look_that_finds_a_restart_explaining(monkeypatch, enough, searched):
    monkeypatch.setattr(learning, "GOOD_ENOUGH", enough)
    taken = []

    def watched(*args, **kwargs):
        state = fit(*args, **kwargs)
        taken.append(state.step)
        return state

    monkeypatch.setattr(learning, "fit", watched)
    found = learn(options(look=2))
    assert taken == [searched, 12 - searched]
    assert found.result["search_steps"] == searched
    assert found.result["steps"] == 12


@pytest.mark.usefixtures("small")
def test_after_the_search_networks_learn_with_dropout_and_their_average_is_kept(monkeypatch):
    seen = []

    def watched(*args, **kwargs):
        state = fit(*args, **kwargs)
        seen.append((state, [network.dropout for network in kwargs["library"]]))
        return state

    monkeypatch.setattr(learning, "fit", watched)
    found = learn(options(dropout=True, averaging=0.9, settle_batch=16))
    (search, before), (settled, after) = seen
    assert before == [(0.0, 0.0)]
    assert after == [(0.2, 0.3)]
    assert search.average is search.library
    assert found.library is settled.average is not settled.library


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("strategy", ["marginal", "relaxed"])
@pytest.mark.parametrize("stop_at", [2, 7])  # in the search, while settling
def test_a_broken_run_ends_as_an_unbroken_one(tmp_path, monkeypatch, strategy, stop_at):
    whole = Run(tmp_path / "whole")
    what = options(strategy=strategy, look=1, dropout=True, averaging=0.9)
    whole.begin(what.settings(), resume=False)
    learn(what, run=whole)
    taken = 0

    def kill(state):
        nonlocal taken
        taken += 1
        if taken == stop_at:
            raise KeyboardInterrupt

    def often(*args, **kwargs):
        callbacks = [*kwargs.pop("callbacks", ()), kill]
        return fit(*args, **kwargs, checkpoint_every=1, callbacks=callbacks)

    broken = Run(tmp_path / "broken")
    broken.begin(what.settings(), resume=False)
    monkeypatch.setattr(learning, "fit", often)
    with pytest.raises(KeyboardInterrupt):
        learn(what, run=broken)
    assert not broken.complete
    assert list(broken.folder.glob("*.safetensors"))
    monkeypatch.undo()
    random_images(monkeypatch)
    broken.begin(what.settings(), resume=True)
    learn(what, run=broken)
    assert timeless(broken.result()) == timeless(whole.result())
    for name in ("choices.json", "history.json", "library.safetensors"):
        assert (broken.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert sorted(p.name for p in broken.folder.iterdir()) == [
        "choices.json",
        "history.json",
        "library.safetensors",
        "options.json",
        "result.json",
    ]


def test_a_run_killed_outright_goes_on_at_the_command_line(tmp_path):
    # A real process, real images, SIGKILL after its first checkpoint.
    flags = ["--restarts=2", "--steps=330", "--examples=200", "--lines=2", "--rounds=1", "--strategy=relaxed"]
    code = "import sys; from ntpt_pyro.cli import main; sys.argv[0] = 'ntpt'; main()"
    command = [sys.executable, "-c", code, "learn", "add2x2/top", *flags, "--out"]
    environment = {name: value for name, value in os.environ.items() if name != "NTPT_DATA"}
    quiet = {"stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run([*command, tmp_path / "whole"], check=True, **quiet)
    process = subprocess.Popen([*command, tmp_path / "killed"], **quiet)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = Run(tmp_path / "killed")
    assert not killed.complete
    assert list(killed.folder.glob("search-0.safetensors"))
    subprocess.run([*command, killed.folder, "--resume"], check=True, **quiet)
    assert timeless(killed.result()) == timeless(Run(tmp_path / "whole").result())
    library = "library.safetensors"
    assert (killed.folder / library).read_bytes() == (tmp_path / "whole" / library).read_bytes()


@pytest.mark.usefixtures("small")
def test_test_data_decide_nothing(monkeypatch):
    first = learn(options())
    real = tasks.load_digits

    def noise(split, **where):
        loaded = real(split, **where)
        if split == "train":
            return loaded
        return Images(torch.zeros_like(loaded.images), loaded.labels.flip(0), loaded.source)

    monkeypatch.setattr(tasks, "load_digits", noise)
    second = learn(options())
    assert first.result["choices"] == second.result["choices"]
    assert first.result["held_back_accuracy"] == second.result["held_back_accuracy"]
    for mine, theirs in zip(first.library.parameters(), second.library.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.usefixtures("small")
def test_a_library_is_gone_on_with_and_the_file_stays(tmp_path):
    run = Run(tmp_path / "run")
    run.begin(options().settings(), resume=False)
    learn(options(), run=run)
    before = (run.folder / "library.safetensors").read_bytes()
    outcome = learn(options(task="add2x2/left", library=run.folder))
    assert outcome.library.copies is None
    assert outcome.library.steps == {"net_0": 24}
    assert load_library(run.folder).steps == {"net_0": 12}
    assert (run.folder / "library.safetensors").read_bytes() == before
    assert outcome.result["options"]["library"] == "run"


@pytest.mark.usefixtures("small")
def test_a_library_grows_by_one_network_and_spoils_none(tmp_path):
    def run(name, task, library):
        folder = Run(tmp_path / name)
        what = options(task=task, library=library)
        folder.begin(what.settings(), resume=False)
        return learn(what, run=folder)

    run("first", "add2x2/top", None)
    before = load_library(tmp_path / "first")
    outcome = run("second", "apply2x2/left", tmp_path / "first")
    assert list(outcome.library.steps) == ["net_0", "net_1"]
    assert {"net_choice", "op_1"} <= set(outcome.result["choices"])
    assert outcome.result["operator_accuracy"] is not None
    used = ["net_0", "net_1"][outcome.result["choices"]["net_choice"]]
    if used == "net_1":  # then net_0 was only called
        for mine, theirs in zip(outcome.library["net_0"].parameters(), before.parameters(), strict=True):
            assert torch.equal(mine, theirs)
    else:
        assert outcome.library.steps["net_1"] == 0


@pytest.mark.usefixtures("small")
def test_a_first_task_brings_its_network_alone():
    outcome = learn(options(task="apply2x2/top"))
    assert list(outcome.library.steps) == ["net_1"]
    assert outcome.result["digit_accuracy"] is None


@pytest.mark.usefixtures("small")
def test_two_untrained_networks_are_refused(tmp_path):
    library = Library([net_1])
    library.save(tmp_path / "untrained.safetensors")
    with pytest.raises(LibraryError, match="at most one untrained function, got net_1 and net_0"):
        learn(options(library=tmp_path / "untrained.safetensors"))


@pytest.mark.usefixtures("small")
def test_searches_are_repeated_until_one_is_good_enough(monkeypatch):
    assert learn(options(rounds=3)).result["rounds"] == 3  # noise cannot be explained
    monkeypatch.setattr(learning, "GOOD_ENOUGH", 0.0)
    assert learn(options(rounds=3)).result["rounds"] == 1


def test_numbers_out_of_range_are_refused():
    for name in ("restarts", "steps", "rounds", "lines", "batch_size"):
        with pytest.raises(UsageError, match=f"{name}: expected at least 1, got 0"):
            Options("add2x2/top", **{name: 0})
    with pytest.raises(UsageError, match="examples: expected at least 10"):
        Options("add2x2/top", examples=9)


class TestRunFolder:
    def test_it_is_claimed_once(self, tmp_path):
        run = Run(tmp_path / "run")
        run.begin({"seed": 0}, resume=False)
        run.checkpoint("search").write_bytes(b"")
        with pytest.raises(RunError, match=r"got one that holds a run; go on with it \(--resume\)"):
            run.begin({"seed": 0}, resume=False)
        run.begin({"seed": 0}, resume=True)
        with pytest.raises(RunError, match="expected seed=0, as the run was begun, got 1"):
            run.begin({"seed": 1}, resume=True)

    def test_a_run_that_came_to_nothing_is_no_obstacle(self, tmp_path):
        run = Run(tmp_path)
        run.begin({"data": "wrong"}, resume=False)
        run.begin({"data": "right"}, resume=False)
        run.checkpoint("search").write_bytes(b"")
        run.begin({"data": "right"}, resume=True)

    def test_other_files_are_left_alone(self, tmp_path):
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(RunError, match="got one with other files"):
            Run(tmp_path).begin({}, resume=True)
        assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]

    @pytest.mark.parametrize(
        ("content", "got"),
        [(None, "no result.json in it"), ("{", "an unreadable result.json"), ('{"format": "x 0"}', "'x 0'")],
    )
    def test_what_is_no_finished_run_is_named(self, tmp_path, content, got):
        if content is not None:
            (tmp_path / "result.json").write_text(content)
        with pytest.raises(RunError, match=f"expected a finished run folder .* got .*{got}"):
            Run(tmp_path).result()

    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(RunError, match="no such folder"):
            Run(tmp_path / "none").result()
        with pytest.raises(LibraryError, match="no such file"):
            load_library(tmp_path / "none")

    def test_a_file_is_there_whole_or_not_at_all(self, tmp_path, monkeypatch):
        path = tmp_path / "library.safetensors"
        Library().save(path)
        before = path.read_bytes()

        def fail(self: Path, target: Path) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            Library().save(path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["library.safetensors"]
