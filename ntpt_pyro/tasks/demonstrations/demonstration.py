"""What one run of a program on one input is shown by: a table of steps, the result, perhaps a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.bounds import MOST_COUNTED, check_count, check_number
from ntpt_pyro.errors import UsageError

if TYPE_CHECKING:  # heavy; the command line reads what can be asked for before it knows of torch
    from matplotlib.figure import Figure

    from ntpt_pyro.tasks.demonstrations.scene import Scene

MOST_LENGTH = 1000
"""Of an input that is drawn."""
MOST_SEED = 2**63 - 1
"""That torch's generators take."""


@dataclass(frozen=True)
class Asked:
    """Which input a program is run on. What is None was not asked for.

    :param seed: of the draw of an input.
    :param expression: an input as text.
    :param strip: a picture of an input.
    :param length: how long a drawn input is.
    :param save: a file to keep the drawn input in.
    :param steps: instructions executed at most.
    :param instance: the number of an input, from 0, where there are certain ones.
    :param batch: that it is of.
    :raises UsageError: where a number is none that there can be.
    """

    seed: int = 0
    expression: str | None = None
    strip: Path | None = None
    length: int | None = None
    save: Path | None = None
    steps: int | None = None
    instance: int | None = None
    batch: str | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_count("seed", self.seed, at_least=0, at_most=MOST_SEED)
        if self.length is not None:  # the least is for the task to say
            check_number("--length", self.length, at_most=MOST_LENGTH)
        for name, least in (("steps", 1), ("instance", 0)):
            if getattr(self, name) is not None:
                check_count(f"--{name}", getattr(self, name), at_least=least, at_most=MOST_COUNTED)

    def allow(self, task: str, *known: str) -> None:
        """Refuse what a task does not have.

        :param task: its name.
        :param known: what it has, by names of the fields.
        :raises UsageError: where something else is asked for.
        """
        options = " or ".join(f"--{name}" for name in known if name != "expression")
        for one in fields(self):
            if one.name not in ("seed", *known) and getattr(self, one.name) is not None:
                text = one.name == "expression"
                lacks = "inputs written as text" if text else "such thing"
                raise UsageError(
                    one.name if text else f"--{one.name}",
                    expected=f"none, since {task} has no {lacks}",
                    got=repr(str(getattr(self, one.name))),
                    remedy=f"leave it out, and choose an input by {options}",
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
    :param scene: to play the run step by step, where there is one.
    :param no_steps: stands in the place of the table where it has no row.
    """

    columns: Sequence[str]
    steps: Sequence[Sequence[str]]
    result: str
    truth: str | None = None
    what: str = "result"
    before: Sequence[str] = ()
    remark: str = ""
    picture: Picture | None = None
    scene: "Scene | None" = None
    no_steps: str = "no steps"

    @property
    def right(self) -> bool | None:
        """Whether the result is right; None where that is not known."""
        return None if self.truth is None else self.truth == self.result

    @property
    def verdict(self) -> str:
        """The result in words, with whether it is right."""
        judged = (
            "" if self.truth is None else ", right" if self.truth == self.result else f", not {self.truth}"
        )
        return f"{self.result}{judged}"
