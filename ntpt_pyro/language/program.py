"""The text of a program: lines a person reads, those that do nothing marked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line of source text.

    :param text: what it says.
    :param dead: whether the result is the same without it.
    :param sites: the choices that it says, in the order of its words.
    """

    text: str
    dead: bool = False
    sites: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The line, with a comment where it is dead.

        >>> print(Line("R4 = NOOP", dead=True))
        R4 = NOOP               # dead
        """
        return f"{self.text + ' ':<24}# dead" if self.dead else self.text
