"""A posterior as a tree of data sets: draws, marginals, words, what is known of it as a whole."""

import sys

import numpy as np
import pytest
import torch

from ntpt_pyro import MeanFieldPosterior
from ntpt_pyro.errors import UsageError
from tests.inference.posterior.posteriors import posterior_of, table_of

ROWS = [[3, 1], [1, 1, 2]]
DEVIATIONS = 4.5
"""Standard errors that a share of independent draws may be off: about 1 of 150,000 is further."""


@pytest.mark.parametrize("made", [posterior_of, table_of])
def test_draws_are_of_the_posterior(made):
    tree = made(ROWS).to_xarray(draws=4000, chains=2)
    posterior = tree["posterior"]
    assert dict(posterior.sizes) == {"chain": 2, "draw": 4000}
    assert posterior["c0"].dims == ("chain", "draw")
    for site, probs in made(ROWS).numpy().items():
        assert posterior[site].dtype.kind == "i"
        shares = np.bincount(posterior[site].values.ravel(), minlength=len(probs)) / 8000
        assert np.all(np.abs(shares - probs) < DEVIATIONS * np.sqrt(probs * (1 - probs) / 8000))


def test_the_same_seed_gives_the_same_draws_and_touches_no_random_state():
    before = torch.get_rng_state()
    one, same, other = (posterior_of(ROWS).to_xarray(50, seed=seed)["posterior"] for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)
    assert torch.equal(torch.get_rng_state(), before)


def test_words_are_the_coordinates_of_marginals():
    tree = posterior_of(ROWS).to_xarray(5, words=lambda site, n: f"{site}<{n}>")
    marginal = tree["marginals"]["c1"]
    assert marginal.sel(c1_alternative="c1<2>") == 0.5
    assert marginal.values.tolist() == [0.25, 0.25, 0.5]
    assert tree["posterior"]["c0"].attrs == {"site": "c0", "alternatives": ["c0<0>", "c0<1>"]}


def test_what_is_known_of_it_is_in_its_attributes():
    known = MeanFieldPosterior({"a": torch.tensor([0.5, 0.5])}, log_evidence=-1.5).to_xarray(5)
    attributes = known["posterior"].attrs
    assert attributes["log_evidence"] == -1.5
    assert attributes["entropy"] == pytest.approx(np.log(2))
    assert (attributes["programs"], attributes["kind"]) == (2, "MeanFieldPosterior")
    assert "log_evidence" not in posterior_of(ROWS).to_xarray(5)["posterior"].attrs


def test_names_that_a_tree_does_not_allow_are_others_there():
    probs = torch.tensor([1.0])
    sites = ["a/b", "a_b", "draw", "", "/"]
    tree = MeanFieldPosterior(dict.fromkeys(sites, probs)).to_xarray(3)
    assert [one.attrs["site"] for one in tree["posterior"].data_vars.values()] == sites
    assert list(tree["posterior"].data_vars) == ["a_b", "a_b_", "draw_", "_", "__"]


def test_a_name_that_is_another_ones_axis_hides_no_marginal():
    rows = {"a": [0.25, 0.75], "a_alternative": [0.5, 0.5]}
    tree = MeanFieldPosterior({site: torch.tensor(probs) for site, probs in rows.items()}).to_xarray(3)
    found = {one.attrs["site"]: one.values.tolist() for one in tree["marginals"].data_vars.values()}
    assert found == rows


def test_without_xarray_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(UsageError) as raised:
        posterior_of(ROWS).to_xarray()
    assert str(raised.value) == (
        "to_xarray: expected the package xarray, got none that is installed; pip install 'ntpt-pyro[arviz]'"
    )


@pytest.mark.parametrize(("given", "name"), [({"draws": 0}, "draws"), ({"chains": 0}, "chains")])
def test_numbers_out_of_their_bounds_are_refused(given, name):
    with pytest.raises(UsageError, match=f"^{name}: expected a whole number of at least 1"):
        posterior_of(ROWS).to_xarray(**given)
