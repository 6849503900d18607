"""Passes in parts: by this process for every kind of model, and by workers, against one process."""

import math
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from ntpt_pyro import Library, choice, constant, find_task, observe, switch, var
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.inference.exact import pass_in_parts
from ntpt_pyro.inference.exact.cubes import CubesFile
from ntpt_pyro.inference.exact.pass_in_parts import PartRuns
from ntpt_pyro.inference.work.workers import Workers
from ntpt_pyro.models.add2x2 import add2x2
from tests.inference.exact.every_program import settings_of
from tests.inference.exact.shared_models import (
    SHARED,
    data,
    lines,
    no_choice,
    no_choice_matters,
    plate,
    plus,
    steps_of_a_state,
)

TWO = Workers(2)
TEXTS = Path(__file__).parents[3] / "models" / "terpret"


@pytest.fixture
def divided(monkeypatch):
    """Passes in parts from two states on, whatever they cost."""
    monkeypatch.setattr(pass_in_parts, "MANY", 2)
    monkeypatch.setattr(pass_in_parts, "PAYS", 0)


@pytest.fixture
def here(divided, monkeypatch):
    """What workers would do this process does, and notes."""
    asked = []

    def each(runs, parts, *, workers):
        for part in parts:
            asked.append(part)
            yield runs(part)

    monkeypatch.setattr(pass_in_parts, "each", each)
    return asked


def same(model, given, *, workers=TWO, close=1e-9, **settings):
    """The posteriors of one process and of workers, which must agree."""
    one = exact_posterior(model, given, **settings)
    found = exact_posterior(model, given, workers=workers, **settings)
    assert found.certain_labels == one.certain_labels
    whole, parts = one.posterior, found.posterior
    assert parts.log_evidence == pytest.approx(whole.log_evidence, abs=close)
    assert parts.hidden == pytest.approx(whole.hidden, rel=1e-3, abs=1e-15)
    expected, got = by_program(whole), by_program(parts)  # such as are as probable come in any order
    assert got.keys() == expected.keys()
    assert [got[one] for one in expected] == pytest.approx([*expected.values()], abs=10 * close)
    return found


def by_program(posterior):
    """The log-probability of each program."""
    programs = torch.stack([*posterior.columns.values()], -1).tolist() if posterior.columns else [()]
    return dict(zip(map(tuple, programs), posterior.log_probs.tolist(), strict=True))


def row(x, y, noise=0.05):
    """Lines that merge after each, and leave many programs."""
    choices = [choice(f"c{number}", 3) for number in range(6)]
    with plate(y):
        value = x
        for number, line in enumerate(choices):
            value = var(f"v{number}", switch(line, [value, constant(0, 3), plus(value, x)]))
        observe("out", value, y, noise=noise)


@pytest.mark.parametrize("model", [*SHARED, row], ids=lambda model: model.__name__)
def test_every_model_has_the_posterior_of_one_process(here, model):
    same(model, data(9), tolerance=0, close=1e-6)
    assert bool(here) == (model not in (no_choice, no_choice_matters))


def test_what_is_dropped_is_bounded_as_by_one_process(here):
    given = data(24)
    every = by_program(exact_posterior(lines, given, tolerance=0).posterior)
    found = exact_posterior(lines, given, tolerance=1e-3, workers=TWO).posterior
    missing = 1 - sum(math.exp(every[one]) for one in by_program(found))
    assert here
    assert found.programs() < len(every)
    assert missing <= found.hidden + 1e-9
    assert found.hidden <= 1e-3


@pytest.mark.parametrize("model", [lines, row, steps_of_a_state])
def test_certain_labels_too(here, model):
    x, _ = data(5, sure=True)
    same(model, (x, x.argmax(-1)), certain_labels=True)
    assert here


@pytest.mark.parametrize("keep", [1, 20, 200])
@pytest.mark.parametrize("model", [lines, row])
def test_the_most_probable_of_all_parts_are_kept(here, model, keep):
    given = data(6)
    whole = exact_posterior(model, given, tolerance=0).posterior
    numbers, _, probs = settings_of(whole)
    every = np.zeros(len(probs))
    every[numbers] = probs
    found = exact_posterior(model, given, keep=keep, workers=TWO).posterior
    kept, _, _ = settings_of(found)
    missing = max(0.0, 1 - every[kept].sum())
    assert 0 < found.programs() <= keep
    assert missing <= found.hidden + 1e-12
    assert here
    alone, _, _ = settings_of(exact_posterior(model, given, keep=keep).posterior)
    assert missing <= 1 - every[alone].sum() + 1e-6


