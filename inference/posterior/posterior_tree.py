"""A posterior as a tree of data sets, which ArviZ and xarray read: programs drawn from it, and marginals."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from ntpt_pyro.bounds import MOST_COUNTED, as_json, check_count
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.posterior.posterior_drawing import Words, integer_word

if TYPE_CHECKING:
    from xarray import DataTree

    from ntpt_pyro.inference.posterior.posterior import Posterior

TAKEN = ("chain", "draw")
"""Names of axes, which no choice can have there."""


def tree_of(
    posterior: "Posterior", draws: int, *, chains: int, seed: int, words: Words = integer_word
) -> "DataTree":
    """A posterior as a tree of data sets.

    :param posterior: the posterior.
    :param draws: programs of each chain, at least 1.
    :param chains: how many there are, at least 1.
    :param seed: of the draw.
    :param words: for alternatives.
    :returns: group ``posterior`` with the programs, group ``marginals`` with what their draws tend to.
    :raises UsageError: where xarray is not installed, or a number is out of its bounds.
    """
    try:
        import xarray
    except ImportError as error:
        raise UsageError(
            "to_xarray",
            expected="the package xarray",
            got="none that is installed",
            remedy="pip install 'ntpt-pyro[arviz]'",
        ) from error
    for name, number in (("draws", draws), ("chains", chains)):
        check_count(name, number, at_least=1, at_most=MOST_COUNTED)
    check_count("seed", seed, at_least=0, at_most=2**63 - 1)
    names = _names(posterior.marginals)
    drawn = posterior.sample(chains * draws, torch.Generator("cpu").manual_seed(seed))
    said = {site: [words(site, n) for n in range(len(p))] for site, p in posterior.marginals.items()}
    programs, marginals = dict[str, Any](), dict[str, Any]()
    for site, probs in posterior.numpy().items():
        about = {"site": site, "alternatives": said[site]}
        integers = drawn[site].reshape(chains, draws).cpu().numpy()
        programs[names[site]] = (TAKEN, integers, about)
        axis = _axis(names[site])
        marginals[names[site]] = xarray.DataArray(probs, {axis: said[site]}, (axis,), attrs={"site": site})
    axes = {"chain": range(chains), "draw": range(draws)}
    groups = {
        "posterior": xarray.Dataset(programs, axes, attrs=_attributes(posterior)),
        "marginals": xarray.Dataset(marginals),
    }
    tree: DataTree = xarray.DataTree.from_dict(groups)
    return tree


def _names(sites: Iterable[str]) -> dict[str, str]:
    """For each choice a name of its own that a data set allows: without a slash, and none of an axis."""
    found, taken = dict[str, str](), set(TAKEN)
    for site in sites:
        name = site.replace("/", "_") or "_"
        while {name, _axis(name)} & taken:
            name += "_"
        found[site] = name
        taken |= {name, _axis(name)}
    return found


def _axis(name: str) -> str:
    """The axis of a choice's alternatives."""
    return f"{name}_alternative"


def _attributes(posterior: "Posterior") -> dict[str, Any]:
    """What is known of a posterior as a whole."""
    known = {} if posterior.log_evidence is None else {"log_evidence": posterior.log_evidence}
    return {
        "inference_library": "ntpt_pyro",
        "kind": type(posterior).__name__,
        "programs": as_json(posterior.programs()),
        "entropy": posterior.entropy(),
        **known,
    }
