"""Names of a program text, and what they stand for: at its top, and in each call of an inline function.

A name that is bound in a case of a branch on a variable is local to that case: other cases do not see it, and
after the branch it stands for something only where every case has bound it alike. Else a compiled text, which
takes all cases, and one that is run on integers, which takes one, would mean different things.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MISSING = object()
"""What an unknown name stands for."""

Bindings = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Open:
    """What a name stands for that cases of a branch bind differently.

    :param line: of the branch.
    """

    line: int


class Scopes:
    """The names of a text while it is walked."""

    def __init__(self) -> None:
        self.top: Bindings = {}
        """Names at the top of the text."""
        self._here = self.top
        self._before: Bindings | None = None
        """Of an open case: what the names that it has bound stood for before it."""

    @property
    def at_top(self) -> bool:
        """Whether no call of an inline function is open."""
        return self._here is self.top

    @property
    def known(self) -> list[str]:
        """All names that stand for something, where the text is now."""
        return [*self._here, *self.top]

    def get(self, name: str) -> Any:
        """What a name stands for.

        :param name: in the text.
        :returns: it; :data:`MISSING` where it is unknown.
        """
        if name in self._here:
            return self._here[name]
        return self.top.get(name, MISSING)

    def shared(self, name: str) -> bool:
        """Whether a name is one at the top of the text, and not a name of the open call's own.

        :param name: in the text.
        :returns: whether it is so.
        """
        return name in self.top and (self.at_top or name not in self._here)

    def bind(self, name: str, value: Any) -> None:
        """Let a name stand for something, where the text is now.

        :param name: in the text.
        :param value: what it stands for.
        """
        if self._before is not None:
            self._before.setdefault(name, self._here.get(name, MISSING))
        self._here[name] = value

    @contextmanager
    def call(self, names: Bindings) -> Iterator[None]:
        """A call of an inline function: names of its own, besides those at the top.

        :param names: its arguments.
        :yields: while the call is open.
        """
        outer = self._here, self._before
        self._here, self._before = names, None
        try:
            yield
        finally:
            self._here, self._before = outer

    @contextmanager
    def case(self) -> Iterator[Bindings]:
        """A case of a branch on a variable: what it binds is taken back when it ends.

        :yields: a mapping that holds what the case has bound, when it has ended.
        """
        found: Bindings = {}
        mine: Bindings = {}
        outer, self._before = self._before, mine
        try:
            yield found
        finally:
            for name, before in mine.items():
                found[name] = self._here.pop(name)
                if before is not MISSING:
                    self._here[name] = before
            self._before = outer

    def join(self, cases: Sequence[Bindings], line: int) -> None:
        """Go on after a branch: what all its cases have bound alike is bound.

        :param cases: what each case has bound.
        :param line: of the branch.
        """
        for name in dict.fromkeys(name for case in cases for name in case):
            meanings = [case[name] if name in case else self.get(name) for case in cases]
            alike = all(one == meanings[0] for one in meanings)
            self.bind(name, meanings[0] if alike else Open(line))
