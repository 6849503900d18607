"""A part of a batch, whose random numbers are those that it has in the whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Rows of an axis that follow each other.

    :param start: the first of them.
    :param size: how many.
    :param whole: rows of the whole axis.

    >>> import torch
    >>> Part(start=2, size=2, whole=5).of(torch.arange(5))
    tensor([2, 3])
    """

    start: int
    size: int
    whole: int

    def of(self, tensor: Tensor, axis: int = 0) -> Tensor:
        """These rows of a whole.

        :param tensor: the whole.
        :param axis: that they are rows of.
        :returns: a view of them.
        """
        return tensor.narrow(axis, self.start, self.size)

    @property
    def rows(self) -> range:
        """Their numbers in the whole."""
        return range(self.start, self.start + self.size)


_DRAWN: ContextVar[tuple[Part, int] | None] = ContextVar("drawn", default=None)
"""The part that this thread draws random numbers for, and its axis."""


@contextmanager
def drawn_within(part: Part | None, axis: int) -> Iterator[None]:
    """Draw for a part of a batch what would be drawn for it with the whole.

    :param part: the part; None draws for all that there is.
    :param axis: of the batch, counted from the right end of the shapes that are drawn, below 0.
    """
    token = _DRAWN.set(None if part is None else (part, axis))
    try:
        yield
    finally:
        _DRAWN.reset(token)


def drawn(shape: Shape, draw: Callable[[Shape], Float[Tensor, "..."]]) -> Float[Tensor, "..."]:
    """Random numbers of a shape; within :func:`drawn_within` the whole is drawn, and its part taken.

    :param shape: that is wanted.
    :param draw: draws a shape.
    :returns: what it drew, of the shape that is wanted.

    >>> import torch
    >>> source = torch.Generator()
    >>> whole = torch.randn(4, 2, generator=source.manual_seed(0))
    >>> with drawn_within(Part(1, 2, 4), -2):
    ...     part = drawn((2, 2), lambda shape: torch.randn(shape, generator=source.manual_seed(0)))
    >>> part.equal(whole[1:3])
    True
    """
    within = _DRAWN.get()
    if within is None:
        return draw(shape)
    part, axis = within
    if len(shape) < -axis or shape[axis] != part.size:
        return draw(shape)
    whole = [*shape]
    whole[axis] = part.whole
    return part.of(draw(tuple(whole)), axis)
