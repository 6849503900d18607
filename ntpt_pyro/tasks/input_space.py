"""All inputs of a program text, or some of them."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from ntpt_pyro.terpret.symbols import Declared

MOST_INPUTS = 64


def inputs_of(inputs: Sequence[Declared], outputs: Sequence[Declared]) -> tuple[list[Tensor], str] | None:
    """Inputs by which programs are told apart: all, where they are few, or some drawn at random.

    :param inputs: declared by a text.
    :param outputs: declared by it.
    :returns: tensors as examples have them, every result 0, and in words which inputs these are; None where
        an input is a tensor, or there is none.
    """
    ranges = [(one, one.size) for one in inputs if isinstance(one.size, int)]
    if len(ranges) < len(inputs) or not inputs:
        return None
    digits = [size for one, size in ranges for _ in range(prod(one.dims))]
    every = prod(digits)
    if every <= MOST_INPUTS:
        rows = _digits(torch.arange(every), digits)
        words = f"all {every} inputs" if every > 1 else "the only input"
    else:
        source = torch.Generator().manual_seed(0)
        drawn = [torch.randint(size, (MOST_INPUTS,), generator=source, device="cpu") for size in digits]
        rows, words = torch.stack(drawn, -1), f"{MOST_INPUTS} of {every:,} inputs, drawn at random"
    split = rows.split([prod(one.dims) for one in inputs], -1)
    found = [part.reshape(len(rows), *one.dims) for part, one in zip(split, inputs, strict=True)]
    results = [torch.zeros(len(rows), *one.dims, dtype=torch.int64) for one in outputs]
    return [*found, *results], words


def _digits(numbers: Tensor, sizes: Sequence[int]) -> Tensor:
    """Numbers as digits, each of its own base."""
    found = []
    for size in reversed(sizes):
        found.append(numbers % size)
        numbers = numbers // size
    return torch.stack(found[::-1], -1) if found else numbers.new_zeros(len(numbers), 0)
