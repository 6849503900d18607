"""ADD2X2, the two digits of a 2x2 grid that are added (Gaunt et al. 2017, sections 3 and 4.2)."""

from functools import partial
from pathlib import Path
from typing import Any

from ntpt_pyro.language.program import Program
from ntpt_pyro.models import add2x2
from ntpt_pyro.models.grid import LINES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples
from ntpt_pyro.tasks.grid_task import GridTask
from ntpt_pyro.tasks.image_task import digits, operators


class Add2x2(GridTask):
    """The sum of one side's two digits.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: lines a program has.
    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :param download: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    also_reads = {net_1.name: operators}  # noqa: RUF012  # never changed

    def __init__(
        self, side: str, *, lines: int = LINES, data: Path | None = None, download: Path | None = None
    ) -> None:
        super().__init__(
            add2x2,
            add2x2.add2x2,
            side=side,
            lines=lines,
            given=0,
            execute=execute,
            reads={net_0: digits},
            drawn=lambda images, *drawing: add2x2_examples(side, images[net_0.name], *drawing),
            data=data,
            download=download,
            name=f"add2x2/{side}",
            about=f"the sum of the two digits at the {side} of a 2x2 grid",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "all 10,000 grids of digits"


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


TASKS = {  # written out: the command line reads the names without running this file
    "add2x2/top": partial(Add2x2, "top"),
    "add2x2/left": partial(Add2x2, "left"),
    "add2x2/bottom": partial(Add2x2, "bottom"),
    "add2x2/right": partial(Add2x2, "right"),
}
