"""What ways of teaching networks by whole programs share: the networks, the judge, what was found."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.posterior.accuracy import program_accuracy
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.training.expectation_maximisation import Iteration
from ntpt_pyro.inference.training.restart_search import GOOD_ENOUGH, Verdict
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.history import snapshot
from ntpt_pyro.runs.methods.method import Found, Work
from ntpt_pyro.runs.methods.restart_networks import protect_trained


class Teaching:
    """A search that teaches networks by programs, without a gradient of the choices.

    :param work: what a method is given.
    :param number: of the search, from 0; each but the first begins with new networks.
    :param examples: of those held back so many are what programs are weighed by.
    """

    def __init__(self, work: Work, number: int, examples: int) -> None:
        self.work = work
        self.number = number
        self.seed = work.seed + number
        self.library = deepcopy(work.library)
        if number:
            self.library = work.library.copied(1, self.seed).take(torch.tensor([0]))
        """The networks, to be taught in place."""
        protect_trained(self.library)
        self.model = work.task.with_library(self.library)
        self.seen = work.held_back.split(examples)[0]
        """What programs are weighed by."""

    @property
    def options(self) -> dict[str, Any]:
        """What the loop is called with, by name."""
        settings = self.work.settings
        return {
            "library": self.library,
            "behaviours": partial(grouped, self.work.task, self.library, self.seen),
            "enough": lambda iteration: self.share_right(iteration) >= GOOD_ENOUGH,
            "progress": self.work.label(f"search {self.number + 1}"),
            "checkpoint": self._part if self.work.checkpoint("") else None,
            "batch_size": settings.batch_size or len(self.work.training),
            "library_lr": settings.library_lr,
            "seed": self.seed,
        }

    def share_right(self, iteration: Iteration) -> float:
        """The share of all examples held back that the most probable program gets right.

        :param iteration: of the loop.
        :returns: in [0, 1].
        """
        best = programs_of(iteration.behaviours[0].program)
        fixed = decided(self.model, best, self.seen.tensors)
        return float(program_accuracy(fixed, self.work.held_back.tensors)[0])

    def found(self, iterations: Sequence[Iteration], believed: Mapping[str, Tensor], how: str) -> Found:
        """What was found, to be trained on.

        :param iterations: of the loop.
        :param believed: by choice the probabilities that training goes on from.
        :param how: the way of the search in words.
        :returns: the program and the networks.
        """
        last = iterations[-1]
        program, strategy = last.behaviours[0].program, marginal()
        guide = strategy.guide(Restarts(1)(self.model), *self.seen.tensors)
        guide.believe(believed)
        right = self.work.task.right(program, self.library)
        return Found(
            Verdict(0, self.share_right(last), programs_of(program)),
            self.library,
            last.step,
            1,
            None if right is None else int(right),
            strategy,
            guide=guide,
            snapshots=[snapshot(one.step, one.posterior.marginals) for one in iterations],
            how=how,
        )

    def _part(self, name: str) -> Path:
        """Where a part of a search keeps its checkpoint."""
        path = self.work.checkpoint(f"search-{self.number}-{name}")
        assert path is not None
        return path
