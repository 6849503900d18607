"""Questions to the posterior of the choices, against brute force."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro import MeanFieldPosterior, ProgramPosterior, by_behaviour
from ntpt_pyro.errors import SiteError, UsageError

weights = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4), min_size=1, max_size=4)


def posterior_of(rows):
    marginals = {f"c{n}": torch.tensor(row).double() / sum(row) for n, row in enumerate(rows)}
    return MeanFieldPosterior(marginals)


@given(weights, st.data())
def test_the_top_programs_are_the_most_probable_of_all(rows, data):
    posterior = posterior_of(rows)
    every = sorted(
        (
            math.prod(float(posterior.marginals[f"c{n}"][i]) for n, i in enumerate(found))
            for found in itertools.product(*(range(len(row)) for row in rows))
        ),
        reverse=True,
    )
    assert posterior.programs() == len(every)
    k = data.draw(st.integers(1, len(every)))
    top = posterior.top(k)
    assert [p for _, p in top] == pytest.approx(every[:k])
    assert len({tuple(program.items()) for program, _ in top}) == k
    for program, probability in top:
        product = math.prod(float(posterior.marginals[site][i]) for site, i in program.items())
        assert probability == pytest.approx(product)


def test_entropy_runs_from_decided_to_uniform():
    posterior = MeanFieldPosterior({"sure": torch.tensor([0.0, 1.0]), "open": torch.full((4,), 0.25)})
    assert posterior.entropies() == pytest.approx({"sure": 0.0, "open": math.log(4)})
    assert posterior.mode() == {"sure": 1, "open": 0}


@pytest.mark.parametrize("k", [0, 9])
def test_more_programs_than_there_are_cannot_be_had(k):
    posterior = posterior_of([[1, 2], [3, 4], [1, 1]])
    with pytest.raises(
        UsageError, match=rf"top: expected a number in 1\.\.8, the number of programs, got {k};"
    ):
        posterior.top(k)


def table_of(rows):
    """The same posterior, program by program."""
    independent = posterior_of(rows)
    every = list(itertools.product(*(range(len(row)) for row in rows)))
    columns = {f"c{n}": torch.tensor([program[n] for program in every]) for n in range(len(rows))}
    logs = [sum(float(independent.marginals[f"c{n}"][i].log()) for n, i in enumerate(p)) for p in every]
    sizes = {f"c{n}": len(row) for n, row in enumerate(rows)}
    return ProgramPosterior(columns, torch.tensor(logs, dtype=torch.float64), sizes)


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
def test_what_is_known_changes_the_evidence(kind):
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


def test_programs_that_compute_the_same_are_one_answer():
    posterior = table_of([[2, 1, 1], [1, 1]])
    found = by_behaviour(posterior, lambda p: (p["c0"] + p["c1"]) % 2, lambda p: 3 - p["c0"])
    assert [(one.probability, one.programs) for one in found] == [(pytest.approx(0.5), 3)] * 2
    assert {one.program["c0"] for one in found} == {2}
    assert sum(one.programs for one in by_behaviour(posterior, str, len, most=4)) == 4
