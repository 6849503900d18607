"""Names in messages: a known one that is close to what was written, and lists of what there is."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMES = 12
"""Names that a message lists."""
SHORT, SHORT_CUTOFF, CUTOFF = 2, 1.0, 0.6
"""Short names are close where they differ in case only."""
LONGEST_NAME = 100
"""Characters of a name that is compared with others."""


def nearest(name: object, known: Iterable[str], otherwise: str) -> str:
    """What to do about a name: correct its spelling, where a known one is close to it.

    :param name: as it is written.
    :param known: those that there are.
    :param otherwise: what to do where none is close.
    :returns: a remedy.

    >>> nearest("Tap", ["tape", "state"], "declare it"), nearest("q", ["tape"], "declare it")
    ("did you mean 'tape'?", 'declare it')
    """
    near = _close(name, known)
    return otherwise if near is None else f"did you mean {near!r}?"


def to_rename(name: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about a name that is missing: rename what is close to it.

    :param name: that is missing.
    :param known: those that there are.
    :param otherwise: what to do where none is close.
    :returns: a remedy.

    >>> to_rename("steps", ["step"], "add it")
    "rename 'step', if that is meant, to 'steps'"
    """
    near = _close(name, known)
    return otherwise if near is None else f"rename {near!r}, if that is meant, to {name!r}"


def listed(names: Iterable[str]) -> str:
    """Names, the first ones where there are many.

    :param names: all of them.
    :returns: in one line.

    >>> listed("abc"), listed([])
    ('a, b, c', 'none')
    """
    every = list(names)
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}" or "none"


def _close(name: object, known: Iterable[str]) -> str | None:
    """The name that is closest to another, if one is close."""
    folded, written = {one.casefold(): one for one in known}, str(name)[:LONGEST_NAME].casefold()
    cutoff = SHORT_CUTOFF if len(written) <= SHORT else CUTOFF
    near = get_close_matches(written, folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else None