def test_small_searches_stay_in_this_process(monkeypatch):
    monkeypatch.setattr(pass_in_parts, "MANY", 2)

    def each(*_, **__):
        raise AssertionError("workers were asked")

    monkeypatch.setattr(pass_in_parts, "each", each)
    assert torch.equal(
        exact_posterior(row, data(24), workers=TWO).posterior.log_probs,
        exact_posterior(row, data(24)).posterior.log_probs,
    )


def test_what_is_too_large_for_a_share_this_process_runs_with_all_of_the_memory(here, monkeypatch):
    tried = []
    whole = PartRuns.whole
    monkeypatch.setattr(PartRuns, "__call__", lambda runs, part: None)
    monkeypatch.setattr(PartRuns, "whole", lambda *of: tried.append(of[0].most) or whole(*of))
    found = same(row, data(8), tolerance=0, close=1e-6)
    assert len(tried) == 3  # as many as there are states after the first line
    assert set(tried) == {found.cost.at_once}


@pytest.mark.parametrize("programs", [1, 30, 200])
def test_memory_that_is_too_small_is_said_as_by_one_process(here, programs):
    memory = programs * 40 * 6
    for workers in (Workers(), TWO):
        with pytest.raises(BudgetError, match=rf"at most {programs} programs to keep apart, in .*; give"):
            exact_posterior(row, data(8), memory=memory, tolerance=0, workers=workers)


def deadly(x, y, *, marks, parent):
    """Kills the first process that is another one."""
    if os.getpid() != parent and not list(marks.iterdir()):
        (marks / str(os.getpid())).touch()
        os._exit(9)
    row(x, y)


def interrupted_after(passes, monkeypatch):
    """Let a search be interrupted after so many passes."""
    keep, kept = CubesFile.keep, []

    def interrupted(keeper, cubes, dropped, done, *attempt):
        keep(keeper, cubes, dropped, done, *attempt)
        kept.append(done)
        if len(kept) == passes:
            raise KeyboardInterrupt

    monkeypatch.setattr(CubesFile, "keep", interrupted)


def test_two_processes_have_the_posterior_of_one(divided, tmp_path, monkeypatch):
    """Images, a loop, a text, certain labels, programs to keep, an error, a search that is interrupted."""
    add, math_loop = find_task("add2x2/top"), find_task("math")
    library = Library(math_loop.functions, seed=0).eval()  # reads badly
    some = add.draw(9, torch.Generator().manual_seed(0)).tensors
    same(partial(add2x2, library=library, lines=1), some, tolerance=0, close=1e-5)
    given = math_loop.draw(4, torch.Generator().manual_seed(0)).tensors
    one, found = (
        exact_posterior(math_loop.with_library(library), given, keep=2_000, workers=who).posterior
        for who in (Workers(), TWO)
    )
    assert one.log_evidence <= found.log_evidence + math.log1p(found.hidden) + 1e-6
    assert found.log_evidence <= one.log_evidence + math.log1p(one.hidden) + 1e-6
    text = find_task(f"{TEXTS / 'turing'}.terpret:invert")
    same(text.train.model, text.train.tensors, certain_labels=True)
    same(row, data(24), tolerance=0, close=1e-6)
    with pytest.raises(BudgetError, match="at most 200 programs to keep apart"):
        exact_posterior(row, data(8), memory=200 * 40 * 6, tolerance=0, workers=TWO)
    with monkeypatch.context() as broken:
        interrupted_after(1, broken)
        with pytest.raises(KeyboardInterrupt):
            exact_posterior(row, data(24), workers=TWO, checkpoint=tmp_path / "kept")
    again = exact_posterior(row, data(24), workers=TWO, checkpoint=tmp_path / "kept").posterior
    whole = exact_posterior(row, data(24), workers=TWO).posterior
    assert torch.equal(again.log_probs, whole.log_probs)
    assert torch.equal(
        whole.log_probs, exact_posterior(row, data(24), workers=Workers(3)).posterior.log_probs
    )


def test_a_worker_that_dies_has_its_part_done_again(divided, tmp_path):
    model = partial(deadly, marks=tmp_path, parent=os.getpid())
    same(model, data(8), tolerance=0, close=1e-6)
    assert list(tmp_path.iterdir())
