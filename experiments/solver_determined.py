"""What instances of program texts determine, and what must be asked for: a part of `solver_figures`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro import one_hot, runtime
from ntpt_pyro.experiments.texts import FOLDER
from ntpt_pyro.inference.solver.differences import Admits, Difference, Differences
from ntpt_pyro.inference.solver.explaining import Explanation
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.inference.solver.simplest import simplest
from ntpt_pyro.inference.solver.solution import Questions, solve, solve_by_asking
from ntpt_pyro.language.program import Program
from ntpt_pyro.language.values import Value
from ntpt_pyro.tasks.text_task import TextTask, text_task_named

LIMIT = 60.0
"""Seconds at most for a question: what determines the behaviour, and all that is asked for."""
BLANK = 2


@dataclass(frozen=True)
class BehaviourKnown:
    """Whether instances determine what their program does on all inputs that are meant.

    :param among_all: of all programs that explain them.
    :param among_simplest: of those that read as few choices.
    :param reads: so many; ``proved`` that none reads fewer.
    """

    instances: int
    among_all: str
    among_simplest: str
    reads: int
    proved: bool
    seconds_all: float
    seconds_simplest: float


@dataclass(frozen=True)
class AskedFor:
    """How many results had to be asked for.

    :param status: whether they determine the behaviour then, ``unknown`` where the time was over.
    :param right: whether the program reproduces every batch then.
    :param seconds: of the solver.
    """

    instances: int
    questions: int
    status: str | None
    among_simplest: str | None
    right: bool
    seconds: float


def determined_figures() -> dict[str, Callable[[], Any]]:
    """Whether instances determine the behaviour, and what has to be asked for until they do."""
    found: dict[str, Callable[[], Any]] = {}
    for name in ("invert", "prepend", "decrement"):
        found[f"turing {name}, any tape"] = partial(_known, "turing", name)
        found[f"turing {name}"] = partial(_known, "turing", name, admits=MEANT[name])
    found["basic_block access"] = partial(_known, "basic_block", "access")
    for name in ("swap", "controlled_swap", "full_adder"):
        found[f"circuit {name}"] = partial(_known, "circuit", name)
        found[f"circuit {name}, last row left out"] = partial(_known, "circuit", name, left_out=1)
    for name in FUNCTIONS:
        text = "basic_block" if name == "access" else "turing"
        found[f"{text} {name}, asked"] = partial(_asked, text, name)
        found[f"{text} {name}, asked from the first instance on"] = partial(_asked, text, name, instances=1)
    return found


def text_named(text: str, name: str) -> TextTask:
    """The task of a text in models/terpret."""
    return text_task_named(f"{FOLDER / text}.terpret:{name}")


def first_found(solver: ProgramSolver, observed: int) -> Explanation:
    """The first program that explains every instance."""
    return solve(solver, Questions(observed, simplest=False, determined=False)).explanation


def all_right(task: TextTask, program: Program) -> bool:
    """Whether a program reproduces every batch, those of larger inputs too."""
    return all(task.reproduced(batch, program, None) == len(batch.instances) for batch in task.batches)


def _known(
    text: str, name: str, *, admits: Admits | None = None, left_out: int = 0, seconds: float = LIMIT
) -> BehaviourKnown:
    task = text_named(text, name)
    instances = len(task.train.instances) - left_out
    with ProgramSolver(task.train.model, [one[:instances] for one in task.train.tensors]) as solver:
        best, simple = simplest(solver, first_found(solver, task.observed), seconds=seconds)
        assert simple is not None
        differences = Differences(solver, best, observed=task.observed, admits=admits)
        every = differences.determined(seconds=seconds)
        few = differences.determined(simplicity=simple, seconds=seconds)
    return BehaviourKnown(
        instances,
        every.status,
        few.status,
        simple.count,
        simple.proved,
        round(every.seconds, 3),
        round(few.seconds, 3),
    )


def _asked(text: str, name: str, *, instances: int | None = None, seconds: float = LIMIT) -> AskedFor:
    """Ask the function that is meant, beginning with all instances or with the first ones."""
    task, function = text_named(text, name), FUNCTIONS[name]

    def answer(question: Difference) -> list[Tensor]:
        return [torch.tensor([one]) for one in function(question.inputs[0][0].tolist())]

    clock, data = Clock(None), [one[:instances] for one in task.train.tensors]
    with ProgramSolver(task.train.model, data) as solver:
        questions = Questions(task.observed, admits=MEANT.get(name))
        found, count = solve_by_asking(solver, answer, questions, seconds=seconds)
    program, few = found.explanation.program, found.among_simplest
    return AskedFor(
        len(data[0]),
        count,
        None if found.determined is None else found.determined.status,
        None if few is None else few.status,
        program is not None and all_right(task, program),
        round(clock.spent, 3),
    )


def invert(tape: list[int]) -> tuple[list[int], int]:
    """The digits inverted, and that the machine halts.

    >>> invert([0, 1, 1, 2, 2])
    ([1, 0, 0, 2, 2], 1)
    """
    return [cell if cell == BLANK else 1 - cell for cell in tape], 1


def prepend(tape: list[int]) -> tuple[list[int], int]:
    """A 0 before the digits, and that the machine halts.

    >>> prepend([1, 1, 2, 2, 2])
    ([0, 1, 1, 2, 2], 1)
    """
    return [0, *tape[:-1]], 1


def decrement(tape: list[int]) -> tuple[list[int], int]:
    """The number less one, as many digits, and that the machine halts.

    >>> decrement([1, 0, 0, 2, 2])
    ([0, 1, 1, 2, 2], 1)
    """
    digits = "".join(str(cell) for cell in tape if cell != BLANK)
    less = f"{int(digits, 2) - 1:0{len(digits)}b}"
    return [*map(int, less), *tape[len(digits) :]], 1


def access(memory: list[int]) -> tuple[int, int]:
    """What is where the first cell points to, and that the machine halts.

    >>> access([1, 4, 0])
    (4, 1)
    """
    return memory[memory[0]], 1


FUNCTIONS: dict[str, Callable[[list[int]], tuple[Any, int]]] = {
    "invert": invert,
    "prepend": prepend,
    "decrement": decrement,
    "access": access,
}
"""What tasks are meant to do."""


@runtime([BLANK + 1, BLANK + 1], 2)
def may_follow(cell: int, following: int) -> int:
    """Whether what follows a blank is blank."""
    return int(cell != BLANK or following == BLANK)


@runtime([BLANK + 1], 2)
def is_blank(cell: int) -> int:
    """Whether a cell is blank."""
    return int(cell == BLANK)


@runtime([BLANK + 1], 2)
def is_one(cell: int) -> int:
    """Whether a cell is the digit 1."""
    return int(cell == 1)


@runtime([2, 2], 2)
def both(a: int, b: int) -> int:
    """Whether two bits are 1."""
    return a & b


def written(tape: Int[Tensor, "tapes cells"]) -> Value:
    """Whether digits are followed by blanks, at least one."""
    cells = one_hot(tape, BLANK + 1).unbind(-2)
    found = is_blank(cells[-1])
    for cell, following in pairwise(cells):
        found = both(found, may_follow(cell, following))
    return found


def positive(tape: Int[Tensor, "tapes cells"]) -> Value:
    """Whether that is a number above 0 without leading zeros."""
    return both(written(tape), is_one(one_hot(tape, BLANK + 1).unbind(-2)[0]))


MEANT: dict[str, Admits] = {"invert": written, "prepend": written, "decrement": positive}
"""Inputs that tasks mean; of others all."""
