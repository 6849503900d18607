"""What TensorBoard is told of a training, and what is said where it is not installed."""

import subprocess
import sys

import pytest

from ntpt_pyro import induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import TensorBoard, fit
from tests.two_registers import SUMS, X, Y, model, sum_task

pytest.importorskip("tensorboard")


def scalars(folder):
    """What a reader of TensorBoard's finds: by name, steps and values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return {
        tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in sorted(found.Tags()["scalars"])
    }


def test_points_are_the_trainings(tmp_path):
    training = fit(
        model, (X, Y, SUMS), restarts=3, steps=6, callbacks=[TensorBoard(tmp_path / "tb", every=2)]
    )
    found = scalars(tmp_path / "tb")
    assert list(found) == [
        "log_likelihood/best",
        "log_likelihood/median",
        "log_likelihood/worst",
        "loss",
    ]
    assert found["loss"] == [(step, pytest.approx(training.losses[step - 1] / 3)) for step in (2, 4, 6)]
    running = sorted(training.restarts.running_log_likelihood.tolist())
    for name, value in zip(("worst", "median", "best"), running, strict=True):
        assert found[f"log_likelihood/{name}"][-1] == (6, pytest.approx(value, abs=1e-5))


def test_steps_that_are_taken_again_are_shown_once(tmp_path):
    for count in (5, 3):
        fit(model, (X, Y, SUMS), steps=count, callbacks=[TensorBoard(tmp_path)])
    assert [step for step, _ in scalars(tmp_path)["loss"]] == [1, 2, 3]


def test_the_trainings_of_a_run_are_curves_of_their_own(tmp_path):
    induce(sum_task(), restarts=2, steps=9, rounds=1, search=3, callbacks=[TensorBoard(tmp_path)])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["search-1", "train-on"]
    assert len(scalars(tmp_path / "train-on")["loss"]) == 6


def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError) as told:
        TensorBoard(tmp_path)
    assert str(told.value) == (
        "TensorBoard: expected the package tensorboard, got none installed; "
        "pip install 'ntpt-pyro[tensorboard]', or log lines of JSON by JsonLines"
    )


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="TensorBoard: expected a folder, got the file"):
        TensorBoard(tmp_path / "file")


def test_the_name_can_be_imported_without_the_package():
    script = "import sys; sys.modules['tensorboard'] = None; from ntpt_pyro.inference import TensorBoard"
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], check=False, capture_output=True)
    assert run.returncode == 0, run.stderr
