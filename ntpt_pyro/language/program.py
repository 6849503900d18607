"""A program: its choices, and its text in lines that a person reads, those that do nothing marked."""

from collections.abc import Mapping
from dataclasses import dataclass

from ntpt_pyro.errors import TaskError

Program = Mapping[str, int]
"""A program: one integer for each choice, by site."""


@dataclass(frozen=True)
class Line:
    """One line of source text.

    :param text: what it says.
    :param dead: whether the result is the same without it.
    :param sites: the choices that it says, in the order of its words.
    :raises TaskError: where ``dead`` is neither true nor false.

    >>> Line("R2 = ADD(R0, R1)", sites=("instr_2", "left_2", "right_2")).text
    'R2 = ADD(R0, R1)'
    """

    text: str
    dead: bool = False
    sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise where the sites were given in the place of ``dead``."""
        if not isinstance(self.dead, bool):
            raise TaskError(
                f"Line({self.text!r:.60})",
                expected="dead=True or dead=False",
                got=f"{self.dead!r:.60}",
                remedy="give the choices that a line says by name, as in Line(text, sites=(site,))",
            )

    def __str__(self) -> str:
        """The line, with a comment where it is dead.

        >>> print(Line("R4 = NOOP", dead=True))
        R4 = NOOP               # dead
        """
        return f"{self.text + ' ':<24}# dead" if self.dead else self.text
