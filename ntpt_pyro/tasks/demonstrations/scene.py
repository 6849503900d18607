"""What a run of a program plays on: places that it may read, and what each step did there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

MOST_MOMENTS = 400
"""That are worth playing; a longer run has no scene."""

Read = tuple[str, float]
"""A word that something is taken for, and how probable it is, in [0, 1]."""


@dataclass(frozen=True)
class Place:
    """Something that a program may read: a cell of a grid, a symbol of a tape, an input.

    :param image: what is seen there, ``[height, width]`` or ``[height, width, 3]``, in [0, 1]; None where it
        is no picture.
    :param word: what stands there, where it is known without reading.
    :param reads: what it is taken for, the most probable first; none where nothing reads it.
    :param says: what it really is, where that is known.
    :param name: what the program calls it, where it has a name.
    :param begins: whether a row begins with it, though the one before it may not be full.
    """

    image: Tensor | None = None
    word: str = ""
    reads: Sequence[Read] = ()
    says: str | None = None
    name: str = ""
    begins: bool = False


@dataclass(frozen=True)
class Moment:
    """What one step did.

    :param text: of the line or instruction that was executed.
    :param at: the number of the place where the head is after it; None where there is no head.
    :param reads: what was read in this step, the most probable first.
    :param values: registers and variables after the step, by name in words.
    :param wrote: names of those that the step wrote; where it writes all of them, of those that changed.
    :param line: the number of the line of the program's text that was executed, from 0; None where it is not
        known.
    :param lines: the numbers of all lines that it used, where a step may use several (of a text).
    :param stands: what stands in each place after it, where steps write there; none where they do not.
    """

    text: str
    at: int | None = None
    reads: Sequence[Read] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    wrote: Sequence[str] = ()
    line: int | None = None
    lines: Sequence[int] = ()
    stands: Sequence[str] = ()


@dataclass(frozen=True)
class Scene:
    """A run of a program, to be played step by step.

    :param places: row by row.
    :param columns: places in a row.
    :param moments: in order.
    """

    places: Sequence[Place]
    columns: int
    moments: Sequence[Moment]
