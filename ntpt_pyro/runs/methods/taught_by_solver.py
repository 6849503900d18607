"""Networks taught by programs that a solver proposes: the way of `solver` where a function is untrained."""

import torch

from ntpt_pyro.inference.training.solver_em import teach_by_solver
from ntpt_pyro.runs.methods.method import Found, Work, untrained
from ntpt_pyro.runs.methods.teaching import Teaching

WEIGHED_EXAMPLES = 64
"""Examples held back that candidates are weighed by."""


def taught_by_solver(work: Work, number: int) -> Found:
    """Find a program and teach the untrained networks, by candidates that a solver proposes.

    :param work: what is given; a function of the task is untrained.
    :param number: of the search, from 0.
    :returns: what was found.
    :raises BudgetError: where no program explains most examples.
    """
    task, teaching = work.task, Teaching(work, number, WEIGHED_EXAMPLES)
    iterations = teach_by_solver(
        task.model,
        teaching.seen.tensors,
        work.training.tensors,
        free=untrained(task, work.library),
        **teaching.options,
    )
    last = iterations[-1]
    program, rounds = last.behaviours[0].program, last.round + 1
    matters = set(task.space(teaching.library, teaching.seen).matters(program))
    believed = {
        site: torch.eye(size)[program[site]] if site in matters else torch.full((size,), 1 / size)
        for site, size in last.posterior.sizes.items()
    }
    candidates = next(one for one in iterations if one.round == last.round).posterior.programs()
    how = (
        f"{candidates} programs of different behaviour proposed by a solver, each taught networks of its "
        f"own; {last.step} steps in {rounds} {'round' if rounds == 1 else 'rounds'}"
    )
    return teaching.found(iterations, believed, how)
