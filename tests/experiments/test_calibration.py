"""The measurement of calibration: what it writes, that it goes on where it was, and its priors."""

import math

import pytest
import torch

from ntpt_pyro import find_task
from ntpt_pyro.experiments import calibration
from ntpt_pyro.experiments.calibration_judge import LEAST, PRIORS, Judge
from ntpt_pyro.inference.posterior.program_posterior import UNUSED
from ntpt_pyro.models import add2x2
from ntpt_pyro.runs import load_library
from tests.small import small  # noqa: F401  # a fixture


@pytest.fixture
def judge(library):
    task = find_task("add2x2/top", lines=2)
    return Judge(task, load_library(library, task.functions).eval())


@pytest.mark.usefixtures("small")
def test_calibration_is_measured_and_resumed(library, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "STEPS", 5)
    monkeypatch.setattr(calibration, "PROGRAMS", 20)
    monkeypatch.setattr(calibration, "GUIDES", 1)
    monkeypatch.setattr(calibration, "find_task", lambda name, data: find_task(name, lines=1, data=data))
    words = ["--tasks", "add2x2/top,add2x2/left", "--examples", "1,4", "--seeds", "2"]
    words += ["--libraries", str(library)]
    words += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.json")]
    found = calibration.main(words)
    assert len(found["rows"]) == 8
    for number in (1, 4):  # no two tasks see the same images
        assert {row["draw"] for row in found["rows"] if row["examples"] == number} == {0, 1, 2, 3}
    assert (tmp_path / "out.png").exists()
    for summary in found["summary"].values():
        for kind in ("exact", "drawn"):
            for prior in PRIORS:
                assert 0 < summary[kind][prior]["claimed"] <= 1 + 1e-9
                assert summary[kind][prior]["right"]["trials"] == 4
                assert math.log(LEAST) <= summary[kind][prior]["log_score"] <= 1e-9
        assert summary["guide"]["right"]["trials"] == 2
    kept = sorted((tmp_path / "work").iterdir())
    assert len(kept) == 8
    assert calibration.main(words)["rows"] == found["rows"]


def test_programs_with_a_dead_line_weigh_nothing_where_every_line_counts(judge):
    examples = judge.task.draw(1, torch.Generator().manual_seed(0))
    sizes = judge.task.space(judge.library, examples).sizes
    columns = {site: torch.zeros(4, dtype=torch.long) for site in sizes}
    columns["instr_1"] = torch.tensor([2, UNUSED, 2, 2])  # MOVE_EAST
    columns["instr_2"] = torch.tensor([5, UNUSED, UNUSED, 4])  # ADD, MOVE_WEST
    columns["right_2"] = torch.tensor([1, UNUSED, UNUSED, UNUSED])
    columns["return"] = torch.tensor([2, 0, 1, 2])
    assert judge.no_dead_line(columns).tolist() == [0.0, -math.inf, -math.inf, 0.0]
    found = judge.found(judge.prior("every_line_counts", sizes), examples)
    assert found["cubes"] >= 1
    assert found["hidden"] < 1e-6


def test_what_is_drawn_from_a_prior_is_what_the_program_computes(judge):
    """With a network that is sure the labels are the program's own results on what it reads."""
    examples = judge.task.draw(3, torch.Generator().manual_seed(0))
    sizes = judge.task.space(judge.library, examples).sizes
    for name in PRIORS:
        drawn, behaviour = judge.drawn(judge.prior(name, sizes), examples, torch.Generator().manual_seed(1))
        assert drawn.results.shape == examples.results.shape
        assert 0 <= int(drawn.results.min()) <= int(drawn.results.max()) < add2x2.RANGE
        assert torch.equal(drawn.inputs[0], examples.inputs[0])
        assert 0 <= behaviour < len(judge._examples)
        again, same = judge.drawn(judge.prior(name, sizes), examples, torch.Generator().manual_seed(1))
        assert same == behaviour
        assert torch.equal(again.results, drawn.results)


def test_claims_come_true_as_often_as_they_say_where_programs_are_drawn_from_the_prior(judge):
    """The share that is right, less what was claimed, is a mean of so many: within three standard errors."""
    errors = []
    for seed in range(60):
        source = torch.Generator().manual_seed(seed)
        examples = judge.task.draw(2, source)
        sizes = judge.task.space(judge.library, examples).sizes
        prior = judge.prior(PRIORS[seed % len(PRIORS)], sizes)
        found = judge.found(prior, *judge.drawn(prior, examples, source))
        errors.append(found["claimed"] - found["right"])
    assert abs(sum(errors)) < 3 * math.sqrt(len(errors) / 4)
