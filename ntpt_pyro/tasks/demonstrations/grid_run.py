"""A program of a 2x2 task on one grid, line by line, on what its network takes the images for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.apply2x2 import OPERATORS
from ntpt_pyro.models.grid import CELLS, COMPUTE, MOVE_NORTH, NOOP, TOP_LEFT, move
from ntpt_pyro.models.nets import net_1
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration, Picture
from ntpt_pyro.tasks.demonstrations.scene import Moment, Place, Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ntpt_pyro.tasks.image_task import ImageTask

PLACES = ("top left", "top right", "bottom left", "bottom right")
"""The cells of a grid of two by two, row by row."""


@dataclass(frozen=True)
class GridStep:
    """What a line did.

    :param text: of the line.
    :param line: its number in the program's text.
    :param cell: where the head was after it, row by row from 0; None where there is no head yet.
    :param reads: whether it read the image there.
    :param value: of its register after it.
    """

    text: str
    line: int
    cell: int | None
    reads: bool
    value: int


def demonstrate_grid(
    task: "ImageTask",
    program: Program,
    library: Library | None,
    asked: Asked,
    *,
    given: int,
    run: Callable[..., Any],
) -> Demonstration:
    """Run a program on a grid drawn from test images.

    :param task: ADD2X2 or APPLY2X2.
    :param program: every choice's integer by site.
    :param library: its networks.
    :param asked: which grid.
    :param given: integers that stand in the first registers.
    :param run: the model's concrete interpreter.
    :returns: the run.
    :raises UsageError: where more than a seed is asked for.
    """
    asked.allow(task.name, "seed")
    assert library is not None
    example = task.draw_test(1, torch.Generator().manual_seed(asked.seed))
    assert example is not None
    network = list(library)[program.get("net_choice", 0)]
    with torch.no_grad():
        readings = network(example.inputs[0][0])
        sure, symbols = (found.tolist() for found in readings.max(-1))
    assert len(symbols) == CELLS
    integers = [example.inputs[1][0].tolist()] if given else []
    word = partial(_word, of_operators=network.declaration.name == net_1.name)
    taken_for = [f"{word(s)} ({p:.2f})" for s, p in zip(symbols, sure, strict=True)]

    def register(number: int) -> int:
        return int(run({**program, "return": number}, symbols, *integers))

    texts = [(n, line.text) for n, line in enumerate(task.lines(program)) if line.text.startswith("R")]
    steps = _steps(program, texts, given, register)
    result, truth = str(register(program["return"])), str(int(example.results[0]))
    return Demonstration(
        columns=("line", "head", "reads", "value"),
        steps=[
            (
                one.text,
                "" if one.cell is None else PLACES[one.cell],
                taken_for[one.cell] if one.reads and one.cell is not None else "",
                str(one.value),
            )
            for one in steps
        ],
        result=result,
        truth=truth,
        picture=Picture(
            4.4,
            (4.6, 0.5 + 0.28 * len(steps)),
            partial(
                _draw,
                images=example.inputs[0][0],
                taken_for=taken_for,
                steps=steps,
                result=result,
                truth=truth,
            ),
        ),
        scene=_scene(
            [
                Place(image=image, reads=best_reads(reading, word), says=said, name=name)
                for image, reading, said, name in zip(
                    example.inputs[0][0], readings, _said(task, example.inputs[0][0]), PLACES, strict=True
                )
            ],
            steps,
        ),
    )


def _word(symbol: int, *, of_operators: bool) -> str:
    return OPERATORS[symbol % len(OPERATORS)] if of_operators else str(symbol)


def _said(task: "ImageTask", cells: Float[Tensor, "cells 28 28"]) -> list[str | None]:
    """What images of a grid really are: what the test images are labelled by that they were drawn from."""
    (function,) = task.functions
    images = task.images["test"][function.name]
    word = partial(_word, of_operators=function.name == net_1.name)
    labels = (_label(images, cell.cpu()) for cell in cells)
    return [None if label is None else word(label) for label in labels]


def _label(images: Images, cell: Float[Tensor, "28 28"]) -> int | None:
    """The label of an image; None where none is the same, or some are that have different labels."""
    middle = len(cell) // 2  # most differ there: all pixels of all images would be many
    (rows,) = (images.images[:, middle, middle] == cell[middle, middle]).nonzero(as_tuple=True)
    rows = rows[(images.images[rows, middle] == cell[middle]).all(-1)]
    same = (images.images[rows] == cell).flatten(1).all(-1)
    labels = set(images.labels[rows[same]].tolist())
    return labels.pop() if len(labels) == 1 else None


def _scene(places: Sequence[Place], steps: Sequence[GridStep]) -> Scene:
    """The grid, and what each line did there; registers are named as the program's text names them."""
    moments, values = [], dict[str, str]()
    for step in steps:
        register = f"R{len(values)}"
        values = {**values, register: str(step.value)}
        reads = places[step.cell].reads if step.reads and step.cell is not None else ()
        moments.append(Moment(step.text, step.cell, reads, values, (register,), step.line))
    return Scene(places, 2, moments)


def _steps(
    program: Program, texts: Sequence[tuple[int, str]], given: int, register: Callable[[int], int]
) -> list[GridStep]:
    """What each line did, the given registers first."""
    steps, head = [], TOP_LEFT
    for number, (line, text) in enumerate(texts):
        k = number - given  # of the program's line; 0 is READ
        if k < 0:
            steps.append(GridStep(text, line, None, False, register(number)))
            continue
        moves = k > 0 and program[f"instr_{k}"] not in (NOOP, COMPUTE)
        if moves:
            head = move.function(program[f"instr_{k}"] - MOVE_NORTH, head)
        steps.append(GridStep(text, line, head, moves or not k, register(number)))
    return steps


def _draw(
    figure: "Figure",
    *,
    images: Float[Tensor, "cells 28 28"],
    taken_for: Sequence[str],
    steps: Sequence[GridStep],
    result: str,
    truth: str,
) -> None:
    """The images, what each is read as, the head's way, and below what each line did."""
    grid, below = figure.axes
    for cell, image in enumerate(images):
        row, column = divmod(cell, 2)
        grid.imshow(image.numpy(), cmap="gray", extent=(column, column + 1, row + 1, row))
        grid.text(column + 0.04, row + 0.96, taken_for[cell], color="white", backgroundcolor="0.25")
    way = [step.cell for step in steps if step.cell is not None]
    centres = [(cell % 2 + 0.5, cell // 2 + 0.5) for cell in way]
    for start, end in pairwise(centres):
        if start != end:
            arrow = {"arrowstyle": "->", "color": "red", "linewidth": 3, "alpha": 0.8}
            grid.annotate("", xy=end, xytext=start, arrowprops=arrow)
    grid.plot(*centres[0], "o", color="red", markersize=10)
    grid.set(xlim=(0, 2), ylim=(2, 0), xticks=[], yticks=[])
    for row, step in enumerate(steps):
        below.text(0.0, row, step.text, va="center", fontsize=9, family="monospace")
        below.text(1.0, row, f"= {step.value}", va="center", fontsize=9, family="monospace")
    below.set(xlim=(0, 1.2), ylim=(len(steps) - 0.5, -0.5))
    below.axis("off")
    verdict = "right" if result == truth else f"not {truth}"
    grid.set_title(f"result {result}, {verdict}", loc="left", fontsize=10)
