"""Many restarts trained by gradient under a strategy, judged by examples held back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ntpt_pyro.bounds import check_memory
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.callbacks import Callback, Halving
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.inference.training.ranks import Share, alone, share_of
from ntpt_pyro.inference.training.restart_search import Verdict, judge
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.inference.training.whole_search import library_of_best, whole_guide
from ntpt_pyro.language.program import Program
from ntpt_pyro.runs.history import History
from ntpt_pyro.runs.looks_at_training import LooksAtTraining
from ntpt_pyro.runs.methods.method import OF_EXHAUSTIVE, OF_SOLVER, Found, Work
from ntpt_pyro.runs.methods.restart_networks import library_for
from ntpt_pyro.runs.restart_costs import bytes_a_restart
from ntpt_pyro.runs.settings import Settings

FEW_RESTARTS = 256
"""Of more it is found out first, by steps of one of them, what memory they take."""


class RestartsMethod:
    """Trains many programs at once, and networks with them.

    Where a network is untrained each restart learns one of its own, because a program and an untrained
    network shared with wrong programs overfit together; where all are trained the restarts share them.
    Trained networks stay as they are beside others, until a program is found.

    Processes may share the restarts, see :func:`~ntpt_pyro.inference.sharing_restarts`: each of them finds
    what all found.

    :param strategy: of inference.
    """

    defaults: Mapping[str, Any] = {}  # never changed
    ignored = OF_EXHAUSTIVE | OF_SOLVER
    holds_back = True
    spreads = False

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: many restarts must fit this machine."""
        share = share_of(work.settings.restarts)
        restarts = work.settings.restarts if share is None else share.part.size * share.ranks.here
        if restarts > FEW_RESTARTS:
            with alone():
                each = bytes_a_restart(work, self.strategy)
            check_memory(
                f"restarts, {work.task.name}",
                restarts * each,
                of=f"{restarts:,} restarts",
                remedy="take fewer (--restarts), or smaller batches (--batch-size)",
            )

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        task, settings, restarts = work.task, work.settings, work.settings.restarts
        seed, steps = work.seed + number, search_steps(settings)
        share, library = share_of(restarts), library_for(work, seed)
        model = task.with_library(library)
        judged = partial(judge, model, self.strategy, held_back=work.held_back.tensors, share=share)
        looks = LooksAtTraining(task, work.held_back)
        history = History(steps, work.history(f"search-{number}"), looks)
        halves = [] if settings.halve is None else [Halving(settings.halve)]
        ends = [] if settings.look is None else [_explained(judged, settings.look)]
        training = fit(
            model,
            work.training.tensors,
            strategy=self.strategy,
            library=library,
            restarts=restarts,
            steps=steps,
            batch_size=settings.batch_size or len(work.training),
            choice_lr=settings.choice_lr,
            library_lr=settings.library_lr,
            init_scale=settings.init_scale,
            kl=kl_weight(settings, steps),
            seed=seed,
            callbacks=[history, *halves, *ends, *work.callbacks_of(f"search-{number + 1}")],
            progress=work.label(f"search {number + 1}, {restarts} restarts"),
            checkpoint=work.checkpoint(f"search-{number}"),
            compile=settings.compile,
        )
        verdict = judged(guide=training.guide, restarts=training.restarts.size)
        here = range(training.restarts.size) if share is None else share.part.rows

        def right(program: Program, restart: int) -> bool | None:
            its_own = task.judged_with_functions
            own = torch.tensor([restart - here.start])
            return task.right(program, library.take(own) if its_own else None)

        found = Found(
            verdict,
            library,
            training.step,
            restarts,
            verdict.count(right, here),
            self.strategy,
            guide=training.guide,
            snapshots=history.of(training.kept[verdict.best] if share is None else verdict.best),
            given_up=0 if share else restarts - len(training.kept),
        )
        return found if share is None else _of_all(share, found)


def _of_all(share: Share, found: Found) -> Found:
    """What all processes found, the same in each of them."""
    assert found.guide is not None
    right = share.ranks.all_of(found.restarts_right)
    return replace(
        found,
        library=library_of_best(share, found.library, found.verdict.best),
        restarts_right=None if None in right else sum(map(int, filter(None, right))),
        guide=whole_guide(share, found.guide),
    )


def search_steps(settings: Settings) -> int:
    """Steps of a search; what is left of all steps trains the best restart on.

    :param settings: of the run.
    :returns: the steps of all restarts.
    """
    if settings.search is None or settings.restarts == 1:
        return settings.steps
    return min(settings.search, -(-settings.steps // 3))


def kl_weight(settings: Settings, steps: int) -> float | Annealing:
    """The weight of the KL term in a search.

    :param settings: of the run.
    :param steps: of the search, in the course of which it falls where the settings say so.
    :returns: the weight, or its schedule.
    """
    return settings.kl if settings.kl_start is None else Annealing(settings.kl_start, settings.kl, steps)


def _explained(judged: Callable[..., Verdict], look: int) -> Callback:
    """Ends a search when a restart explains the examples held back; looks every so many steps."""

    def explained(state: Training) -> bool:
        return state.step % look == 0 and judged(guide=state.guide, restarts=state.restarts.size).good_enough

    return explained
