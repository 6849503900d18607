"""MATH: a loop that evaluates handwritten expressions of any length (Gaunt et al. 2017, section 4.3)."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models import math_loop
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.tape_examples import expression_examples
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.tape_run import demonstrate_tape
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.image_task import ImageTask, digits, operators

MATH_LENGTH = 2
"""Digits of the expressions that MATH is learned from."""
KINDS = {"net_choice": "net_", "goto": "L"}


class Math(ImageTask):
    """Expressions of two digits, from left to right.

    :param data: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    :param download: see :class:`~ntpt_pyro.tasks.image_task.ImageTask`.
    """

    chooses = True
    checked = True  # by the tests

    def __init__(self, *, data: Path | None = None, download: Path | None = None) -> None:
        super().__init__(
            math_loop.math_loop,
            reads={net_0: digits, net_1: operators},
            drawn=lambda images, count, generator: expression_examples(
                images[net_0.name], images[net_1.name], count, MATH_LENGTH, generator
            ),
            data=data,
            download=download,
            execute=execute,
            source=math_loop.source,
            words=word,
            uses=math_loop.USES,
            judge=math_loop.is_correct,
            defaults={
                "strategy": "relaxed-joint",
                "examples": 30_000,
                "restarts": 32,
                "search": 400,
                "look": 25,
                "steps": 2500,
                "batch_size": 16,
                "settle_batch": 128,
                "dropout": True,
                "averaging": 0.999,
                "init_scale": 1.0,
                "kl": 0.1,
            },
            name="math",
            about="a loop that evaluates handwritten expressions",
        )

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return "expressions of 1 to 16 digits"

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """See :class:`~ntpt_pyro.Task`: results on the expressions that programs are judged on."""
        return [math_loop.results(program) for program in programs]

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: step by step on an expression given or drawn from test images."""
        assert library is not None
        return demonstrate_tape(self, program, library, asked)


def word(site: str, integer: int) -> str:
    """The word for an alternative: an instruction, a network, a block or a register.

    :param site: the choice.
    :param integer: the alternative.
    :returns: the word.

    >>> word("instr_1", 1), word("net_choice_0", 1), word("goto_2", 0), word("left_1", 2)
    ('APPLY', 'net_1', 'L0', 'R2')
    """
    if site.startswith("instr"):
        return math_loop.INSTRUCTIONS[integer]
    kind = next((word for start, word in KINDS.items() if site.startswith(start)), "R")
    return f"{kind}{integer}"


def execute(program: Program, tape: Any, *, library: Any) -> int:
    """The concrete interpreter on one tape, with as many steps as the model has.

    :param program: every choice's integer by site.
    :param tape: images of the symbols.
    :param library: functions that read them.
    :returns: the result; :data:`~ntpt_pyro.models.math_loop.NO_RESULT` where the program does not halt.
    """
    readings = [library[name](tape) for name in (net_0.name, net_1.name)]
    steps = math_loop.steps_needed(len(readings[0]))
    result = math_loop.execute(program, readings, steps=steps).result
    return math_loop.NO_RESULT if result is None else int(result)


TASKS = {"math": Math}
