"""Checks that options share: numbers within their bounds."""

from collections.abc import Iterable, Mapping
from typing import Any

from ntpt_pyro.errors import UsageError


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
