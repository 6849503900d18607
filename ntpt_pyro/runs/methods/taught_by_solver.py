"""Networks taught by programs that a solver proposes: the way of `solver` where a function is untrained."""

from copy import deepcopy
from functools import partial
from pathlib import Path

import torch

from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.posterior.accuracy import program_accuracy
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.training.expectation_maximisation import Iteration
from ntpt_pyro.inference.training.restart_search import GOOD_ENOUGH, Verdict
from ntpt_pyro.inference.training.solver_em import teach_by_solver
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.history import snapshot
from ntpt_pyro.runs.methods.method import Found, Work
from ntpt_pyro.runs.methods.restarts_method import protect_trained

WEIGHED_EXAMPLES = 64
"""Examples held back that candidates are weighed by."""


def untrained(work: Work) -> list[str]:
    """The functions that a task's programs may call and that are to be taught.

    :param work: what a method is given.
    :returns: their names.
    """
    needed = list(work.library.steps) if work.task.chooses else work.function_names
    return [name for name in needed if not work.library.steps[name]]


def taught_by_solver(work: Work, number: int) -> Found:
    """Find a program and teach the untrained networks, by candidates that a solver proposes.

    :param work: what is given; a function of the task is untrained.
    :param number: of the search, from 0.
    :returns: what was found.
    :raises BudgetError: where no program explains most examples.
    """
    task, settings, seed = work.task, work.settings, work.seed + number
    library = work.library.copied(1, seed).take(torch.tensor([0])) if number else deepcopy(work.library)
    protect_trained(library)
    model, seen = task.with_library(library), work.held_back.split(WEIGHED_EXAMPLES)[0]

    def share_right(iteration: Iteration) -> float:
        best = programs_of(iteration.behaviours[0].program)
        return float(program_accuracy(decided(model, best, seen.tensors), work.held_back.tensors)[0])

    iterations = teach_by_solver(
        task.model,
        seen.tensors,
        work.training.tensors,
        library=library,
        behaviours=partial(grouped, task, library, seen),
        free=untrained(work),
        enough=lambda iteration: share_right(iteration) >= GOOD_ENOUGH,
        progress=work.label(f"search {number + 1}"),
        checkpoint=partial(_part, work, number) if work.checkpoint("") else None,
        batch_size=settings.batch_size or len(work.training),
        library_lr=settings.library_lr,
        seed=seed,
    )
    last = iterations[-1]
    program, strategy = last.behaviours[0].program, marginal()
    guide = strategy.guide(Restarts(1)(model), *seen.tensors)
    matters = set(task.space(library, seen).matters(program))
    guide.believe(
        {
            site: torch.eye(size)[program[site]] if site in matters else torch.full((size,), 1 / size)
            for site, size in last.posterior.sizes.items()
        }
    )
    right, rounds = task.right(program, library), last.round + 1
    candidates = next(one for one in iterations if one.round == last.round).posterior.programs()
    return Found(
        Verdict(0, share_right(last), programs_of(program)),
        library,
        last.step,
        1,
        None if right is None else int(right),
        strategy,
        guide=guide,
        snapshots=[snapshot(one.step, one.posterior.marginals) for one in iterations],
        how=f"{candidates} programs of different behaviour proposed by a solver, each taught networks of its "
        f"own; {last.step} steps in {rounds} {'round' if rounds == 1 else 'rounds'}",
    )


def _part(work: Work, number: int, name: str) -> Path:
    """Where a part of a search keeps its checkpoint."""
    path = work.checkpoint(f"search-{number}-{name}")
    assert path is not None
    return path
