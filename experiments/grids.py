"""ADD2X2's data: 2x2 grids of digit images and the sum of two of them, nothing else."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.experiments.digits import Digits
from ntpt_pyro.models.add2x2 import CELLS, TASKS


@dataclass(frozen=True)
class Grids:
    """Grids of images with the results of one task.

    :param images: ``[grids, cell, 28, 28]``, pixels in [0, 1].
    :param sums: ``[grids]``, int64 in 0..18.
    """

    images: Float[Tensor, "grids 4 28 28"]
    sums: Int[Tensor, " grids"]

    def __len__(self) -> int:
        return len(self.sums)

    def split(self, first: int) -> tuple["Grids", "Grids"]:
        """The first grids, and the rest.

        :param first: how many the first part has.
        :returns: both parts.
        """
        head = Grids(self.images[:first], self.sums[:first])
        return head, Grids(self.images[first:], self.sums[first:])


def add2x2_grids(task: str, digits: Digits, count: int, generator: torch.Generator) -> Grids:
    """Draw grids from digit images, on torch's default device; an image is used again when all have been.

    :param task: a key of :data:`~ntpt_pyro.models.add2x2.TASKS`.
    :param digits: the images to draw from.
    :param count: the number of grids, each a different arrangement of images.
    :param generator: source of the draw.
    :returns: the grids.
    """
    available, wanted = len(digits.labels), CELLS * count
    rounds = [
        torch.randperm(available, generator=generator, device="cpu") for _ in range(-(-wanted // available))
    ]
    cells = torch.cat(rounds)[:wanted].reshape(count, CELLS)
    first, second = TASKS[task]
    labels = digits.labels[cells]
    device = torch.get_default_device()
    return Grids(digits.images[cells].to(device), (labels[:, first] + labels[:, second]).to(device))
