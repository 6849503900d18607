"""Expectation maximisation: all programs are tried, networks taught by the probable ones, and so on."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.posterior.accuracy import program_accuracy
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.training.expectation_maximisation import Iteration, expectation_maximisation
from ntpt_pyro.inference.training.restart_search import GOOD_ENOUGH, Verdict
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.history import snapshot
from ntpt_pyro.runs.methods.method import Found, Work
from ntpt_pyro.runs.methods.restarts_method import protect_trained

SEEN_EXAMPLES = 64
"""Examples that all programs are tried on."""
FIRST_EXAMPLES = 8
"""Where networks cannot read yet all programs are tried on so few at first."""


class EMMethod:
    """Finds the posterior over all programs and the networks in turn, without a gradient of the choices."""

    defaults: Mapping[str, Any] = {}  # never changed
    holds_back = True

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: the first search refuses too many programs."""

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        task, settings, seed = work.task, work.settings, work.seed + number
        library = work.library.copied(1, seed).take(torch.tensor([0])) if number else deepcopy(work.library)
        protect_trained(library)
        model, seen = task.with_library(library), work.held_back.split(SEEN_EXAMPLES)[0]
        space = task.space(library, seen)

        def share_right(iteration: Iteration) -> float:
            best = programs_of(iteration.behaviours[0].program)
            fixed = decided(model, best, seen.tensors)
            return float(program_accuracy(fixed, work.held_back.tensors)[0])

        iterations = expectation_maximisation(
            model,
            seen.tensors,
            work.training.tensors,
            library=library,
            behaviours=partial(grouped, task, library, seen),
            space=space,
            first=SEEN_EXAMPLES if library.trained else FIRST_EXAMPLES,
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
        guide.believe(last.posterior.given({s: program[s] for s in space.matters(program)}).marginals)
        right = task.right(program, library)
        return Found(
            Verdict(0, share_right(last), programs_of(program)),
            library,
            last.step,
            1,
            None if right is None else int(right),
            strategy,
            guide=guide,
            snapshots=[snapshot(one.step, one.posterior.marginals) for one in iterations],
            how=f"all programs tried; networks taught by them, {last.step} steps",
        )


def _part(work: Work, number: int, name: str) -> Path:
    """Where a part of a search keeps its checkpoint."""
    path = work.checkpoint(f"search-{number}-{name}")
    assert path is not None
    return path
