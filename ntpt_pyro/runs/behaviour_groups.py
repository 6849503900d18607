"""The posterior over what programs of a task compute."""

from ntpt_pyro.inference.posterior.behaviours import Behaviour, by_behaviour
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.library import Library
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import BEHAVIOUR_EXAMPLES, Task

MOST = 10_000
"""Programs that are told apart, the most probable ones."""


def grouped(task: Task, library: Library | None, examples: Examples, posterior: Posterior) -> list[Behaviour]:
    """The posterior over what programs of a task compute.

    :param task: the task.
    :param library: the functions that its programs call.
    :param examples: that programs are told apart by, where the task knows no better way.
    :param posterior: over its programs.
    :returns: behaviours, the most probable first, each with its shortest program.
    """
    programs = [program for program, _ in posterior.top(min(MOST, posterior.programs()))]
    results = task.behaviours(programs, library, examples)
    if task.has_judge and told_apart_on(task, examples) is not None:  # it may know more than these
        verdicts = [task.right(program, library) for program in programs]
        results = list(zip(results, verdicts, strict=True))
    known = {tuple(program.items()): found for program, found in zip(programs, results, strict=True)}
    return by_behaviour(
        posterior,
        lambda program: known[tuple(program.items())],
        lambda program: sum(not line.dead for line in task.lines(program)),
        most=MOST,
    )


def told_apart_on(task: Task, examples: Examples) -> int | None:
    """How many given examples, or given test examples, say all that is known of what programs compute.

    :param task: whose programs they are.
    :param examples: that were learned from.
    :returns: the number; None where the task has other inputs, or draws them.
    """
    if task.told_apart_by is not None or not {"examples", "test_examples"} <= {*task.undrawn}:
        return None
    return min(len(task.tells_apart(examples)), BEHAVIOUR_EXAMPLES)
