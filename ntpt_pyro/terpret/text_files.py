"""Reading the files that a program text comes with, a stranger's perhaps: no more of them than is wise."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ntpt_pyro.bounds import counted
from ntpt_pyro.errors import DataError

LONGEST_INTEGER = 18
"""Characters of an integer that is read as one."""
LONGEST_SHOWN = 40
"""Characters of a value that a message shows."""


class LongInteger(float):
    """An integer that is longer than any that there may be: a number all the same.

    :param text: its digits.
    """

    def __new__(cls, text: str) -> "LongInteger":
        """See the class."""
        made = super().__new__(cls, text)
        made.digits = len(text.lstrip("-"))
        return made

    digits: int


class Entries(dict[str, Any]):
    """An object of JSON.

    :param pairs: names and values as they are written.
    """

    __slots__ = ("twice",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice: str | None = None
        """A name that is written twice."""
        if len(self) < len(pairs):
            self.twice = Counter(name for name, _ in pairs).most_common(1)[0][0]


def read_text(path: Path, *, what: str, most: int) -> str:
    """The text of a file.

    :param path: the file.
    :param what: is expected there, in words.
    :param most: bytes that it may have; no more are read.
    :returns: it.
    :raises DataError: where it is missing, larger, or no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(
                str(path),
                expected=f"{what} of at most {most:,} bytes",
                got="more",
                remedy="give a smaller one",
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            str(path), expected=what, got="no such file", remedy="name one that is there"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        got = " ".join((said or str(error)).split())
        raise DataError(str(path), expected=what, got=got, remedy="name another file") from error


def read_json(path: Path, *, most: int) -> Any:
    """The content of a JSON file.

    :param path: the file.
    :param most: bytes that it may have; no more are read.
    :returns: it, objects as :class:`Entries`, integers that are too long as :class:`LongInteger`.
    :raises DataError: where it is missing, larger, or no JSON.
    """
    text = read_text(path, what="JSON", most=most)
    try:
        return json.loads(text, object_pairs_hook=Entries, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        what = "lists inside lists, too deep" if isinstance(error, RecursionError) else str(error)
        got, remedy = f"an error in it ({' '.join(what.split())})", "correct the file there"
        raise DataError(str(path), expected="JSON", got=got, remedy=remedy) from error


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_INTEGER else LongInteger(text)


def shown(value: Any) -> str:
    """A value of JSON in a message.

    :param value: read by :func:`read_json`.
    :returns: as JSON writes it, where it is short.
    """
    if isinstance(value, LongInteger):
        return f"an integer of {value.digits:,} digits"
    if isinstance(value, (list, dict)):
        kind, of = ("a list", "value") if isinstance(value, list) else ("an object", "name")
        return f"{kind} of {counted(len(value), of)}"
    words = json.dumps(value)
    return words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]}..."


def correction(value: Any, otherwise: str) -> str:
    """What to do about a value that should be an integer.

    :param value: read by :func:`read_json`.
    :param otherwise: what to do where it is not one that is written wrongly.
    :returns: in words.
    """
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return "write it without quotes"
    if isinstance(value, bool):
        return f"write {int(value)}"
    if isinstance(value, float) and value.is_integer() and not isinstance(value, LongInteger):
        return f"write {value:.0f}" if abs(value) < 1e15 else "write an integer"
    return otherwise
