"""What all kinds of posteriors can tell, and that they tell the same."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro import ProgramPosterior
from ntpt_pyro.errors import SiteError, UsageError
from tests.inference.posterior.posteriors import posterior_of, table_of, weights


@pytest.mark.parametrize("k", [0, 9])
def test_more_programs_than_there_are_cannot_be_had(k):
    posterior = posterior_of([[1, 2], [3, 4], [1, 1]])
    with pytest.raises(
        UsageError, match=rf"top: expected a number in 1\.\.8, the number of programs, got {k};"
    ):
        posterior.top(k)


@given(weights, st.data())
def test_both_kinds_answer_alike(rows, data):
    independent, table = posterior_of(rows), table_of(rows)
    assert table.programs() == independent.programs()
    assert table.entropy() == pytest.approx(independent.entropy())
    assert table.entropies() == pytest.approx(independent.entropies())
    assert table.distances(independent) == pytest.approx(dict.fromkeys(independent.marginals, 0), abs=1e-9)
    event = {
        f"c{n}": data.draw(st.lists(st.integers(0, len(row) - 1), min_size=1))
        for n, row in enumerate(rows)
        if data.draw(st.booleans())
    }
    assert table.probability(event) == pytest.approx(independent.probability(event))
    one, other = table.given(event), independent.given(event)
    for site, probs in other.numpy().items():
        assert one.numpy()[site] == pytest.approx(probs)
    assert [p for _, p in one.top(1)] == pytest.approx([p for _, p in other.top(1)])


@pytest.mark.parametrize("kind", [posterior_of, table_of])
def test_questions_that_make_no_sense_are_refused(kind):
    posterior = kind([[1, 0, 1], [1, 1]])
    with pytest.raises(
        UsageError, match=r"given c0 = 1: expected a condition that can hold, got one of prob"
    ):
        posterior.given({"c0": 1})
    with pytest.raises(UsageError, match=r"given c0 = \[\]"):
        posterior.given({"c0": []})
    with pytest.raises(SiteError, match="expected one of c0, c1, got 'c2'"):
        posterior.probability({"c2": 0})
    with pytest.raises(UsageError, match=r"expected integers in 0..1, got 2"):
        posterior.probability({"c1": 2})
    with pytest.raises(SiteError, match="compare posteriors of one model"):
        posterior.distances(posterior_of([[1, 1]]))


@pytest.mark.parametrize("kind", [posterior_of, table_of])
def test_what_is_known_changes_the_log_evidence(kind):
    posterior = kind([[1, 3], [1, 1]])
    posterior.log_evidence = -2.0
    assert posterior.given({"c0": 1}).log_evidence == pytest.approx(-2 + math.log(0.75))


@pytest.mark.parametrize("kind", [posterior_of, table_of])
def test_samples_have_the_marginals(kind):
    posterior = kind([[1, 3], [2, 1, 1]])
    drawn = posterior.sample(10_000, torch.Generator().manual_seed(0))
    for site, probs in posterior.numpy().items():  # 5 standard deviations: fails once in 10^5 seeds
        shares = torch.bincount(drawn[site], minlength=len(probs)) / 10_000
        assert shares.numpy() == pytest.approx(probs, abs=0.025)


@pytest.mark.parametrize("kind", [posterior_of, table_of])
def test_programs_that_are_drawn_are_as_probable_as_their_share(kind):
    posterior = kind([[1, 3], [2, 1, 1]])
    posterior.log_evidence = -2.0
    sample = posterior.sample(500, torch.Generator().manual_seed(0))
    drawn = posterior.drawn(500, torch.Generator().manual_seed(0))
    assert isinstance(drawn, ProgramPosterior)
    assert drawn.log_evidence == -2.0
    for program, probability in drawn.top(drawn.programs()):
        same = torch.stack([sample[site] == integer for site, integer in program.items()]).all(0)
        assert probability == pytest.approx(float(same.double().mean()))


def test_posteriors_are_shown_in_one_line():
    independent, table = posterior_of([[1, 3], [2, 1, 1]]), table_of([[1, 3], [2, 1, 1]])
    assert repr(independent) == "<MeanFieldPosterior: 6 programs of 2 choices, log-evidence unknown>"
    table.log_evidence, table.hidden = -2.5, 1e-7
    shown = "<ProgramPosterior: 6 programs of 2 choices, log-evidence -2.5, others at most 1e-07>"
    assert repr(table) == shown
