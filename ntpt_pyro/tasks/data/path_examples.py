"""path_len's data: grids of street signs with a path on them, and its length, nothing else."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.models.path_len import draw_mazes
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.examples import Examples


def path_examples(
    signs: Images, count: int, generator: torch.Generator, *, height: int, width: int
) -> Examples:
    """Grids of images of signs, and the lengths of their paths.

    :param signs: the images to draw from.
    :param count: the number of grids.
    :param generator: source of the draw.
    :param height: of each grid.
    :param width: of each grid.
    :returns: inputs: grids ``[count, height, width, 28, 28, 3]`` and cells of the start ``[count]``.
    """
    mazes, start, lengths = draw_mazes(count, height, width, generator)
    return Examples((pictured(mazes, signs, generator), start, lengths))


def pictured(
    mazes: Int[Tensor, "mazes height width"], signs: Images, generator: torch.Generator
) -> Float[Tensor, "mazes height width 28 28 3"]:
    """An image for every sign of a grid.

    :param mazes: what the signs say.
    :param signs: the images to draw from.
    :param generator: source of the draw.
    :returns: the images.
    """
    rows = torch.empty_like(mazes)
    for label in mazes.unique().tolist():
        wanted = mazes == label
        (there,) = (signs.labels == label).nonzero(as_tuple=True)
        drawn = torch.randint(len(there), (int(wanted.sum()),), generator=generator, device="cpu")
        rows[wanted] = there[drawn]
    return signs.images[rows]
