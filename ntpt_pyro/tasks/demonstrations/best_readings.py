"""What something is taken for: the most probable words, from what a network says of it."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.tasks.demonstrations.scene import Read

SHOWN = 3
"""Words that are shown of a reading."""


def best_reads(
    probabilities: Float[Tensor, " n"], word: Callable[[int], str] = str, *, most: int = SHOWN
) -> tuple[Read, ...]:
    """The most probable words of a reading.

    :param probabilities: of each integer, in [0, 1].
    :param word: for an integer.
    :param most: how many at most.
    :returns: words with their probabilities, the most probable first; of equal ones the smaller integer.

    >>> import torch
    >>> best_reads(torch.tensor([0.25, 0.5, 0.25]), most=2)
    (('1', 0.5), ('0', 0.25))
    """
    sure, integers = probabilities.detach().sort(descending=True, stable=True)
    pairs = zip(integers[:most].tolist(), sure[:most].tolist(), strict=True)
    return tuple((word(integer), probability) for integer, probability in pairs)
