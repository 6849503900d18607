"""MATH's data: tapes of digits and operators in turn, as images or given, and what they evaluate to."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.models.apply2x2 import OPERATORS
from ntpt_pyro.models.math_loop import evaluate
from ntpt_pyro.tasks.data.grid_examples import drawn_rows
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.examples import Examples


@dataclass(frozen=True)
class Tapes:
    """Tapes of images whose symbols are known, on the CPU.

    :param images: ``[tapes, symbol, 28, 28]``, pixels in [0, 1].
    :param symbols: ``[tapes, symbol]``, digits in 0..9 and codes of operators in 0..3, in turn.
    """

    images: Float[Tensor, "tapes symbols 28 28"]
    symbols: Int[Tensor, "tapes symbols"]

    @property
    def examples(self) -> Examples:
        """The images and what they evaluate to, from left to right."""
        return Examples((self.images, results_of(self.symbols)))


def results_of(symbols: Int[Tensor, "tapes symbols"]) -> Int[Tensor, " tapes"]:
    """What known symbols evaluate to.

    :param symbols: digits and codes of operators in turn, on the CPU.
    :returns: ``[tapes]``, in 0..18.
    """
    return torch.from_numpy(evaluate(symbols.numpy()))


def draw_symbols(count: int, length: int, generator: torch.Generator) -> Int[Tensor, "count symbols"]:
    """Expressions of one length, every symbol as likely.

    :param count: the number of expressions.
    :param length: digits in each; it has ``2 * length - 1`` symbols.
    :param generator: source of the draw.
    :returns: ``[count, symbol]``, digits in 0..9 and codes of operators in 0..3, in turn.
    :raises DataError: where an expression would have no digit.
    """
    _check_length(length)
    symbols = torch.empty(count, 2 * length - 1, dtype=torch.int64, device="cpu")
    symbols[:, 0::2] = torch.randint(10, (count, length), generator=generator, device="cpu")
    symbols[:, 1::2] = torch.randint(len(OPERATORS), (count, length - 1), generator=generator, device="cpu")
    return symbols


def draw_tapes(
    digits: Images, operators: Images, count: int, length: int, generator: torch.Generator
) -> Tapes:
    """Expressions of one length, of images.

    :param digits: images to draw digits from.
    :param operators: images to draw operators from.
    :param count: the number of tapes.
    :param length: digits on a tape; it has ``2 * length - 1`` symbols.
    :param generator: source of the draw.
    :returns: the tapes.
    :raises DataError: where an expression would have no digit.
    """
    _check_length(length)
    rows = drawn_rows(len(digits.labels), count * length, generator).reshape(count, length)
    signs = drawn_rows(len(operators.labels), count * (length - 1), generator).reshape(count, length - 1)
    images = torch.empty(count, 2 * length - 1, *digits.images.shape[1:], device="cpu")
    images[:, 0::2], images[:, 1::2] = digits.images[rows], operators.images[signs]
    symbols: Int[Tensor, "count symbols"] = torch.empty(images.shape[:2], dtype=torch.int64, device="cpu")
    symbols[:, 0::2], symbols[:, 1::2] = digits.labels[rows], operators.labels[signs]
    return Tapes(images, symbols)


def expression_examples(
    digits: Images, operators: Images, count: int, length: int, generator: torch.Generator
) -> Examples:
    """Tapes of one length, and their results from left to right, nothing else.

    :param digits: see :func:`draw_tapes`.
    :param operators: see :func:`draw_tapes`.
    :param count: see :func:`draw_tapes`.
    :param length: see :func:`draw_tapes`.
    :param generator: see :func:`draw_tapes`.
    :returns: inputs: tapes ``[count, symbols, 28, 28]``; on torch's default device.
    :raises DataError: see :func:`draw_tapes`.
    """
    return draw_tapes(digits, operators, count, length, generator).examples


def _check_length(length: int) -> None:
    if length < 1:
        raise DataError("expression", expected="at least 1 digit", got=str(length), remedy="ask for more")
