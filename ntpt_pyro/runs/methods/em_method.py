"""Expectation maximisation: all programs are tried, networks taught by the probable ones, and so on."""

from collections.abc import Mapping
from typing import Any

from ntpt_pyro.inference.training.expectation_maximisation import expectation_maximisation
from ntpt_pyro.runs.methods.method import OF_EXHAUSTIVE, OF_RESTARTS, OF_SOLVER, Found, Work
from ntpt_pyro.runs.methods.teaching import Teaching
from ntpt_pyro.tasks.user_files import loaded_files

SEEN_EXAMPLES = 64
"""Examples that all programs are tried on."""
FIRST_EXAMPLES = 8
"""Where networks cannot read yet all programs are tried on so few at first."""


class EMMethod:
    """Finds the posterior over all programs and the networks in turn, without a gradient of the choices."""

    defaults: Mapping[str, Any] = {}  # never changed
    ignored = OF_RESTARTS | OF_EXHAUSTIVE | OF_SOLVER
    holds_back = True
    spreads = True  # E steps: the first search nearly always succeeds, so that others beside it are in vain

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: the first search refuses too many programs."""

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        teaching = Teaching(work, number, SEEN_EXAMPLES)
        space = work.task.space(teaching.library, teaching.seen)
        iterations = expectation_maximisation(
            teaching.model,
            teaching.seen.tensors,
            work.training.tensors,
            space=space,
            workers=work.workers.opened_by(loaded_files),
            first=SEEN_EXAMPLES if teaching.library.trained else FIRST_EXAMPLES,
            **teaching.options,
        )
        last = iterations[-1]
        program = last.behaviours[0].program
        believed = last.posterior.given({s: program[s] for s in space.matters(program)}).marginals
        how = f"all programs tried; networks taught by them, {last.step} steps"
        return teaching.found(iterations, believed, how)
