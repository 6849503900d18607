"""The tasks by the names that the command line takes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ntpt_pyro import LearnedFunction, Library, Line, Program
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments.digits import Digits
from ntpt_pyro.experiments.grids import Grids, add2x2_grids
from ntpt_pyro.models import add2x2
from ntpt_pyro.models.nets import net_0


@dataclass(frozen=True)
class Task:
    """What learning one task takes.

    :param name: as the command line has it.
    :param functions: the learnable functions that its first learner brings along.
    :param model: the Pyro program, given the library.
    :param draw: data from digit images: how many examples, source of the draw.
    :param is_correct: the oracle's word on a program.
    :param source: a program's text.
    """

    name: str
    functions: tuple[LearnedFunction, ...]
    model: Callable[[Library], Callable[..., Any]]
    draw: Callable[[Digits, int, torch.Generator], Grids]
    is_correct: Callable[[Program], bool]
    source: Callable[[Program], list[Line]]


def task_names() -> list[str]:
    """Every task's name."""
    return [f"add2x2/{side}" for side in add2x2.TASKS]


def task_named(name: str, *, lines: int = add2x2.LINES) -> Task:
    """The task of a name.

    :param name: one of :func:`task_names`.
    :param lines: lines a program has.
    :returns: the task.
    :raises UsageError: where there is none of that name, or no line.
    """
    if name not in task_names():
        raise UsageError(
            "task", expected=f"one of {', '.join(task_names())}", got=repr(name), remedy="pick one"
        )
    if lines < 1:
        raise UsageError("lines", expected="at least 1", got=str(lines), remedy="give more lines")
    side = name.removeprefix("add2x2/")
    return Task(
        name,
        functions=(net_0,),
        model=lambda library: partial(add2x2.add2x2, library=library, lines=lines),
        draw=partial(add2x2_grids, side),
        is_correct=partial(add2x2.is_correct, task=side, lines=lines),
        source=partial(add2x2.source, lines=lines),
    )
