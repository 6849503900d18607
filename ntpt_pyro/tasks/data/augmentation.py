"""Augmentation: each image turned, scaled and shifted a little, another way each time it is shown."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

TURN = 0.2
"""Radians at most."""
SCALE = 0.1
SHIFT = 2.0
"""Pixels at most."""


def augmented(
    grids: Float[Tensor, "grids cells 28 28"], generator: torch.Generator
) -> Float[Tensor, "grids cells 28 28"]:
    """Grids with every image of theirs changed by a random affine map, uniform in its bounds.

    :param grids: ``[grids, cell, 28, 28]``, pixels in [0, 1].
    :param generator: source of the maps.
    :returns: the same shape; zero where a map reaches beyond an image.
    """
    images = grids.flatten(0, 1).unsqueeze(1)
    drawn = (2 * torch.rand((len(images), 4), generator=generator, device="cpu") - 1).to(grids.device)
    turn, scale = TURN * drawn[:, 0], 1 + SCALE * drawn[:, 1]
    shift = drawn[:, 2:] * SHIFT * 2 / grids.shape[-1]
    rows = [
        torch.stack([scale * turn.cos(), -scale * turn.sin(), shift[:, 0]], -1),
        torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], -1),
    ]
    places = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return grid_sample(images, places, align_corners=False).reshape(grids.shape)
