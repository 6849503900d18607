"""APPLY2X2, the two operators of a 2x2 grid that are applied (Gaunt et al. 2017, sections 3 and 4.2)."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ntpt_pyro.language.program import Program
from ntpt_pyro.models import apply2x2
from ntpt_pyro.models.grid import LINES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.grid_examples import apply2x2_examples
from ntpt_pyro.tasks.grid_task import GridTask
from ntpt_pyro.tasks.image_task import digits, operators


class Apply2x2(GridTask):
    """``d1 op1 d2 op2 d3`` with the operators of one side.

    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: lines a program has.
    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :param download: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    also_reads = {net_0.name: digits}  # noqa: RUF012  # never changed

    def __init__(
        self, side: str, *, lines: int = LINES, data: Path | None = None, download: Path | None = None
    ) -> None:
        super().__init__(
            apply2x2,
            apply2x2.apply2x2,
            side=side,
            lines=lines,
            given=apply2x2.INTEGERS,
            execute=execute,
            reads={net_1: operators},
            drawn=lambda images, *drawing: apply2x2_examples(side, images[net_1.name], *drawing),
            data=data,
            download=download,
            name=f"apply2x2/{side}",
            about=f"three digits with two operators at the {side} of a 2x2 grid",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "all 256,000 grids with digits"


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


TASKS = {  # written out: the command line reads the names without running this file
    "apply2x2/top": partial(Apply2x2, "top"),
    "apply2x2/left": partial(Apply2x2, "left"),
    "apply2x2/bottom": partial(Apply2x2, "bottom"),
    "apply2x2/right": partial(Apply2x2, "right"),
}
