"""How well programs explain data, against brute force."""

import math

import pytest
import torch

from ntpt_pyro import MeanFieldPosterior
from ntpt_pyro.inference import evidence_bound, exact_posterior, mean_log_likelihood
from tests.inference.tiny import READ_ONCE, data


def test_the_log_likelihood_of_programs_is_that_of_each_alone():
    args = data()
    programs = READ_ONCE.programs()
    batched = {site: torch.tensor([program[site] for program in programs]) for site in READ_ONCE.sizes}
    found = mean_log_likelihood(READ_ONCE.model, batched, args, chunk=2)
    expected = [READ_ONCE.log_likelihood(program, *args) / len(args[0]) for program in programs]
    torch.testing.assert_close(found, torch.stack(expected))


def test_a_guide_bounds_the_log_evidence_from_below():
    given = data(4)
    exact = exact_posterior(READ_ONCE.model, given, tolerance=0).posterior
    uniform = MeanFieldPosterior({s: torch.full((size,), 1 / size) for s, size in READ_ONCE.sizes.items()})
    joint = READ_ONCE.log_joint(*given)
    expected = float(joint.mean()) + math.log(6)  # the ELBO of the uniform guide, by brute force
    drawn = evidence_bound(READ_ONCE.model, uniform, given, draws=4000, generator=torch.Generator())
    # 6 standard errors of the mean: fails less than once in 10^8 seeds
    assert drawn == pytest.approx(expected, abs=6 * float(joint.std()) / 4000**0.5)
    assert drawn < exact.log_evidence
    sure = MeanFieldPosterior({"by": torch.eye(3)[1], "flip": torch.eye(2)[0]})
    (only,) = [i for i, p in enumerate(READ_ONCE.programs()) if p == {"by": 1, "flip": 0}]
    assert evidence_bound(READ_ONCE.model, sure, given, draws=2) == pytest.approx(
        float(joint[only]), abs=1e-6
    )
