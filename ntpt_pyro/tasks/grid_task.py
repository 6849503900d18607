"""What the tasks of a 2x2 grid share: lines of a program, its words, its behaviours, its run on a grid."""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from hashlib import blake2b
from types import ModuleType
from typing import Any

import numpy as np

from ntpt_pyro.bounds import MOST_LINES, check_count
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.grid import NOOP
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.grid_run import demonstrate_grid
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.image_task import ImageTask


class GridTask(ImageTask):
    """A task of one side of a 2x2 grid of images.

    :param module: of the model, with its interpreter, text and judge, see :mod:`ntpt_pyro.models.add2x2`.
    :param model: the Pyro program in it.
    :param side: a key of :data:`~ntpt_pyro.models.grid.SIDES`.
    :param lines: lines a program has.
    :param given: integers that stand in the first registers.
    :param execute: the concrete interpreter on one grid.
    :param more: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :raises UsageError: where a program would have no line, or too many.
    """

    chooses = True
    checked = True  # by the tests

    def __init__(
        self,
        module: ModuleType,
        model: Callable[..., Any],
        *,
        side: str,
        lines: int,
        given: int,
        execute: Callable[..., int],
        **more: Any,
    ) -> None:
        check_count("lines", lines, at_least=1, at_most=MOST_LINES)
        self._module, self._lines, self._given = module, lines, given
        instructions = range(len(module.INSTRUCTIONS))
        self.costs = {f"instr_{k}": [int(n != NOOP) for n in instructions] for k in range(1, lines + 1)}
        super().__init__(
            partial(model, lines=lines),
            execute=partial(execute, lines=lines),
            source=partial(module.source, lines=lines),
            words=partial(word, module.INSTRUCTIONS),
            uses=module.uses(lines),
            judge=partial(module.is_correct, side=side, lines=lines),
            defaults={"look": 25, "halve": 25},
            **more,
        )

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """See :class:`~ntpt_pyro.Task`: the network that a program reads with, and results on all grids."""
        return [
            (one.get("net_choice", 0), digest(self._module.results(one, lines=self._lines)))
            for one in programs
        ]

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: line by line on a grid drawn from test images."""
        run = partial(self._module.execute, lines=self._lines)
        return demonstrate_grid(self, program, library, asked, given=self._given, run=run)


def word(instructions: Sequence[str], site: str, integer: int) -> str:
    """The word for an alternative: an instruction, a network or a register.

    :param instructions: the words for those.
    :param site: the choice.
    :param integer: the alternative.
    :returns: the word.

    >>> word(("NOOP", "ADD"), "instr_1", 1), word((), "net_choice", 0), word((), "return", 3)
    ('ADD', 'net_0', 'R3')
    """
    if site.startswith("instr"):
        return instructions[integer]
    return f"net_{integer}" if site == "net_choice" else f"R{integer}"


def digest(results: np.ndarray) -> bytes:
    """A few bytes that are equal where results are: thousands of programs on all grids would fill the memory.

    :param results: of a program on all grids, in 0..18.
    :returns: 16 bytes.
    """
    return blake2b(results.astype(np.int8).tobytes(), digest_size=16).digest()
