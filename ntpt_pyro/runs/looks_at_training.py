"""How well the restarts of a training do, looked at from outside: nothing of the training changes by it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from torch import Tensor

from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import ModelSites
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.accuracy import reproduced
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.language.library import Library
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import Task

LOOKED_AT = 32
"""Examples that are looked at; more would take more than a hundredth of the training's time."""
PLACES = 4
"""Decimals that are kept."""


class LooksAtTraining:
    """Looks at a training of a task, and changes nothing of it: no random state, no gradient, no statistics.

    :param task: that is learned.
    :param examples: that it is looked at by, such as those held back; the first few of them.
    """

    def __init__(self, task: Task, examples: Examples) -> None:
        self.task = task
        self.some = examples.split(LOOKED_AT)[0]
        self._sites: ModelSites | None = None

    def shares_right(self, state: Training) -> list[float]:
        """The share of the examples that each restart's most probable program gets right.

        :param state: of the training.
        :returns: ``[restarts]``, each in [0, 1]; none where the strategy sums over choices, of which no
            restart has a program then.
        """
        probabilities = state.guide.probabilities()
        model, sites = self._seen(state)
        sizes = {name: site.size for name, site in sites.choices.items()}
        if set(sizes) != set(probabilities):
            return []
        restarts = state.restarts.size
        programs = {site: probabilities[site].argmax(-1).reshape(-1).expand(restarts) for site in sizes}
        with _looking(state.average):
            fixed = with_choices(model, programs, sizes, ForwardMarginals())
            right = reproduced(SureReadings()(fixed) if self.task.sure_readings else fixed, self.some.tensors)
            shares = right.expand(restarts, len(self.some)).float().mean(-1)
        return _rounded(shares)

    def log_likelihoods(self, state: Training) -> list[float]:
        """The running log-likelihood of each restart: how well it explains what it is trained on.

        It is the mean of the log-likelihoods of one observed result of a training example, as the strategy
        computes it for its loss, over the last batches (of ten before the weight is a third). Training's own
        begins at zero; here that is corrected, so that it is such a mean from the first step on.

        :param state: of the training.
        :returns: ``[restarts]``, in nats; none where training keeps none: of a single restart, and where the
            strategy sums over choices.
        """
        running = state.restarts.running_log_likelihood
        if not running.any():
            return []
        times = state.step * max(1, len(self._seen(state)[1].observed))
        return _rounded(running / (1 - state.restarts.decay**times))

    def _seen(self, state: Training) -> tuple[Callable[..., Any], ModelSites]:
        """The model with what it has learned so far, and its sites."""
        library = state.average if isinstance(state.average, Library) else None
        model = self.task.with_library(library)
        if self._sites is None:
            with _looking(state.average):
                self._sites = examine("training", model, self.some.tensors)
        return model, self._sites


def _rounded(numbers: Tensor) -> list[float]:
    found: list[float] = numbers.double().round(decimals=PLACES).tolist()
    return found


@contextmanager
def _looking(library: torch.nn.Module) -> Iterator[None]:
    """Let a model be run in the midst of its training without a trace."""
    modes = [(module, module.training) for module in library.modules()]
    library.eval()
    try:
        with (
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            pyro.get_param_store().scope(),
            pyro.validation_enabled(False),
        ):
            yield
    finally:
        for module, training in modes:
            module.training = training
