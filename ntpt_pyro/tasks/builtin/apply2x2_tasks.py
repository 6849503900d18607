"""APPLY2X2, the two operators of a 2x2 grid that are applied (Gaunt et al. 2017, sections 3 and 4.2)."""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models import apply2x2
from ntpt_pyro.models.grid import LINES, SIDES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.grid_examples import apply2x2_examples
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.grid_run import check_lines, demonstrate_grid, digest, word
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.image_task import ImageTask, digits, operators


class Apply2x2(ImageTask):
    """``d1 op1 d2 op2 d3`` with the operators of one side.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: lines a program has.
    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :param download: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    chooses = True
    also_reads = {net_0.name: digits}  # noqa: RUF012  # never changed

    def __init__(
        self, side: str, *, lines: int = LINES, data: Path | None = None, download: Path | None = None
    ) -> None:
        check_lines(lines)
        self.lines_of_program = lines
        super().__init__(
            partial(apply2x2.apply2x2, lines=lines),
            reads={net_1: operators},
            drawn=lambda images, *drawing: apply2x2_examples(side, images[net_1.name], *drawing),
            data=data,
            download=download,
            execute=partial(execute, lines=lines),
            source=partial(apply2x2.source, lines=lines),
            words=partial(word, apply2x2.INSTRUCTIONS),
            uses=apply2x2.uses(lines),
            judge=partial(apply2x2.is_correct, side=side, lines=lines),
            name=f"apply2x2/{side}",
            about=f"three digits with two operators at the {side} of a 2x2 grid",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "all 256,000 grids with digits"

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """See :class:`~ntpt_pyro.Task`: the network that a program reads with, and results on all grids."""
        return [
            (one.get("net_choice", 0), digest(apply2x2.results(one, lines=self.lines_of_program)))
            for one in programs
        ]

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: line by line on a grid drawn from test images."""
        return demonstrate_grid(self, program, library, asked, given=apply2x2.INTEGERS, run=apply2x2.execute)


def execute(program: Program, grid: Any, integers: Sequence[int], *, library: Any, lines: int) -> int:
    """The concrete interpreter on one grid.

    :param program: every choice's integer by site.
    :param grid: images of the cells.
    :param integers: that are given.
    :param library: functions that read the images.
    :param lines: of the program.
    :returns: the result.
    """
    a, b, c, d = library[net_1.name](grid)
    first, second, third = integers
    return int(apply2x2.execute(program, (a, b, c, d), (first, second, third), lines=lines))


TASKS = {f"apply2x2/{side}": partial(Apply2x2, side) for side in SIDES}
