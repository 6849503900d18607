"""A program of path_len on one grid of signs: the agent's way, and what it takes the signs for."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.path_len import INSTRUCTIONS, LOOK, SIGNS, STOP, compiled, draw_mazes, follow, source
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.path_examples import pictured
from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration, Picture
from ntpt_pyro.tasks.demonstrations.scene import Moment, Place, Read, Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 5
"""Signs a side of a grid, where nothing is said."""
WRITES = {"LOOK": ("heading",), "MOVE": ("row", "column"), "INC": ("reg",)}
"""What each instruction sets, as it is shown."""


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
        read = library[LOOK.name](images[None])[0]
        sure, reads = read.max(-1)
    values = compiled(side, side).trace(
        program, {"img_grid": {LOOK.name: reads.tolist()}, "start": int(start[0])}
    )
    at, length = values["at"], values["length"]
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
        scene=_scene(images, says, read, values, program),
    )


def _scene(
    images: Float[Tensor, "height width 28 28 3"],
    says: Int[Tensor, "height width"],
    read: Float[Tensor, "height width signs"],
    values: Mapping[str, Any],
    program: Program,
) -> Scene:
    """The grid, and what each instruction did there until the agent halts.

    :param images: of the signs.
    :param says: what they are.
    :param read: what they are taken for.
    :param values: what each variable of the text came to, step by step.
    :param program: every choice's integer by site.
    :returns: the scene; its first moment is the start.
    """
    word = SIGNS.__getitem__
    places = [
        Place(image=image, reads=best_reads(one, word), says=word(int(said)))
        for image, one, said in zip(images.flatten(0, 1), read.flatten(0, 1), says.flatten(), strict=True)
    ]
    width = says.shape[1]
    lines = [line.text.split("  ")[0] for line in source(program)]
    at, heading, block = values["at"], values["heading"], values["block"]
    moments = list[Moment]()
    for step in range(len(at)):
        if step and heading[step - 1] == STOP:
            break
        row, column = divmod(at[step], width)
        held = {"row": row, "column": column, "heading": word(heading[step]), "reg": values["reg"][step]}
        now = {name: str(value) for name, value in held.items()}
        line, reads, wrote = 0, tuple[Read, ...](), tuple(now)
        if step:
            line = 1 + block[step - 1]
            instruction = INSTRUCTIONS[program[f"instr_{block[step - 1]}"]]
            reads = tuple(places[at[step]].reads) if instruction == LOOK.name else ()
            wrote = WRITES[instruction]
        moments.append(Moment(lines[line].removeprefix("# "), at[step], reads, now, wrote, line))
    return Scene(places, width, moments)


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
