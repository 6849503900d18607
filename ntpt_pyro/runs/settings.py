"""Checks that options share: numbers within their bounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ntpt_pyro.errors import UsageError

EXACT = "exact"
"""The strategy that trains nothing to find a program: all are tried, with networks that read already."""
IMAGE_DROPOUT = (0.2, 0.3)
"""The shares of pixels and of hidden units that networks of images drop while they learn, where they drop any
(Hinton et al. 2012)."""


def as_json(options: Any) -> dict[str, Any]:
    """Options as JSON can hold them.

    :param options: a dataclass of options.
    :returns: by name, paths by their last part only.
    """
    return {name: value.name if isinstance(value, Path) else value for name, value in asdict(options).items()}


def check_models(command: str, models: Sequence[str], known: Sequence[str], seeds: Sequence[int]) -> None:
    """Check that a comparison has models, all of them known, and seeds.

    :param command: what compares them.
    :param models: their names.
    :param known: those that there are.
    :param seeds: each model is trained for each.
    :raises UsageError: where a model is unknown, or there is none, or no seed.
    """
    for model in models:
        if model not in known:
            raise UsageError(
                "models", expected=f"some of {', '.join(known)}", got=repr(model), remedy="pick from these"
            )
    if not models or not seeds:
        raise UsageError(command, expected="a model and a seed", got="none", remedy="name some")


def check_at_least(options: Any, least: Mapping[str, int]) -> None:
    """Check that some of the options are no smaller than they may be.

    :param options: an object with the options as attributes.
    :param least: the smallest value of each, by name.
    :raises UsageError: where one is smaller.
    """
    for name, minimum in least.items():
        value = getattr(options, name)
        if value < minimum:
            raise UsageError(name, expected=f"at least {minimum}", got=str(value), remedy="give more")


def check_positive(options: Any, names: Iterable[str]) -> None:
    """Check that some of the options are above zero, where they are given at all.

    :param options: an object with the options as attributes.
    :param names: of numbers, or of None for a default.
    :raises UsageError: where one is zero, negative or not a number.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise UsageError(name, expected="a number above 0", got=f"{value:g}", remedy="give more")


def check_decay(averaging: float) -> None:
    """Check the decay of an average of weights.

    :param averaging: the decay.
    :raises UsageError: where it is not in 0..1, or is 1.
    """
    if not 0 <= averaging < 1:
        got = f"{averaging:g}"
        raise UsageError("averaging", expected="a decay from 0 to below 1", got=got, remedy="try 0.999")
