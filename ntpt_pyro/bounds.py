"""Bounds of the numbers that a user gives."""

import math
import os

from ntpt_pyro.errors import BudgetError, UsageError


def check_number(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    remedy: str = "give one",
) -> None:
    """Check that a number is finite and within its bounds.

    :param name: of what it is.
    :param value: the number.
    :param at_least: its smallest value.
    :param above: what it must be greater than.
    :param below: what it must be smaller than.
    :param remedy: what to do about another one.
    :raises UsageError: names it, its bounds and its value.

    >>> check_number("decay", 1.5, at_least=0, below=1)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: decay: expected a finite number of at least 0 and below 1, got 1.5; give one
    """
    fits = (
        math.isfinite(value)
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (below is None or value < below)
    )
    if not fits:
        bounds = (("of at least", at_least), ("above", above), ("below", below))
        said = " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)
        raise UsageError(name, expected=f"a finite number {said}".strip(), got=f"{value:g}", remedy=remedy)


def check_count(name: str, value: int, *, at_least: int, remedy: str = "give one") -> None:
    """Check that a number is whole and not too small.

    :param name: of what it is.
    :param value: the number.
    :param at_least: its smallest value.
    :param remedy: what to do about another one.
    :raises UsageError: names it, its bound and its value.

    >>> check_count("restarts", 0, at_least=1)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: restarts: expected a whole number of at least 1, got 0; give one
    """
    if not (hasattr(value, "__index__") and value >= at_least):
        raise UsageError(
            name, expected=f"a whole number of at least {at_least}", got=str(value), remedy=remedy
        )


def in_units(size: float) -> str:
    """Memory as people read it.

    :param size: bytes.
    :returns: in words.

    >>> in_units(1000), in_units(3 * 2**20), in_units(5.4 * 2**30)
    ('1,000 bytes', '3.0 MiB', '5.4 GiB')
    """
    if size < 2**20:
        return f"{size:,.0f} bytes"
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"


def machine_memory() -> float:
    """Bytes of memory that this machine has; infinite where it does not say."""
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def check_memory(name: str, size: float, *, of: str, remedy: str) -> None:
    """Check that tensors fit this machine, before they are made.

    :param name: of what makes them.
    :param size: bytes that they take.
    :param of: what they are, in words.
    :param remedy: what to do where they do not fit.
    :raises BudgetError: says how much there is, and how much they take.
    """
    if size > machine_memory():
        raise BudgetError(
            name,
            expected=f"at most {in_units(machine_memory())}",
            got=f"{in_units(size)} for {of}",
            remedy=remedy,
        )
