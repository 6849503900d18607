"""What a training was like on its way: kept, resumed, drawn; looking at it changes nothing."""

from copy import deepcopy

import pytest
import torch

from ntpt_pyro import Library, induce
from ntpt_pyro._files import RUN, write_sealed_json
from ntpt_pyro.inference import Training, fit, marginal
from ntpt_pyro.inference.handlers.strategies import strategy_named
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.history import History, Snapshot, read_snapshots, write_snapshots
from ntpt_pyro.runs.looks_at_training import LooksAtTraining
from tests.inference.tiny import REGISTERS, data
from tests.small import settings, small, small_task  # noqa: F401  # a fixture
from tests.two_registers import PROGRAMS, SUM, SUMS, X, Y, execute, results, sum_task

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
    assert found.snapshots == snapshots
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
    assert [one.best for one in history.of(2)] == [2, 2]
    assert history.of(0)[1].marginals["left"] != history.of(2)[1].marginals["left"]
    assert sum(history.of(1)[0].marginals["return"]) == pytest.approx(1, abs=1e-3)


def test_a_snapshot_is_what_was_written(tmp_path):
    taken = [
        Snapshot(3, {"left": [0.25, 0.75]}),
        Snapshot(6, {"left": [[1.0, 0.0], [0.5, 0.5]]}),
        Snapshot(9, {"left": [0.5, 0.5]}, log_likelihoods=[-1.5, -2.0], accuracies=[0.5, 1.0], best=1),
    ]
    write_snapshots(tmp_path / "history.json", taken)
    assert read_snapshots(tmp_path / "history.json") == taken


def test_a_file_of_an_older_version_has_marginals_only(tmp_path):
    write_sealed_json(tmp_path / "history.json", {"looks": [{"step": 3, "marginals": {"left": [1.0]}}]}, RUN)
    assert read_snapshots(tmp_path / "history.json") == [Snapshot(3, {"left": [1.0]})]


def test_a_run_keeps_how_well_all_its_restarts_did():
    snapshots = induce(small_task(), settings()).snapshots
    search, after = snapshots[:4], snapshots[4:]
    assert {one.best for one in after} == {0}
    assert {one.best for one in search} <= {0, 1}
    for one in search:
        assert len(one.log_likelihoods) == 2
        assert max(one.log_likelihoods) < 0
    assert not any(one.log_likelihoods for one in after)  # of a single restart training keeps none
    assert [len(one.accuracies) for one in snapshots] == [0, 0, 0, 2, *[0] * 7, 1]  # at each phase's end


def test_accuracies_are_of_the_most_probable_programs():
    found = induce(sum_task(execute=execute), restarts=4, steps=50, search=50)
    last = found.snapshots[-1]
    assert found.program == SUM
    assert last.accuracies[last.best] == 1.0
    shares = {
        round(sum(z == s for z, s in zip(results(one), SUMS.tolist(), strict=True)) / len(SUMS), 4)
        for one in PROGRAMS
    }
    assert {round(one, 4) for one in last.accuracies} <= shares


def test_log_likelihoods_are_those_that_the_loss_is_made_of():
    task = sum_task()
    looks = LooksAtTraining(task, task.draw(25, torch.Generator()))
    training = Training(task.model, (X, Y, SUMS), strategy=marginal(), restarts=3, kl=0.0)
    losses = [training.learn(X, Y, SUMS)]
    found = looks.log_likelihoods(training)
    assert sum(found) == pytest.approx(-losses[0], abs=1e-3)
    for _ in range(5):
        losses.append(training.learn(X, Y, SUMS))
    weights = [0.9**age for age in reversed(range(6))]
    mean = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert sum(looks.log_likelihoods(training)) == pytest.approx(-mean, abs=1e-3)


@pytest.mark.parametrize("strategy", ["relaxed", "enumerated-choices"])
def test_looking_at_a_training_changes_nothing(strategy, monkeypatch):
    monkeypatch.setattr("ntpt_pyro.runs.history.APART", 1)
    task = small_task()
    library = Library(task.functions, seed=0)
    looks = LooksAtTraining(task, task.draw(9, torch.Generator().manual_seed(0)))
    for network in library:
        network.dropout = (0.2, 0.3)
    examples = task.draw(20, torch.Generator().manual_seed(1)).tensors
    ended = []
    for history in (History(9, None, looks), History(9, None)):
        mine = deepcopy(library)
        ended.append(
            fit(
                task.with_library(mine),
                examples,
                strategy=strategy_named(strategy),
                library=mine,
                restarts=2,
                steps=9,
                batch_size=8,
                callbacks=[history],
            )
        )
        kept = history.of(0)
        assert [bool(one.accuracies) for one in kept] == [
            history.looks is looks and strategy == "relaxed"
        ] * 9
        assert all(module.training for module in mine.modules())
    with_looks, without = (one.get_state() for one in ended)
    assert with_looks["losses"] == without["losses"]
    for part in ("guide", "library"):
        for name, tensor in without[part].items():
            assert torch.equal(with_looks[part][name], tensor)
