"""A folder in which a run works is its own: others are told which process holds it, until it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ntpt_pyro import induce
from ntpt_pyro.errors import RunError
from ntpt_pyro.runs.run_lock import LOCK, held
from tests.small import FLAGS, small  # noqa: F401  # a fixture
from tests.two_registers import sum_task

HOLDS = """
import sys, time
from pathlib import Path
from ntpt_pyro.runs.run_lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
TEXTS = Path(__file__).parents[2] / "models" / "terpret"


@pytest.fixture
def other(tmp_path):
    """Another process, which works in the folder ``out``."""
    command = [sys.executable, "-c", HOLDS, tmp_path / "out"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_living_process_keeps_its_folder_and_a_killed_one_loses_it(other, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RunError, match=f"got process {other.pid}, which works in it; wait until it ends"):
        induce(sum_task(), restarts=2, steps=9, out=out)
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (out / LOCK).exists()
    assert induce(sum_task(), restarts=2, steps=9, out=out).result.steps
    assert not (out / LOCK).exists()


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "run"
    told = (
        f"^{out}: expected a folder that can be made and written to, got not a directory; give another --out"
    )
    with pytest.raises(RunError, match=told):
        induce(sum_task(), restarts=2, steps=9, out=out)


def test_a_folder_is_free_after_an_error(tmp_path):
    def fails():
        with held(tmp_path):
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            fails()
    assert list(tmp_path.iterdir()) == []


def test_who_has_just_come_is_not_named(tmp_path):
    with held(tmp_path):
        (tmp_path / LOCK).write_text("")
        with pytest.raises(RunError, match="got another process, which works in it"), held(tmp_path):
            pass


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "words",
    [
        ["learn", "add2x2/top", *FLAGS],
        ["learn", "add2x2/top", *FLAGS, "--resume"],
        ["posterior", "add2x2/top", "--lines=1", "--examples=10"],
        [
            "terpret",
            *(TEXTS / f"circuit.{part}" for part in ("terpret", "hypers.json", "swap.json")),
            "--restarts=2",
            "--steps=2",
        ],
        ["restarts", "add2x2/top", "--restarts=2", "--steps=2", "--examples=20"],
        ["lifelong", "--models=ntpt", "--batches=8", "--examples=20", "--operator-examples=20"],
        ["generalize", "--models=neural-gpu", "--neural-gpu-steps=2"],
    ],
    ids=lambda words: " ".join([words[0], *(word for word in words if word == "--resume")]),
)
def test_every_command_is_refused_while_another_process_works(refused, tmp_path, words):
    with held(tmp_path / "out"):
        error = refused(*words, "--out", tmp_path / "out")
    assert f"expected a folder that no other process works in, got process {os.getpid()}" in error
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_in_which_a_run_works_can_be_read(ntpt, tmp_path):
    induce(sum_task(), restarts=2, steps=9, out=tmp_path / "out")
    with held(tmp_path / "out"):
        assert ntpt("show", tmp_path / "out")[0] == 0
