"""What one run of a program on one input is shown by: a table of steps, the result, perhaps a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.errors import UsageError

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Asked:
    """Which input a program is run on. What is None was not asked for.

    :param seed: of the draw of an input.
    :param expression: an input as text.
    :param strip: a picture of an input.
    :param length: how long a drawn input is.
    :param save: a file to keep the drawn input in.
    :param steps: instructions executed at most.
    """

    seed: int = 0
    expression: str | None = None
    strip: Path | None = None
    length: int | None = None
    save: Path | None = None
    steps: int | None = None

    def allow(self, task: str, *known: str) -> None:
        """Refuse what a task does not have.

        :param task: its name.
        :param known: what it has, by names of the fields.
        :raises UsageError: where something else is asked for.
        """
        for one in fields(self):
            if one.name not in ("seed", *known) and getattr(self, one.name) is not None:
                options = " ".join(f"--{name}" for name in known if name != "expression")
                raise UsageError(
                    one.name if one.name == "expression" else f"--{one.name}",
                    expected=f"what a run of {task} can be asked for ({options})",
                    got=str(getattr(self, one.name)),
                    remedy="leave it out",
                )


@dataclass(frozen=True)
class Picture:
    """A figure of a run, drawn when it is wanted.

    :param width: in inches.
    :param heights: of its panels from top to bottom, in inches.
    :param draw: draws into an empty figure that has these panels.
    """

    width: float
    heights: tuple[float, ...]
    draw: Callable[["Figure"], None]


@dataclass(frozen=True)
class Demonstration:
    """One run of a program on one input.

    :param columns: of the table of steps.
    :param steps: its rows, in words.
    :param result: of the program, in words.
    :param truth: the right result, where it is known.
    :param what: the result's name.
    :param before: lines that stand before the table.
    :param remark: stands after the result.
    :param picture: where there is one.
    """

    columns: Sequence[str]
    steps: Sequence[Sequence[str]]
    result: str
    truth: str | None = None
    what: str = "result"
    before: Sequence[str] = ()
    remark: str = ""
    picture: Picture | None = None

    @property
    def verdict(self) -> str:
        """The result in words, with whether it is right."""
        judged = (
            "" if self.truth is None else ", right" if self.truth == self.result else f", not {self.truth}"
        )
        return f"{self.result}{judged}"
