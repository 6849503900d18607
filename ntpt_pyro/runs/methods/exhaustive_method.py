"""The exact posterior over all programs, with functions that are trained already: nothing is learned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ntpt_pyro.errors import BudgetError, LibraryError
from ntpt_pyro.inference.exact.exact_posterior import exact_posterior
from ntpt_pyro.inference.exact.telling_apart import told_apart
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.posterior.accuracy import program_accuracy
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.posterior.exhaustive import ExactPosterior
from ntpt_pyro.inference.posterior.priors import UNIFORM, fewest_read
from ntpt_pyro.inference.training.restart_search import Verdict
from ntpt_pyro.runs.methods.method import OF_RESTARTS, OF_SOLVER, OF_TRAINING, Found, Work
from ntpt_pyro.tasks.user_files import loaded_files

MEGABYTE = 2**20


class ExhaustiveMethod:
    """Tries every program on every example; what is hopeless is dropped within a stated bound."""

    defaults: Mapping[str, Any] = {"examples": 64, "rounds": 1, "test_examples": 2000}
    ignored = OF_RESTARTS | OF_TRAINING | OF_SOLVER
    holds_back = False
    spreads = True

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: every function must be trained."""
        for function in work.task.functions:
            if not work.library.steps.get(function.name):
                trained = [name for name, steps in work.library.steps.items() if steps]
                raise LibraryError(
                    "library",
                    expected=f"one with {function.name}, trained",
                    got=f"one with {', '.join(trained) or 'nothing'} trained",
                    remedy="learn a task that trains it first and give its run (--library), or take a "
                    "strategy that trains it, such as em",
                )

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        task, settings, library = work.task, work.settings, work.library.eval()
        model, data = task.with_library(library), work.examples.tensors
        space = task.space(library, work.examples)
        exact = exact_posterior(
            model,
            data,
            space=space,
            prior=fewest_read(space.sizes) if settings.prior == "fewest-read" else UNIFORM,
            certain_labels=None,
            memory=settings.memory * MEGABYTE,
            tolerance=settings.tolerance,
            progress=work.label(task.name),
            checkpoint=work.checkpoint("exhaustive"),
            workers=work.workers.opened_by(loaded_files),
        )
        if exact.certain_labels:
            exact = _told_apart(exact, model, task.tells_apart(work.examples).tensors)
        programs = programs_of(exact.posterior.mode())
        share = float(program_accuracy(decided(model, programs, data), data)[0])
        verdict = Verdict(0, share, programs)
        return Found(verdict, library, 0, None, None, marginal(), posterior=exact.posterior, exact=exact)


def _told_apart(exact: ExactPosterior, model: Model, inputs: Sequence[Tensor]) -> ExactPosterior:
    """Programs by what they compute on more inputs, where they are not too many then."""
    try:
        return replace(exact, posterior=told_apart(exact.posterior, model, inputs))
    except BudgetError:
        return replace(exact, way=f"{exact.way}; too many to tell apart what they compute on other inputs")
