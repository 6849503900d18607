"""path_len: an agent follows street signs and counts its steps (Gaunt et al. 2017, Fig. 1)."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models import path_len
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.path_examples import path_examples
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.sign_walk import demonstrate_walk
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.image_task import ImageTask, signs
from ntpt_pyro.tasks.task import Trial

LARGER_GRIDS = (5, 8)
"""Sides of the grids that a program of path_len is tried on beyond those that it is learned from."""


class PathLen(ImageTask):
    """The length of a path on a grid of three by three signs.

    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    chooses = False
    checked = True  # by the tests
    sure_readings = True

    def __init__(self, *, data: Path | None = None) -> None:
        super().__init__(
            path_len.path_len,
            reads={path_len.LOOK: signs},
            drawn=partial(draw, path_len.SIDE),
            data=data,
            execute=execute,
            source=path_len.source,
            words=word,
            judge=path_len.is_correct,
            defaults={
                "strategy": "fmgd",
                "examples": 2000,
                "restarts": 32,
                "search": 600,
                "look": 25,
                "halve": 50,
                "steps": 1800,
                "settle_batch": 64,
                "dropout": True,
                "averaging": 0.999,
                "init_scale": 1.0,
                "test_examples": 2000,
            },
            name="path_len",
            about="an agent follows street signs, and counts its steps",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "60 grids each of 3x3 and 5x5"

    @property
    def trials(self) -> Mapping[str, Trial]:
        """See :class:`~ntpt_pyro.Task`: larger grids than it is learned from."""
        return {
            f"{side}x{side}": Trial(
                lambda *drawing, side=side: draw(side, self.images["test"], *drawing).tensors
            )
            for side in LARGER_GRIDS
        }

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """See :class:`~ntpt_pyro.Task`: lengths on the grids that programs are judged on."""
        return [path_len.results(program) for program in programs]

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: the agent's way over a grid drawn from test images."""
        asked.allow(self.name, "seed", "length")
        assert library is not None
        return demonstrate_walk(self.images["test"][path_len.LOOK.name], program, library, asked)


def draw(side: int, images: Mapping[str, Images], count: int, generator: torch.Generator) -> Examples:
    """Grids of one size.

    :param side: their width and height.
    :param images: of signs, by the function that reads them.
    :param count: how many.
    :param generator: source of the draw.
    :returns: the examples.
    """
    return path_examples(images[path_len.LOOK.name], count, generator, height=side, width=side)


def word(site: str, integer: int) -> str:
    """The word for an alternative: an instruction, or a block to go to.

    :param site: the choice.
    :param integer: the alternative.
    :returns: the word.
    """
    return path_len.INSTRUCTIONS[integer] if site.startswith("instr") else f"L{integer}"


def execute(program: Program, grid: Any, start: int, *, library: Any) -> int:
    """The concrete interpreter on one grid.

    :param program: every choice's integer by site.
    :param grid: images of the signs.
    :param start: the agent's first cell.
    :param library: functions that read the images.
    :returns: the length that it measures.
    """
    signs_read = torch.tensor(library[path_len.LOOK.name](grid))
    return path_len.execute(program, signs_read, start)[1]


TASKS = {"path_len": PathLen}
