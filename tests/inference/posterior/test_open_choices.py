"""Posteriors over programs that leave choices open, against the same programs setting by setting."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro import ProgramPosterior
from ntpt_pyro.errors import UsageError
from tests.inference.exact.every_program import settings_of

SIZES = {"a": 2, "b": 3, "c": 4}
PRIOR = {"a": [0.25, 0.75], "b": [0.2, 0.3, 0.5], "c": [0.1, 0.4, 0.0, 0.5]}
DRAWN = 40_000
STANDARD_ERRORS = 5
"""Fails once in 10^5 draws: fewer than once in 10^4 runs, with nine frequencies each."""


def unused():
    return {site: torch.tensor(probs, dtype=torch.float64) for site, probs in PRIOR.items()}


def example():
    """Three programs: one that reads all, one that reads a and b, one that reads nothing but a."""
    columns = {
        "a": torch.tensor([0, 1, 0]),
        "b": torch.tensor([2, 0, -1]),
        "c": torch.tensor([1, -1, -1]),
    }
    logs = torch.tensor([0.2, 0.5, 0.3]).log()
    return ProgramPosterior(columns, logs, SIZES, log_evidence=-3.0, hidden=0.01, unused=unused())


def table():
    """The same, every setting by itself: a dictionary from settings to probabilities."""
    found = dict.fromkeys(itertools.product(*(range(size) for size in SIZES.values())), 0.0)
    found[0, 2, 1] += 0.2
    for c in range(4):
        found[1, 0, c] += 0.5 * PRIOR["c"][c]
        for b in range(3):
            found[0, b, c] += 0.3 * PRIOR["b"][b] * PRIOR["c"][c]
    return found


def chance(event):
    return sum(
        p for setting, p in table().items() if all(setting["abc".index(s)] in i for s, i in event.items())
    )


def test_marginals_follow_the_prior_where_nothing_is_read():
    for place, site in enumerate(SIZES):
        for integer in range(SIZES[site]):
            wanted = sum(p for setting, p in table().items() if setting[place] == integer)
            assert float(example().marginals[site][integer]) == pytest.approx(wanted)


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=3)
)
def test_events_and_conditions_are_those_of_the_settings(event):
    event = {site: [i % SIZES[site] for i in integers] for site, integers in event.items()}
    posterior, expected = example(), chance(event)
    assert posterior.probability(event) == pytest.approx(expected, abs=1e-12)
    if expected == 0:
        with pytest.raises(UsageError, match="expected a condition that can hold"):
            posterior.given(event)
        return
    found = posterior.given(event)
    assert found.log_evidence == pytest.approx(-3.0 + math.log(expected))
    assert 0.01 <= found.hidden <= 1
    for setting, probability in table().items():
        program = dict(zip(SIZES, setting, strict=True))
        holds = all(program[site] in integers for site, integers in event.items())
        assert found.probability(program) == pytest.approx(
            probability / expected if holds else 0.0, abs=1e-12
        )
    for site, probs in found.marginals.items():
        assert float(probs.sum()) == pytest.approx(1)
        for integer, p in enumerate(probs.tolist()):
            narrower = {**event, site: [i for i in event.get(site, range(SIZES[site])) if i == integer]}
            assert p == pytest.approx(chance(narrower) / expected, abs=1e-12)


def test_settings_are_those_that_the_prior_allows():
    assert (example().programs(), example().settings) == (3, 1 + 3 + 3 * 3)
    uniform = ProgramPosterior(example().columns, example().log_probs, SIZES)
    assert uniform.settings == 1 + 4 + 3 * 4
    none = ProgramPosterior({}, torch.zeros(1), {})
    assert (none.settings, none.programs(), none.marginals) == (1, 1, {})


def test_the_top_and_the_mode_fill_in_what_is_likeliest_before_any_data():
    top = example().top(3)
    assert [p for _, p in top] == pytest.approx([0.5, 0.3, 0.2])
    assert [program for program, _ in top] == [
        {"a": 1, "b": 0, "c": 3},
        {"a": 0, "b": 2, "c": 3},
        {"a": 0, "b": 2, "c": 1},
    ]
    assert example().mode() == top[0][0]


def test_entropy_is_that_of_the_programs():
    assert example().entropy() == pytest.approx(-sum(p * math.log(p) for p in (0.2, 0.5, 0.3)))


def test_samples_have_the_frequencies_of_the_settings():
    drawn = example().sample(DRAWN, torch.Generator().manual_seed(0))
    numbers = (drawn["a"] * 3 + drawn["b"]) * 4 + drawn["c"]
    shares = torch.bincount(numbers, minlength=24) / DRAWN
    for share, probability in zip(shares.tolist(), table().values(), strict=True):
        assert abs(share - probability) <= STANDARD_ERRORS * math.sqrt(
            probability * (1 - probability) / DRAWN
        )


def test_samples_are_reproducible_and_decided():
    drawn = [example().sample(50, torch.Generator().manual_seed(3)) for _ in range(2)]
    for site, column in drawn[0].items():
        assert torch.equal(column, drawn[1][site])
        assert bool((column >= 0).all())
    of_draws = example().drawn(50, torch.Generator().manual_seed(3))
    assert bool(torch.stack([*of_draws.columns.values()]).ge(0).all())


def test_without_a_prior_open_choices_are_uniform():
    posterior = ProgramPosterior({"a": torch.tensor([-1])}, torch.zeros(1), {"a": 4})
    assert posterior.marginals["a"].tolist() == [0.25] * 4
    assert posterior.mode() == {"a": 0}


def test_settings_of_cubes_are_all_there_is():
    numbers, rows, probs = settings_of(example())
    for number, probability in zip(range(24), table().values(), strict=True):
        assert float(probs[numbers == number].sum()) == pytest.approx(probability)
    assert sorted(rows.tolist()) == [0] * 4 + [1] * 12 + [2]
