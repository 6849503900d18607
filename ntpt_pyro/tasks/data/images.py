"""Labelled images of symbols and signs, whatever their source."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Labelled images, on the CPU.

    :param images: ``[n, 28, 28]``, float32 in [0, 1], white strokes on black; of signs ``[n, 28, 28, 3]``, in
        colour.
    :param labels: ``[n]``, int64 from 0.
    :param source: where they come from, in words; no path.
    :param what: they are of, in words.
    :param names: what each label stands for, where that is not the number itself.
    """

    images: Float[Tensor, "n 28 28 ..."]
    labels: Int[Tensor, " n"]
    source: str
    what: str = "symbols"
    names: tuple[str, ...] = ()
