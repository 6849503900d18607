"""Whether the examples determine what a program does on all inputs: asked of a solver for a moment.

However the program was found: that it reproduces its examples says little where another one does so too.
"""

import numpy as np
import torch

from ntpt_pyro.errors import BudgetError, NtptError
from ntpt_pyro.inference.solver.differences import Determined, Differences
from ntpt_pyro.inference.solver.explaining import FIRST, Explanation
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.language.program import Program
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.tasks.task import Task

MOST_GATES = 30_000
"""Of the circuit of a question that is asked by the way: a larger one takes long to build."""
TOO_LONG = "not asked: it would take long; --strategy solver asks"


def told_of_all_inputs(work: Work, program: Program) -> dict[str, str]:
    """What a result says of inputs that no example has.

    :param work: what was learned from.
    :param program: that was found.
    :returns: a fact; none where the task does not ask, its functions read, or the program does not explain
        the examples.
    """
    task = work.task
    if task.question_seconds is None or task.functions:
        return {}
    try:
        with torch.random.fork_rng(devices=[]):  # a run draws what it would without the question
            answer = _asked(work, program, task.question_seconds)
    except BudgetError:
        return {"determined": TOO_LONG}
    except NtptError as error:
        return {"determined": f"not asked ({error})"}
    return {} if answer is None else {"determined": _in_words(task, answer)}


def _asked(work: Work, program: Program, seconds: float) -> Determined | None:
    """Whether a program of another behaviour explains the examples; None where this one does not."""
    clock, task, data = Clock(seconds), work.task, work.examples.tensors
    with ProgramSolver(task.with_library(work.library), data, most_gates=MOST_GATES) as solver:
        if not bool(solver.scores.right(program).all()):
            return None
        some = np.linspace(0, solver.examples - 1, min(FIRST, solver.examples)).round().astype(int).tolist()
        solver.add(some)
        best = Explanation("optimal", dict(program), (), 0.0, 0.0, tuple(some), (), clock.spent)
        differences = Differences(solver, best, observed=task.observed, admits=task.admits)
        return differences.determined(seconds=clock.left)


def _in_words(task: Task, answer: Determined) -> str:
    found = answer.difference
    if found is None:
        return {
            "determined": "yes: no program that explains the examples differs on any input of the same size",
            "unknown": TOO_LONG,
        }[answer.status]
    inputs = ", ".join(task.input_words(found.inputs))
    other, this = task.result_words(found.other), task.result_words(found.expected)
    return (
        f"no: the data do not decide; another program that explains them computes {other} on {inputs}, "
        f"this one {this}"
    )
