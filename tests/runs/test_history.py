"""The marginals of the choices on the way: kept, resumed, drawn."""

import pytest
import torch

from ntpt_pyro import induce
from ntpt_pyro.inference import Training, marginal
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.history import History, Snapshot, read_snapshots, write_snapshots
from tests.inference.tiny import REGISTERS, data
from tests.small import settings, small, small_task  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")


def test_a_run_keeps_the_marginals_of_its_best_restart(ntpt, tmp_path):
    run = RunFolder(tmp_path / "run")
    found = induce(small_task(), settings(), out=run.folder)
    snapshots = run.snapshots()
    assert [one.step for one in snapshots] == list(range(1, 13))  # 4 of the search, 8 after it
    last = snapshots[-1].marginals
    assert list(last) == list(found.posterior.marginals)
    for site, probs in found.posterior.numpy().items():
        assert last[site] == pytest.approx(probs.tolist(), abs=1e-4)
    assert not list(run.folder.glob("history-*"))
    code, _, _ = ntpt("show", run.folder, "--plot", tmp_path / "p.png")
    assert code == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_has_the_history_of_an_unbroken_one(tmp_path, monkeypatch):
    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    induce(small_task(), settings(), out=whole.folder)
    call = History.__call__

    def interrupted(history, state):
        call(history, state)
        if state.step == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(History, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        induce(small_task(), settings(), out=broken.folder)
    kept = read_snapshots(broken.folder / "history-settle.json")
    assert [one.step for one in kept] == [1, 2, 3, 4, 5, 6]
    history = History(8, broken.history("settle"))
    assert [one.step for one in history.of(0, after=4)] == [5, 6, 7, 8, 9, 10]
    assert history.of(0, after=4) == whole.snapshots()[4:10]


def test_every_restart_has_so_many_snapshots():
    torch.set_default_dtype(torch.float64)
    try:
        given = data()
        training = Training(REGISTERS.model, given, strategy=marginal(), restarts=3)
        history = History(100, None)
        for _ in range(9):
            training.learn(*given)
            history(training)
    finally:
        torch.set_default_dtype(torch.float32)
    assert [one.step for one in history.of(2)] == [4, 8]
    assert history.of(0)[1].marginals["left"] != history.of(2)[1].marginals["left"]
    assert sum(history.of(1)[0].marginals["return"]) == pytest.approx(1, abs=1e-3)


def test_a_snapshot_is_what_was_written(tmp_path):
    taken = [Snapshot(3, {"left": [0.25, 0.75]}), Snapshot(6, {"left": [[1.0, 0.0], [0.5, 0.5]]})]
    write_snapshots(tmp_path / "history.json", taken)
    assert read_snapshots(tmp_path / "history.json") == taken
