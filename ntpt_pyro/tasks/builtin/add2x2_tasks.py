"""ADD2X2, the two digits of a 2x2 grid that are added (Gaunt et al. 2017, sections 3 and 4.2)."""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models import add2x2
from ntpt_pyro.models.grid import LINES, SIDES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.grid_run import check_lines, demonstrate_grid, digest, word
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.image_task import ImageTask, digits, operators


class Add2x2(ImageTask):
    """The sum of one side's two digits.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: lines a program has.
    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :param download: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    chooses = True
    also_reads = {net_1.name: operators}  # noqa: RUF012  # never changed

    def __init__(
        self, side: str, *, lines: int = LINES, data: Path | None = None, download: Path | None = None
    ) -> None:
        check_lines(lines)
        self.lines_of_program = lines
        super().__init__(
            partial(add2x2.add2x2, lines=lines),
            reads={net_0: digits},
            drawn=lambda images, *drawing: add2x2_examples(side, images[net_0.name], *drawing),
            data=data,
            download=download,
            execute=partial(execute, lines=lines),
            source=partial(add2x2.source, lines=lines),
            words=partial(word, add2x2.INSTRUCTIONS),
            uses=add2x2.uses(lines),
            judge=partial(add2x2.is_correct, side=side, lines=lines),
            name=f"add2x2/{side}",
            about=f"the sum of the two digits at the {side} of a 2x2 grid",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "all 10,000 grids of digits"

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """See :class:`~ntpt_pyro.Task`: the network that a program reads with, and results on all grids."""
        return [
            (one.get("net_choice", 0), digest(add2x2.results(one, lines=self.lines_of_program)))
            for one in programs
        ]

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: line by line on a grid drawn from test images."""
        return demonstrate_grid(self, program, library, asked, given=0, run=add2x2.execute)


def execute(program: Program, grid: Any, *, library: Any, lines: int) -> int:
    """The concrete interpreter on one grid.

    :param program: every choice's integer by site.
    :param grid: images of the cells.
    :param library: functions that read them.
    :param lines: of the program.
    :returns: the result.
    """
    a, b, c, d = library[net_0.name](grid)
    return int(add2x2.execute(program, (a, b, c, d), lines=lines))


TASKS = {f"add2x2/{side}": partial(Add2x2, side) for side in SIDES}
