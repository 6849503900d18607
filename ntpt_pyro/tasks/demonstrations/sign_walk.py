"""A program of path_len on one grid of signs: the agent's way, and what it takes the signs for."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.path_len import LOOK, SIGNS, draw_mazes, execute, follow
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.path_examples import pictured
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 5
"""Signs a side of a grid, where nothing is said."""


def demonstrate_walk(signs: Images, program: Program, library: Library, asked: Asked) -> Demonstration:
    """Run a program on a grid drawn from test images.

    :param signs: the images to draw from.
    :param program: every choice's integer by site.
    :param library: with LOOK.
    :param asked: which grid; ``length`` is its side.
    :returns: the run.
    :raises DataError: where the grid would have no neighbouring cells, or too many.
    """
    side = SIDE if asked.length is None else asked.length
    if not 2 <= side <= 20:
        raise DataError(
            "--length", expected="a grid of 2 to 20 signs a side", got=str(side), remedy="give another"
        )
    generator = torch.Generator().manual_seed(asked.seed)
    mazes, start, _ = draw_mazes(1, side, side, generator)
    images, says = pictured(mazes, signs, generator)[0], mazes[0]
    with torch.no_grad():
        sure, reads = (found[0] for found in library[LOOK.name](images[None]).max(-1))
    at, length = execute(program, reads, int(start[0]))
    cells = [cell for place, cell in enumerate(at) if place == 0 or cell != at[place - 1]]
    steps = []
    for number, cell in enumerate(cells):
        row, column = place = divmod(cell, side)
        seen = f"{SIGNS[int(reads[place])]} ({float(sure[place]):.2f})"
        steps.append((str(number), str(row), str(column), seen, SIGNS[int(says[place])]))
    truth = len(follow(says, int(start[0]))) - 1
    return Demonstration(
        columns=("step", "row", "column", "reads", "says"),
        steps=steps,
        result=str(length),
        truth=str(truth),
        what="length",
        picture=Picture(
            1.1 * side,
            (1.1 * side + 0.4,),
            partial(
                _draw,
                images=images,
                says=says,
                reads=reads,
                cells=cells,
                title=f"path of {truth}, measured {length}",
            ),
        ),
    )


def _draw(
    figure: "Figure",
    *,
    images: Float[Tensor, "height width 28 28 3"],
    says: Int[Tensor, "height width"],
    reads: Int[Tensor, "height width"],
    cells: Sequence[int],
    title: str,
) -> None:
    """The signs, what each is read as, and the agent's path over them."""
    (axes,) = figure.axes
    height, width = says.shape
    for cell in range(height * width):
        row, column = divmod(cell, width)
        axes.imshow(images[row, column].numpy(), extent=(column, column + 1, row + 1, row))
        wrong = reads[row, column] != says[row, column]
        axes.text(
            column + 0.04,
            row + 0.96,
            SIGNS[int(reads[row, column])],
            fontsize=7,
            color="white",
            backgroundcolor="firebrick" if wrong else "0.25",
        )
    rows, columns = zip(*(divmod(cell, width) for cell in cells), strict=True)
    axes.plot([c + 0.5 for c in columns], [r + 0.5 for r in rows], color="red", linewidth=3, alpha=0.8)
    axes.plot(columns[0] + 0.5, rows[0] + 0.5, "o", color="red", markersize=10)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_title(title, loc="left", fontsize=10)
