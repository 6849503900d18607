"""A run that was broken off and gone on with ends as one that never stopped."""

import importlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from ntpt_pyro import induce
from ntpt_pyro.inference import exact_posterior, expectation_maximisation, fit
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.methods import em_method, exhaustive_method, restarts_method
from tests.runs.reading import reading_task
from tests.small import settings, small, small_task  # noqa: F401  # a fixture
from tests.two_registers import sum_task

recipe = importlib.import_module("ntpt_pyro.runs.induce")  # where the packages have the functions
em = importlib.import_module("ntpt_pyro.inference.training.expectation_maximisation")
STACK = Path(__file__).parents[1] / "stack_machine.py"
KEPT = ["choices.json", "history.json", "library.safetensors", "options.json", "result.json"]


def timeless(folder: Path) -> dict:
    content = RunFolder(folder).program_result().to_json()
    return {
        name: value for name, value in content.items() if name not in ("seconds", "search_seconds", "cost")
    }


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def equal(broken: Path, whole: Path) -> None:
    assert timeless(broken) == timeless(whole)
    assert files(broken) == files(whole)
    for name in set(files(whole)) - {"result.json"}:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def stopping(after: int):
    """A callback that breaks a run off."""
    taken = 0

    def stop(_) -> None:
        nonlocal taken
        taken += 1
        if taken == after:
            raise KeyboardInterrupt

    return stop


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("strategy", ["marginal", "relaxed"])
@pytest.mark.parametrize("stop_at", [2, 7])  # in the search, while settling
def test_training_goes_on(tmp_path, monkeypatch, strategy, stop_at):
    what = settings(strategy=strategy, look=1, dropout=True, averaging=0.9, kl_start=0.5)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    induce(small_task(), what, out=whole)
    stop = stopping(stop_at)

    def often(*args, **options):
        callbacks = [*options.pop("callbacks", ()), stop]
        return fit(*args, **options, checkpoint_every=1, callbacks=callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(restarts_method, "fit", often)
        patch.setattr(recipe, "fit", often)
        with pytest.raises(KeyboardInterrupt):
            induce(small_task(), what, out=broken)
    assert not RunFolder(broken).complete
    assert list(broken.glob("*.safetensors"))
    induce(small_task(), what, out=broken, resume=True)
    equal(broken, whole)
    assert files(broken) == KEPT


@pytest.mark.usefixtures("small")
def test_a_run_of_several_searches_goes_on_with_the_one_that_was_broken_off(tmp_path, monkeypatch):
    what, whole, broken = settings(rounds=3), tmp_path / "whole", tmp_path / "broken"
    found = induce(small_task(), what, out=whole)
    assert found.result.rounds == 3
    stop = stopping(6)  # in the second search, of four steps each

    def often(*args, callbacks, **options):
        return fit(*args, **options, checkpoint_every=1, callbacks=[*callbacks, stop])

    with monkeypatch.context() as patch:
        patch.setattr(restarts_method, "fit", often)
        with pytest.raises(KeyboardInterrupt):
            induce(small_task(), what, out=broken)
    assert "search-1.safetensors" in files(broken)
    induce(small_task(), what, out=broken, resume=True)
    equal(broken, whole)


@pytest.mark.parametrize("stop_at", [3, 8])  # teaching the networks for the first and for the second time
def test_expectation_maximisation_goes_on(tmp_path, monkeypatch, stop_at):
    what = {"strategy": "em", "steps": 30, "rounds": 1, "batch_size": 16, "examples": 100}
    whole, broken, stop = tmp_path / "whole", tmp_path / "broken", stopping(stop_at)
    few = partial(expectation_maximisation, iterations=3, steps=5)
    monkeypatch.setattr(em_method, "expectation_maximisation", few)
    found = induce(reading_task(), **what, out=whole)
    assert found.result.search_steps == 10
    with monkeypatch.context() as patch:
        patch.setattr(em, "fit", partial(fit, checkpoint_every=1, callbacks=[stop]))
        with pytest.raises(KeyboardInterrupt):
            induce(reading_task(), **what, out=broken)
    assert "search-0-posterior-0.safetensors" in files(broken)
    assert not RunFolder(broken).complete
    induce(reading_task(), **what, out=broken, resume=True)
    equal(broken, whole)


def test_an_exhaustive_search_goes_on(tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    induce(sum_task(), strategy="exhaustive", out=whole)

    def breaks(*args, **options):
        exact_posterior(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(exhaustive_method, "exact_posterior", breaks)
        with pytest.raises(KeyboardInterrupt):
            induce(sum_task(), strategy="exhaustive", out=broken)
    induce(sum_task(), strategy="exhaustive", out=broken, resume=True)
    equal(broken, whole)


# A real process, killed outright after its first checkpoint.


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("add2x2/top", ["--lines=2", "--examples=100", "--test-examples=100", "--steps=150"]),
        ("stack.py:task", ["--steps=150"]),
    ],
)
def test_a_run_killed_outright_goes_on_at_the_command_line(ntpt, user_file, tmp_path, name, flags):
    user_file("stack.py", STACK.read_text())
    words = ["learn", name, *flags, "--restarts=2", "--rounds=1", "--out"]
    assert ntpt(*words, "whole")[0] == 0
    code = "import sys; from ntpt_pyro.cli import main; sys.argv[0] = 'ntpt'; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, "killed"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    killed, deadline = RunFolder(tmp_path / "killed"), time.monotonic() + 120
    while not list(killed.folder.glob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.complete
    assert list(killed.folder.glob("*.safetensors"))
    code, printed, error = ntpt(*words, "killed", "--resume")
    assert (code, error) == (0, "")
    assert "kept in killed" in printed
    equal(killed.folder, tmp_path / "whole")
