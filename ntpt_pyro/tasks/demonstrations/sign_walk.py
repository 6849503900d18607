"""Follow one path with a learned program of path_len, step by step: `ntpt evaluate`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import Library
from ntpt_pyro.errors import DataError
from ntpt_pyro.models.path_len import LOOK, draw_mazes, execute, follow
from ntpt_pyro.tasks.data.path_examples import pictured
from ntpt_pyro.tasks.tasks import task_named


@dataclass(frozen=True)
class Walk:
    """A program's run on a grid of signs.

    :param images: of the signs.
    :param says: what they say.
    :param reads: what the program's network takes them for.
    :param sure: the probability of that, in [0, 1].
    :param path: the right path's cells, row by row from 0.
    :param cells: the agent's, in order.
    :param length: what the program comes to.
    """

    images: Float[Tensor, "height width 28 28 3"]
    says: Int[Tensor, "height width"]
    reads: Int[Tensor, "height width"]
    sure: Float[Tensor, "height width"]
    path: list[int]
    cells: list[int]
    length: int

    def of_cell(self, cell: int) -> tuple[int, int]:
        """The row and the column of a cell.

        :param cell: row by row from 0.
        :returns: both.
        """
        return divmod(cell, self.says.shape[1])


def walk(program: dict[str, int], library: Library, *, side: int, seed: int, data: Path | None) -> Walk:
    """Run a program on a grid drawn from test images.

    :param program: every choice's integer by site.
    :param library: with LOOK.
    :param side: width and height of the grid.
    :param seed: of the draw.
    :param data: folder of data; None for drawn signs.
    :returns: the run.
    :raises DataError: where the grid would have no neighbouring cells, or the data are missing or damaged.
    """
    if not 2 <= side <= 20:
        raise DataError(
            "side", expected="a grid of 2 to 20 signs a side", got=str(side), remedy="give another"
        )
    generator = torch.Generator().manual_seed(seed)
    mazes, start, _ = draw_mazes(1, side, side, generator)
    images = pictured(mazes, task_named("path_len").load("test", data)[LOOK.name], generator)
    with torch.no_grad():
        sure, reads = library[LOOK.name](images).max(-1)
    at, length = execute(program, reads[0], int(start[0]))
    cells = [cell for place, cell in enumerate(at) if place == 0 or cell != at[place - 1]]
    return Walk(images[0], mazes[0], reads[0], sure[0], follow(mazes[0], int(start[0])), cells, length)
