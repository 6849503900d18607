"""What this package raises when a user's input is wrong: one line that says where, what, and what to do."""

import sys
from typing import Any


class NtptError(Exception):
    """Base of every error this package raises on purpose.

    :param where: the site, function, file or option concerned.
    :param expected: what would have been right there.
    :param got: what was found instead.
    :param remedy: what the reader can do about it.

    >>> raise RangeError("add", expected="range 19 for argument 2", got="range 10", remedy="widen it")
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.RangeError: add: expected range 19 for argument 2, got range 10; widen it
    """

    def __init__(self, where: str, *, expected: str = "", got: str = "", remedy: str = "") -> None:
        self.where: str
        self.expected: str
        self.got: str
        self.remedy: str
        original = sys.exception()
        if not expected and isinstance(original, NtptError):
            # Pyro's trace raises an error that comes through it anew, from its text and a table of shapes.
            where, expected = original.where, original.expected
            got, remedy = original.got, original.remedy
        where, expected, got, remedy = map(_in_one_line, (where, expected, got, remedy))
        self.where, self.expected, self.got, self.remedy = where, expected, got, remedy
        super().__init__(f"{where}: expected {expected}, got {got}; {remedy}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with all its parts, as between processes."""
        return _again, (type(self), self.args, dict(self.__dict__))


LONGEST_WORD = 200
"""Characters of a word that is written whole: more are no path and no name that somebody reads."""


def printable(text: str) -> str:
    r"""A text without control characters, which a terminal would obey.

    :param text: the text, of one line.
    :returns: the text, each character that cannot be printed as an escape.

    >>> printable("R\x1b[31med, naïve")
    'R\\x1b[31med, naïve'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _in_one_line(text: str) -> str:
    r"""A part of a message: what cannot be printed is escaped, and words without end are cut.

    >>> _in_one_line("a\nb"), _in_one_line("z" * 1000)[-24:]
    ('a\\nb', 'zzz... (1000 characters)')
    """
    text = printable(text)
    if len(text) <= LONGEST_WORD:
        return text
    words = text.split(" ")
    return " ".join(
        one if len(one) <= LONGEST_WORD else f"{one[:LONGEST_WORD]}... ({len(one)} characters)"
        for one in words
    )


def _again(kind: type[NtptError], args: tuple[Any, ...], parts: dict[str, Any]) -> NtptError:
    """An error as it was pickled."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(parts)
    return error


class RangeError(NtptError, ValueError):
    """An integer, or the range of a value on the simplex, is not the one a function or site takes."""


class SiteError(NtptError, ValueError):
    """A sample site is used twice, or a strategy names one that the model does not have."""


class DataError(NtptError, ValueError):
    """A data file or folder is missing, truncated or not what it claims to be."""


class LibraryError(NtptError, ValueError):
    """A library lacks a function, or would break the rule of one untrained function at a time."""


class UsageError(NtptError, ValueError):
    """A name or setting (task, strategy, option) that does not exist or cannot be combined."""


class BudgetError(NtptError, RuntimeError):
    """Exact enumeration would need more memory or tensor dimensions than there are."""


class DivergenceError(NtptError, RuntimeError):
    """The loss became NaN or infinite."""


class TerpretError(NtptError, ValueError):
    """A program text is not TerpreT, or does not mean anything; says file, line and column.

    :param where: see :class:`NtptError`.
    :param expected: see there.
    :param got: see there.
    :param remedy: see there.
    :param excerpt: the line of the text, and below it a caret under the place; no part of the message.
    """

    def __init__(
        self, where: str, *, expected: str = "", got: str = "", remedy: str = "", excerpt: str = ""
    ) -> None:
        super().__init__(where, expected=expected, got=got, remedy=remedy)
        self.excerpt = excerpt


class RunError(NtptError, RuntimeError):
    """A run folder is in use, incomplete, or written by another version."""


class TaskError(NtptError, ValueError):
    """A task cannot be found, or its model, examples and interpreter do not go together."""
