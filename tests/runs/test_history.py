"""What was believed on the way: kept, resumed, drawn."""

import json

import pytest
import torch

from ntpt_pyro.inference import Training, marginal
from ntpt_pyro.runs import learn as learning
from ntpt_pyro.runs.history import History
from ntpt_pyro.runs.run_folder import Run
from tests.inference.tiny import REGISTERS, data
from tests.small import options, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")


def test_a_run_keeps_what_its_best_restart_believed(ntpt, tmp_path):
    run = Run(tmp_path / "run")
    run.begin(options().settings(), resume=False)
    outcome = learning.learn(options(), run=run)
    looks = run.looks()
    assert [look["step"] for look in looks] == list(range(1, 13))  # 4 of the search, 8 after it
    last = looks[-1]["marginals"]
    assert list(last) == list(outcome.posterior.marginals)
    for site, probs in outcome.posterior.numpy().items():
        assert last[site] == pytest.approx(probs.tolist(), abs=1e-4)
    assert not list(run.folder.glob("history-*"))
    code, _, _ = ntpt("show", run.folder, "--plot", tmp_path / "p.png")
    assert code == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_has_the_history_of_an_unbroken_one(tmp_path, monkeypatch):
    whole, broken = Run(tmp_path / "whole"), Run(tmp_path / "broken")
    for run in (whole, broken):
        run.begin(options().settings(), resume=False)
    learning.learn(options(), run=whole)
    call = History.__call__

    def interrupted(history, state):
        call(history, state)
        if state.step == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(History, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learning.learn(options(), run=broken)
    monkeypatch.undo()
    small_again = json.loads((broken.folder / "history-settle.json").read_text())
    assert [look["step"] for look in small_again] == [1, 2, 3, 4, 5, 6]
    history = History(8, broken.history("settle"))
    assert [look["step"] for look in history.of(0, after=4)] == [5, 6, 7, 8, 9, 10]


def test_every_restart_is_looked_at_so_often():
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
    assert [look["step"] for look in history.of(2)] == [4, 8]
    assert history.of(0)[1]["marginals"]["left"] != history.of(2)[1]["marginals"]["left"]
    assert sum(history.of(1)[0]["marginals"]["return"]) == pytest.approx(1, abs=1e-3)
