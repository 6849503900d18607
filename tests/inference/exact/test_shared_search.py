"""Passes over examples: what is dropped, what memory does, certain labels, going on where one was."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from ntpt_pyro import choice, constant, observe, switch, var
from ntpt_pyro.errors import BudgetError, RunError, UsageError
from ntpt_pyro.inference import Prior, ProgramSpace, exact_posterior, fewest_read
from ntpt_pyro.inference.exact import shared_search
from ntpt_pyro.inference.exact.cubes import CubesFile
from ntpt_pyro.inference.exact.programs import OPEN
from ntpt_pyro.inference.exact.shared_pass import TooManyStatesError
from ntpt_pyro.inference.exact.shared_search import NoProgramError
from tests.inference.exact.every_program import agrees, every_program, settings_of
from tests.inference.exact.shared_models import branches, data, lines, nested_selects, plate, plus, turned

noisy = partial(exact_posterior, certain_labels=False)
SIZES = {f"c{number}": 2 for number in range(8)}


def row(x, y, noise=0.3):
    """Eight lines that merge after each."""
    lines = {site: choice(site, size) for site, size in SIZES.items()}
    with plate(y):
        value = x
        for site, line in lines.items():
            value = var(f"after_{site}", plus(switch(line, [value, constant(0, 3)]), x))
        observe("out", value, y, noise=noise)


PRIORS = {"uniform": lambda sizes: Prior(), "fewest": fewest_read}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("candidates", [1, 64])
@pytest.mark.parametrize("sure", [False, True], ids=["uncertain", "certain"])
def test_what_is_dropped_is_within_the_bound(monkeypatch, sure, candidates, prior):
    monkeypatch.setattr(shared_search, "CANDIDATES", candidates)
    fewer = 0
    for examples in (30,):
        given = data(examples, sure=sure)
        brute = every_program(lines, given)
        weighed = PRIORS[prior](brute.sizes)
        whole = noisy(lines, given, tolerance=0, prior=weighed).posterior
        numbers, _, probs = settings_of(whole)
        every = np.zeros(len(brute.log_likelihoods))
        every[numbers] = probs
        for tolerance in (1e-9, 1e-4, 0.1, 0.9):
            found = noisy(lines, given, tolerance=tolerance, prior=weighed).posterior
            missing = max(0.0, 1 - every[settings_of(found)[0]].sum())
            assert missing <= found.hidden + 1e-12
            assert found.hidden <= tolerance
            assert whole.log_evidence - found.log_evidence == pytest.approx(-math.log1p(-missing), abs=1e-5)
            fewer += found.programs() < whole.programs()
    assert fewer


@pytest.mark.parametrize("model", [lines, row])
def test_what_the_first_pass_drops_is_summed_exactly(monkeypatch, model):
    """Where it is of all examples, and so few that all are scored at once."""
    given = data(4)
    whole = noisy(model, given, tolerance=0).posterior
    every = np.zeros(whole.settings)
    numbers, _, probs = settings_of(whole)
    every[numbers] = probs
    shares = []
    for failed in np.linspace(0, 4, 20):
        monkeypatch.setattr(shared_search, "FAILED", (failed, math.inf))
        found = noisy(model, given, tolerance=0.99).posterior
        kept = every[settings_of(found)[0]].sum()
        assert found.hidden == pytest.approx((1 - kept) / kept, abs=1e-5)
        shares.append(found.hidden)
    assert any(1e-3 < share < 0.99 for share in shares)


@pytest.mark.parametrize("failed", [(0.01, math.inf), (0.3, 0.6, math.inf)])
def test_what_drops_too_much_is_tried_again(monkeypatch, failed):
    monkeypatch.setattr(shared_search, "FAILED", failed)
    given = data(16)
    agrees(noisy(row, given, tolerance=1e-9).posterior, every_program(row, given))


def test_a_tolerance_out_of_reach_is_said(monkeypatch):
    monkeypatch.setattr(shared_search, "FAILED", (0.01,))
    with pytest.raises(
        UsageError, match=r"expected dropped programs of probability 1e-09 at most, got no pass"
    ):
        noisy(row, data(16), tolerance=1e-9)


def fails_always(x, y):
    a = choice("a", 10)
    with plate(y):
        observe("out", a, y, noise=0.01)


def test_where_every_program_fails_most_examples_all_are_found():
    given = torch.zeros(10, 1), torch.arange(10)
    agrees(noisy(fails_always, given).posterior, every_program(fails_always, given))
    x, _ = data(30, sure=True)
    labels = torch.arange(30) % 3
    agrees(
        noisy(partial(row, noise=1e-5), (x, labels)).posterior,
        every_program(partial(row, noise=1e-5), (x, labels)),
    )


def memory_of(programs):
    return programs * shared_search.BYTES_A_ROW * len(SIZES)


@pytest.mark.parametrize("examples", [4, 100])
@pytest.mark.parametrize("programs", [256, 300, 1000, 10_000])
def test_memory_that_is_enough_changes_nothing(programs, examples):
    given = data(examples)
    found = noisy(row, given, memory=memory_of(programs), tolerance=0)
    assert (found.cost.at_once, found.cost.programs, found.cost.examples) == (programs, 256, examples)
    agrees(found.posterior, every_program(row, given))


@pytest.mark.parametrize("examples", [4, 100])
@pytest.mark.parametrize("programs", [1, 10, 30, 100, 255])
def test_where_memory_is_too_small_it_is_said_what_is_missing(programs, examples):
    with pytest.raises(
        BudgetError, match=rf"at most {programs} programs to keep apart, in .*; give more memory"
    ):
        noisy(row, data(examples), memory=memory_of(programs), tolerance=0)


@pytest.mark.parametrize("model", [lines, row])
def test_a_pass_that_memory_is_too_small_for_is_made_in_parts(monkeypatch, model):
    """As if a choice of the first line had to be decided before."""
    given = data(20)
    prior = Prior({"op_0": [0.5, 0.0, 0.5]} if model is lines else {"c0": [0.25, 0.75]})
    whole = noisy(model, given, prior=prior, tolerance=0)
    run, parts = shared_search.SharedPass.__call__, []

    def too_many(one, choices, log_mass, least):
        first = choices[one.read_first[0]]
        if len(first) == 1 and first[0] == OPEN:
            raise TooManyStatesError(10**9)
        parts.append(first)
        return run(one, choices, log_mass, least)

    monkeypatch.setattr(shared_search.SharedPass, "__call__", too_many)
    found = noisy(model, given, prior=prior, tolerance=0)
    assert [len(part) for part in parts[:3]] == [32, 1, 1]  # a trial, and an alternative after the other
    torch.testing.assert_close(found.posterior.log_probs, whole.posterior.log_probs, rtol=0, atol=1e-9)
    agrees(found.posterior, every_program(model, given), prior.choices)


def test_where_parts_are_too_large_too_it_is_said(monkeypatch):
    def too_many(one, choices, log_mass, least):
        raise TooManyStatesError(10**9)

    monkeypatch.setattr(shared_search.SharedPass, "__call__", too_many)
    with pytest.raises(BudgetError, match="got about 1,000,000,000 that are different after a line"):
        shared_search.SharedSearch(
            row,
            data(4),
            ProgramSpace(SIZES),
            {site: np.log([0.5, 0.5]) for site in SIZES},
            weights=Prior().log_weights,
            memory=2**20,
            tolerance=0,
            report=lambda words: None,
        ).posterior()


@pytest.mark.parametrize("keep", [1, 10, 100, 1000])
@pytest.mark.parametrize("model", [lines, row])
@pytest.mark.parametrize("alike", [False, True], ids=["different", "alike"])
def test_the_most_probable_of_too_many_are_kept(model, keep, alike):
    x, y = data(6)
    given = (torch.full_like(x, 1 / 3) if alike else x), y
    whole = noisy(model, given, tolerance=0).posterior
    found = noisy(model, given, keep=keep).posterior
    numbers, _, probs = settings_of(whole)
    every = np.zeros(len(probs))
    every[numbers] = probs
    kept, _, shares = settings_of(found)
    missing = max(0.0, 1 - every[kept].sum())
    assert 0 < found.programs() <= max(keep, 128)  # a merged state may stand for many programs
    assert missing <= found.hidden + 1e-12
    assert whole.log_evidence - found.log_evidence == pytest.approx(-math.log1p(-missing), abs=1e-5)
    np.testing.assert_allclose(shares * (1 - missing), every[kept], atol=1e-5)
    if keep >= whole.programs():
        assert found.hidden <= 1e-6


ZEROS = {
    branches: {"outer": [0.0, 1.0, 0.0], "item": [0.5, 0.0, 0.5]},
    nested_selects: {"a": [0.0, 0.5, 0.5], "b": [1.0, 0.0, 0.0]},
    lines: {"op_0": [0.0, 1.0, 0.0], "r_1": [1.0, 0.0], "op_2": [0.0, 0.5, 0.5]},
    row: {"c0": [0.0, 1.0], "c1": [1.0, 0.0], "c7": [0.25, 0.75]},
}


@pytest.mark.parametrize("memory", [2**20, 100_000])
@pytest.mark.parametrize("model", ZEROS, ids=lambda model: model.__name__)
def test_what_a_prior_excludes_is_not_there(model, memory):
    given = data(6)
    found = noisy(
        model, given, prior=Prior(ZEROS[model]), memory=2**31 if model is lines else memory
    ).posterior
    agrees(found, every_program(model, given), ZEROS[model])
    assert bool((found.log_probs > -math.inf).all())
    for site, probs in ZEROS[model].items():
        for integer in (n for n, p in enumerate(probs) if p == 0):
            assert float(found.marginals[site][integer]) == 0
            assert not bool((found.columns[site] == integer).any())


def certainly(x, y, noise=0.0):
    """Lines of certain values."""
    a, b, c = choice("a", 3), choice("b", 3), choice("c", 2)
    with plate(y):
        first = var("first", switch(a, [x, turned(x), plus(x, x)]))
        second = var("second", switch(b, [first, plus(first, x), constant(1, 3)]))
        observe("one", switch(c, [second, turned(second)]), y, noise=noise)
        observe("other", plus(second, first), (2 * y) % 3, noise=noise)


@pytest.mark.parametrize("examples", [1, 2, 10, 40])
@pytest.mark.parametrize("model", [lines, certainly])
def test_certain_labels_are_the_limit_of_little_noise(model, examples):
    x, _ = data(examples, sure=True)
    given = x, x.argmax(-1)
    brute = every_program(partial(certainly, noise=1e-9) if model is certainly else model, given)
    fits = brute.log_likelihoods > brute.log_likelihoods.max() - 1e-4
    found = exact_posterior(model, given, certain_labels=True)
    assert found.certain_labels
    posterior = found.posterior
    assert posterior.settings == int(fits.sum())
    assert posterior.hidden == 0
    assert posterior.log_evidence == pytest.approx(math.log(float(fits.double().mean())), abs=1e-9)
    numbers, _, _ = settings_of(posterior)
    assert set(numbers) == set(fits.nonzero().flatten().tolist())
    for site, probs in brute.marginals(fits.double() / fits.sum()).items():
        torch.testing.assert_close(posterior.marginals[site], probs, atol=1e-9, rtol=0)


def test_a_model_without_noise_has_impossible_programs():
    x, _ = data(10, sure=True)
    given = x, x.argmax(-1)
    found = noisy(certainly, given).posterior
    agrees(found, every_program(certainly, given))
    assert found.settings < 18


def test_no_program_that_explains_all_is_said():
    x = torch.eye(3)[[0, 0]]
    given = x, torch.tensor([0, 1])
    with pytest.raises(NoProgramError, match="expected a program that explains all 2 examples, got none"):
        exact_posterior(certainly, given, certain_labels=True)
    with pytest.raises(NoProgramError, match="their evidence is zero"):
        noisy(certainly, given)  # which has no noise
    with pytest.raises(NoProgramError, match="solver"):
        exact_posterior(row, given, certain_labels=True)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_labels_may_be_taken_as_certain_where_that_is_the_same(tmp_path, checkpoint):
    few = partial(row, noise=1e-6)
    settings = {"certain_labels": None, "checkpoint": tmp_path / "kept" if checkpoint else None}
    x, _ = data(8, sure=True)
    right = x, every_result(x)
    found = exact_posterior(few, right, **settings)
    assert found.certain_labels
    assert found.posterior.marginals["c7"].tolist() == pytest.approx(
        noisy(few, right).posterior.marginals["c7"].tolist(), abs=1e-4
    )
    assert not exact_posterior(partial(row, noise=1e-3), right, certain_labels=None).certain_labels


def every_result(x):
    """What a program of ``row`` comes to: once the input, from the last line."""
    return x.argmax(-1)


@pytest.mark.parametrize("times", [1, 2])
def test_contradictions_are_noise_again_also_with_a_checkpoint(tmp_path, times):
    given = torch.eye(3)[[0, 0, 1]], torch.tensor([0, 1, 1])
    few = partial(row, noise=1e-6)
    for _ in range(times):
        found = exact_posterior(few, given, certain_labels=None, tolerance=0, checkpoint=tmp_path / "kept")
    assert not found.certain_labels
    agrees(found.posterior, every_program(few, given))


@pytest.mark.parametrize("passes", [1, 2, 4])
@pytest.mark.parametrize("model", [lines, row, nested_selects])
def test_an_interrupted_search_comes_to_the_same_bits(tmp_path, monkeypatch, model, passes):
    given, path = data(60), tmp_path / "exact.safetensors"
    whole = noisy(model, given)
    keep, kept = CubesFile.keep, []

    def interrupted(keeper, cubes, dropped, done, *attempt):
        keep(keeper, cubes, dropped, done, *attempt)
        kept.append(done)
        if len(kept) == passes:
            raise KeyboardInterrupt

    monkeypatch.setattr(CubesFile, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        noisy(model, given, checkpoint=path)
    begun = kept[-1]
    monkeypatch.setattr(CubesFile, "keep", keep)
    take, taken = CubesFile.take, []
    monkeypatch.setattr(CubesFile, "take", lambda *of: taken.append(take(*of)) or taken[-1])
    again = noisy(model, given, checkpoint=path)
    assert taken[0][-1] == begun
    assert 0 < begun < 60
    assert torch.equal(again.posterior.log_probs, whole.posterior.log_probs)
    assert (again.posterior.log_evidence, again.posterior.hidden) == (
        whole.posterior.log_evidence,
        whole.posterior.hidden,
    )
    for site, column in whole.posterior.columns.items():
        assert torch.equal(again.posterior.columns[site], column)
    other = (
        {"c0": [0.9, 0.1]}
        if model is row
        else {"op_0": [0.9, 0.1, 0.0]}
        if model is lines
        else {"c": [0.9, 0.1]}
    )
    for changed, name in (
        ({"tolerance": 0.5}, "tolerance"),
        ({"certain_labels": True}, "certain_labels"),
        ({"keep": 5}, "keep"),
        ({"prior": Prior(other)}, "prior"),
    ):
        with pytest.raises(RunError, match=f"expected {name}="):
            noisy(model, given, checkpoint=path, **changed)
    with pytest.raises(RunError, match="expected examples=60 as before, got 59"):
        noisy(model, (given[0][1:], given[1][1:]), checkpoint=path)
