"""The 2x2 tasks' data: grids of images, and the result of one side of them, nothing else."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.models.apply2x2 import INTEGERS, target
from ntpt_pyro.models.grid import CELLS, SIDES
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.examples import Examples


def add2x2_examples(side: str, digits: Images, count: int, generator: torch.Generator) -> Examples:
    """Grids of digits and the sum of two of them.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param digits: the images to draw from.
    :param count: the number of grids.
    :param generator: source of the draw.
    :returns: inputs: grids ``[count, 4, 28, 28]``.
    """
    cells = drawn_rows(len(digits.labels), CELLS * count, generator).reshape(count, CELLS)
    first, second = SIDES[side]
    labels = digits.labels[cells]
    return Examples((digits.images[cells], labels[:, first] + labels[:, second]))


def apply2x2_examples(side: str, operators: Images, count: int, generator: torch.Generator) -> Examples:
    """Grids of operators, three digits, and the result of ``d1 op1 d2 op2 d3``.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param operators: the images to draw from.
    :param count: the number of grids.
    :param generator: source of the draw.
    :returns: inputs: grids ``[count, 4, 28, 28]`` and integers ``[count, 3]`` in 0..9.
    """
    cells = drawn_rows(len(operators.labels), CELLS * count, generator).reshape(count, CELLS)
    integers = torch.randint(10, (count, INTEGERS), generator=generator, device="cpu")
    a, b, c, d = operators.labels[cells].numpy().T
    first, second, third = integers.numpy().T
    results = target((a, b, c, d), (first, second, third), side)
    return Examples((operators.images[cells], integers, torch.from_numpy(np.asarray(results))))


def drawn_rows(available: int, wanted: int, generator: torch.Generator) -> Int[Tensor, " wanted"]:
    """Images drawn at random; one is drawn again only when all have been.

    :param available: images there are.
    :param wanted: images to draw.
    :param generator: source of the draw.
    :returns: their indices.
    """
    rounds = -(-wanted // available)
    drawn = [torch.randperm(available, generator=generator, device="cpu") for _ in range(rounds)]
    return torch.cat([torch.empty(0, dtype=torch.int64, device="cpu"), *drawn])[:wanted]
