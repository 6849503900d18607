"""Bounds of the numbers that a user gives."""

import math
import operator
import os
from numbers import Real

from ntpt_pyro.errors import BudgetError, UsageError

MOST_COUNTED = 10**9
"""Of whatever is counted, steps or examples: more are a slip of the hand, and would never end."""
MOST_LINES = 100
"""Lines of a program: each may read the registers of all before it."""
EXACT_DIGITS, MOST_DIGITS = 15, 4000
"""Numbers of more digits are written as powers of ten, and are not kept exactly."""


def check_number(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    remedy: str = "give one",
) -> None:
    """Check that a number is finite and within its bounds.

    :param name: of what it is.
    :param value: the number.
    :param at_least: its smallest value.
    :param above: what it must be greater than.
    :param below: what it must be smaller than.
    :param at_most: its largest value.
    :param remedy: what to do about another one.
    :raises UsageError: names it, its bounds and its value.

    >>> check_number("decay", 1.5, at_least=0, below=1)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: decay: expected a finite number of at least 0 and below 1, got 1.5; give one
    """
    _check_is_number(name, value, remedy)
    fits = (
        (isinstance(value, int) or math.isfinite(value))
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (below is None or value < below)
        and (at_most is None or value <= at_most)
    )
    if not fits:
        bounds = (("of at least", at_least), ("above", above), ("below", below), ("of at most", at_most))
        said = " and ".join(f"{words} {_written(bound)}" for words, bound in bounds if bound is not None)
        said = said.replace(" and of at most", " and at most")
        raise UsageError(name, expected=f"a finite number {said}".strip(), got=_written(value), remedy=remedy)


def _check_is_number(name: str, value: object, remedy: str) -> None:
    """Raise where something else than a number is given for one; one of NumPy's is a Real, too."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(name, expected="a number", got=f"{value!r:.60}", remedy=remedy)


def _written(number: float) -> str:
    """A number of a message: whole ones with all their digits, as far as a person counts them."""
    return in_digits(number) if isinstance(number, int) else f"{number:g}"


def check_count(
    name: str, value: int, *, at_least: int, at_most: int | None = None, remedy: str = "give one"
) -> None:
    """Check that a number is whole and within its bounds.

    :param name: of what it is.
    :param value: the number.
    :param at_least: its smallest value.
    :param at_most: its largest value.
    :param remedy: what to do about another one.
    :raises UsageError: names it, its bound and its value.

    >>> check_count("restarts", 0, at_least=1)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: restarts: expected a whole number of at least 1, got 0; give one
    """
    number = _whole(value)
    if number is not None and number >= at_least and (at_most is None or number <= at_most):
        return
    most = "" if at_most is None else f" and at most {in_digits(at_most)}"
    raise UsageError(
        name,
        expected=f"a whole number of at least {in_digits(at_least)}{most}",
        got=f"{value!r:.60}" if number is None else in_digits(number),
        remedy=remedy,
    )


def _whole(value: object) -> int | None:
    """A whole number of any type as Python's own; None where it is something else."""
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]  # tried
    except TypeError:
        return None


def as_json(number: int) -> int | str:
    """A whole number as JSON can hold it, however large: Python writes and reads no more than 4,300 digits.

    :param number: the number.
    :returns: it, or how large it is about.

    >>> as_json(2**70), as_json(10**5000)
    (1180591620717411303424, 'about 1.0e5000')
    """
    return number if abs(number) < 10**MOST_DIGITS else in_digits(number)


def in_digits(number: int | str) -> str:
    """A whole number as people read it, however large.

    :param number: the number, or what :func:`as_json` made of it.
    :returns: all its digits, or how large it is about.

    >>> in_digits(1_975_509), in_digits(2**70), in_digits(-(10**5000))
    ('1,975,509', 'about 1.2e21', 'about -1.0e5000')
    """
    if isinstance(number, str):
        return number
    if abs(number) < 10**EXACT_DIGITS:
        return f"{number:,}"
    exponent, digits = divmod(math.log10(abs(number)), 1)
    leading = f"{10**digits:.1f}"
    leading, exponent = ("1.0", exponent + 1) if leading == "10.0" else (leading, exponent)
    return f"about {'-' if number < 0 else ''}{leading}e{exponent:.0f}"


def counted(number: int, what: str) -> str:
    """How many of something, in words.

    :param number: how many.
    :param what: one of them.
    :returns: as ``1 argument``, ``2 arguments``.

    >>> counted(1, "argument"), counted(0, "index")
    ('1 argument', '0 indices')
    """
    several = "indices" if what == "index" else f"{what}s"
    return f"{in_digits(number)} {what if number == 1 else several}"


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
    """Bytes of memory that this machine lets a process have; infinite where it does not say."""
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    import resource

    there = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return there if limit == resource.RLIM_INFINITY else min(there, float(limit))


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
