"""Priors over programs: against brute force, and what is refused."""

import itertools
import math

import pytest
import torch

from ntpt_pyro import choice, observe, select, switch
from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference import Prior, exact_posterior, fewest_read
from ntpt_pyro.inference.posterior.program_posterior import UNUSED
from tests.inference.exact.every_program import agrees, every_program, settings_of
from tests.inference.exact.shared_models import data, lines, plate, plus, turned

SIZES = {"which": 2, "left": 3, "right": 3}


def either_side(x, y):
    """Reads ``left`` or ``right``, never both."""
    which, left, right = (choice(site, size) for site, size in SIZES.items())
    with plate(y):
        first = plus(left, x)
        second = select(right, [x, turned(x), plus(x, x)])
        observe("out", switch(which, [first, second]), y, noise=0.2)


CHOICES = {
    "one": {"which": [0.9, 0.1]},
    "tensors": {"left": torch.tensor([0.2, 0.3, 0.5]), "right": [0.0, 0.0, 1.0]},
    "rounded": {"which": [0.33334, 0.66666]},
}


@pytest.mark.parametrize("name", CHOICES)
def test_probabilities_of_alternatives_are_those_of_brute_force(name):
    given = data(4)
    found = exact_posterior(either_side, given, prior=Prior(CHOICES[name]), tolerance=0).posterior
    agrees(found, every_program(either_side, given), CHOICES[name])


def test_what_is_not_read_follows_the_prior():
    given = data(4)
    prior = {"which": [1.0, 0.0], "right": [0.7, 0.2, 0.1]}
    found = exact_posterior(either_side, given, prior=Prior(prior), tolerance=0).posterior
    assert bool((found.columns["right"] == UNUSED).all())
    assert found.marginals["right"].tolist() == pytest.approx(prior["right"])


def test_log_probs_sum_open_choices_out():
    prior = Prior({"which": [0.25, 0.75], "left": [0.5, 0.5, 0.0]})
    columns = {
        "which": torch.tensor([0, 1, UNUSED, 1]),
        "left": torch.tensor([0, UNUSED, UNUSED, 2]),
        "right": torch.tensor([UNUSED, 1, UNUSED, 1]),
    }
    expected = [0.25 * 0.5, 0.75 / 3, 1.0, 0.0]
    assert prior.log_probs(columns, SIZES).exp().tolist() == pytest.approx(expected)
    every = list(itertools.product(*(range(size) for size in SIZES.values())))
    decided = {site: torch.tensor([one[n] for one in every]) for n, site in enumerate(SIZES)}
    assert float(prior.log_probs(decided, SIZES).exp().sum()) == pytest.approx(1)


def weighed(model, given, prior, log_weight):
    """Brute force: each cube's prior mass weighs what its columns say."""
    brute = every_program(model, given)
    log_joint = brute.log_joint(prior.choices)
    whole = exact_posterior(model, given, prior=Prior(prior.choices), tolerance=0).posterior
    numbers, rows, _ = settings_of(whole)
    weights = torch.tensor([log_weight({s: int(c[row]) for s, c in whole.columns.items()}) for row in rows])
    log_joint[torch.from_numpy(numbers)] += weights
    return brute, log_joint


@pytest.mark.parametrize("model", [either_side, lines])
def test_programs_that_read_little_weigh_more(model):
    given = data(4)
    sizes = every_program(model, given).sizes

    def log_weight(program):
        return -sum(math.log(sizes[site]) for site, integer in program.items() if integer != UNUSED)

    brute, log_joint = weighed(model, given, Prior(), log_weight)
    found = exact_posterior(model, given, prior=fewest_read(sizes), tolerance=0).posterior
    assert found.log_evidence == pytest.approx(float(log_joint.logsumexp(0)), abs=1e-5)
    for site, wanted in brute.marginals(log_joint.softmax(0)).items():
        torch.testing.assert_close(found.marginals[site], wanted, atol=1e-5, rtol=0)


def test_weights_of_ones_own_and_probabilities_of_alternatives_together():
    def weights(columns):
        return torch.where(columns["left"] == UNUSED, -2.0, torch.where(columns["left"] == 1, -math.inf, 0.0))

    prior = Prior({"which": [0.3, 0.7]}, weights)
    given = data(4)

    def log_weight(program):
        return {UNUSED: -2.0, 1: -math.inf}.get(program["left"], 0.0)

    brute, log_joint = weighed(either_side, given, prior, log_weight)
    found = exact_posterior(either_side, given, prior=prior, tolerance=0).posterior
    assert found.log_evidence == pytest.approx(float(log_joint.logsumexp(0)), abs=1e-5)
    for site, wanted in brute.marginals(log_joint.softmax(0)).items():
        torch.testing.assert_close(found.marginals[site], wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("probabilities", "got"),
    [
        ([0.5, 0.4], "got 2 that sum to 0.9;"),
        ([0.5, 0.25, 0.25], "got 3 that sum to 1;"),
        ([1.5, -0.5], "got 2 that sum to 1, some of them negative;"),
        ([float("nan"), 1.0], "got 2 that sum to nan"),
    ],
)
def test_what_is_no_distribution_is_refused(probabilities, got):
    with pytest.raises(UsageError, match=f"prior of 'which': expected 2 probabilities that sum to 1, {got}"):
        exact_posterior(either_side, data(2), prior=Prior({"which": probabilities}))


def test_a_choice_that_is_not_there_is_refused():
    with pytest.raises(SiteError, match="prior of 'wich': expected choices out of which, left, right, got"):
        exact_posterior(either_side, data(2), prior=Prior({"wich": [0.5, 0.5]}))


@pytest.mark.parametrize(
    ("weights", "got"),
    [
        (lambda columns: torch.zeros(3), r"got \[3\], at most 0;"),
        (lambda columns: 0.5 + 0.0 * columns["left"], r"got \[6\], at most 0.5;"),
        (lambda columns: torch.tensor(0.0), r"got \[\], at most 0;"),
        (lambda columns: torch.full_like(columns["left"], math.nan, dtype=torch.float64), r"got \[6\]"),
    ],
)
def test_what_are_no_weights_is_refused(weights, got):
    with pytest.raises(
        UsageError, match=f"prior's weights: expected 6 logs of weights, each at most 0, {got}"
    ):
        exact_posterior(either_side, data(2), prior=Prior(weights=weights), tolerance=0)
