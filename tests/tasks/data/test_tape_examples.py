"""MATH's data: digits and operators in turn, and what they evaluate to."""

import pytest
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.tape_examples import expression_examples


def numbered(classes):
    """Images that tell their label by their first pixel."""
    images = torch.zeros(50, 28, 28)
    images[:, 0, 0] = torch.arange(50) % classes
    return Images(images, torch.arange(50) % classes, "numbers")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_tapes_show_digits_and_operators_in_turn_and_results_are_theirs(length):
    source = torch.Generator().manual_seed(0)
    examples = expression_examples(numbered(10), numbered(4), 30, length, source)
    tapes = examples.inputs[0][..., 0, 0].long()
    assert tapes.shape == (30, 2 * length - 1)
    assert tapes[:, 1::2].numel() == 0 or tapes[:, 1::2].max() == 3
    for tape, result in zip(tapes.tolist(), examples.results.tolist(), strict=True):
        value = tape[0]
        for sign, digit in zip(tape[1::2], tape[2::2], strict=True):
            quotient = value // digit if digit else 18
            value = (value + digit, value - digit, value * digit, quotient)[sign] % 19
        assert value == result


def test_an_expression_has_a_digit():
    with pytest.raises(DataError, match="expected at least 1 digit, got 0"):
        expression_examples(numbered(10), numbered(4), 3, 0, torch.Generator())
