"""The posterior of independent choices against brute force."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro import MeanFieldPosterior
from ntpt_pyro.errors import SiteError
from tests.inference.posterior.posteriors import posterior_of, weights


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


def test_probabilities_of_several_restarts_are_refused():
    with pytest.raises(SiteError, match=r"op: expected probabilities of shape \[size\], got shape \[1, 2\]"):
        MeanFieldPosterior({"op": torch.tensor([[0.75, 0.25]])})
