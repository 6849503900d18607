"""MATH's data: tapes of digits and operators in turn, and what they evaluate to, nothing else."""

import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.experiments.grids import Examples, drawn_rows, on_device
from ntpt_pyro.experiments.images import Images
from ntpt_pyro.models.math_loop import evaluate


def expression_examples(
    digits: Images, operators: Images, count: int, length: int, generator: torch.Generator
) -> Examples:
    """Tapes of one length, and their results from left to right.

    :param digits: images to draw digits from.
    :param operators: images to draw operators from.
    :param count: the number of tapes.
    :param length: digits on a tape; it has ``2 * length - 1`` symbols.
    :param generator: source of the draw.
    :returns: inputs: tapes ``[count, symbols, 28, 28]``; on torch's default device.
    :raises DataError: where an expression would have no digit.
    """
    if length < 1:
        raise DataError("expression", expected="at least 1 digit", got=str(length), remedy="ask for more")
    rows = drawn_rows(len(digits.labels), count * length, generator).reshape(count, length)
    signs = drawn_rows(len(operators.labels), count * (length - 1), generator).reshape(count, length - 1)
    images = torch.empty(count, 2 * length - 1, *digits.images.shape[1:])
    images[:, 0::2], images[:, 1::2] = digits.images[rows], operators.images[signs]
    symbols: Int[Tensor, "count symbols"] = torch.empty(images.shape[:2], dtype=torch.int64)
    symbols[:, 0::2], symbols[:, 1::2] = digits.labels[rows], operators.labels[signs]
    return on_device(images, results=torch.from_numpy(evaluate(symbols.numpy())))
