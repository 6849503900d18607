"""What exact posteriors claim under different priors, and whether that is right: a part of `calibration`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import poutine
from torch import Tensor

from ntpt_pyro import Library, Task
from ntpt_pyro.inference import Prior, ProgramSpace, exact_posterior, fewest_read
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.posterior.priors import Columns
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.program import Program
from ntpt_pyro.tasks.examples import Examples

PRIORS = ("uniform", "fewest_read", "every_line_counts")
"""Every setting of the choices as probable; each paying again for what it reads; only those without a dead
line, each as probable."""
LEAST = 1e-9
"""A probability below that counts as so much where its logarithm is asked for: it may be that of programs
that were dropped."""
AT_ONCE = 1_000
"""Programs that are told apart together."""


class Judge:
    """Judges the posteriors of a task with a library, all programs grouped by what they compute.

    :param task: it.
    :param library: whose networks it calls, trained.
    """

    def __init__(self, task: Task, library: Library) -> None:
        self.task = task
        self.library = library
        self.model = task.with_library(library)
        self._behaviours: dict[Any, int] = {}
        self._known: dict[tuple[int, ...], int] = {}
        self._examples: list[Program] = []
        self._verdicts: dict[int, bool] = {}
        self._alive: dict[tuple[int, ...], bool] = {}

    def prior(self, name: str, sizes: dict[str, int]) -> Prior:
        """One of :data:`PRIORS`."""
        priors: dict[str, Callable[[], Prior]] = {
            "uniform": Prior,
            "fewest_read": lambda: fewest_read(sizes),
            "every_line_counts": lambda: Prior(weights=self.no_dead_line),
        }
        return priors[name]()

    def no_dead_line(self, columns: Columns) -> Tensor:
        """A user's own weights: 0 where the result depends on every line, else minus infinity.

        What a program does not read is in lines that are dead, whatever it is.
        """
        rows = _rows(columns)
        for row in rows:
            if row not in self._alive:
                lines = self.task.lines(dict(zip(columns, row, strict=True)))
                self._alive[row] = not any(line.dead for line in lines if line.sites)
        alive = torch.tensor([self._alive[row] for row in rows])
        return torch.where(alive, 0.0, -math.inf).double()

    def behaviours(self, columns: Columns, examples: Examples) -> NDArray[np.int64]:
        """What programs compute, a number each."""
        rows = _rows(columns)
        new = [row for row in dict.fromkeys(rows) if row not in self._known]
        for first in range(0, len(new), AT_ONCE):
            part = new[first : first + AT_ONCE]
            programs = [dict(zip(columns, row, strict=True)) for row in part]
            results = self.task.behaviours(programs, self.library, examples)
            for row, program, result in zip(part, programs, results, strict=True):
                number = self._behaviours.setdefault(result, len(self._behaviours))
                if number == len(self._examples):
                    self._examples.append(program)
                self._known[row] = number
        return np.array([self._known[row] for row in rows])

    def right(self, behaviour: int) -> bool:
        """Whether that is right, by the task's own judge."""
        if behaviour not in self._verdicts:
            self._verdicts[behaviour] = bool(self.task.right(self._examples[behaviour], self.library))
        return self._verdicts[behaviour]

    def found(self, prior: Prior, examples: Examples, wanted: int | None = None) -> dict[str, Any]:
        """A posterior's claim: the probability of what it holds most probable, and whether that is right.

        :param prior: over programs.
        :param examples: that it is given.
        :param wanted: the behaviour that is right; None for what the task's judge says.
        :returns: ``claimed``, ``right``, ``mass`` (of all that is right), ``log_score`` (its logarithm).
        """
        exact = exact_posterior(self.model, examples.tensors, space=self._space(examples), prior=prior)
        probs = exact.posterior.log_probs.exp().numpy()
        ids = self.behaviours(exact.posterior.columns, examples)
        sums = np.bincount(ids, probs)
        right = [self.right(n) if wanted is None else n == wanted for n in range(len(sums))]
        mass = float(sums[right].sum())
        return {
            "claimed": float(sums.max()),
            "right": right[int(sums.argmax())],
            "mass": mass,
            "log_score": math.log(max(mass, LEAST)),
            "hidden": exact.posterior.hidden,
            "cubes": len(probs),
            "seconds": round(exact.seconds, 3),
        }

    def _space(self, examples: Examples) -> ProgramSpace:
        return self.task.space(self.library, examples)

    def drawn(self, prior: Prior, examples: Examples, source: torch.Generator) -> tuple[Examples, int]:
        """Examples whose labels a program gives that is drawn from the prior, read by its own network.

        :param prior: to draw from.
        :param examples: whose inputs are taken.
        :param source: of the draw.
        :returns: they, and what the program computes.
        """
        first = [tensor[:1] for tensor in examples.tensors]
        space = self._space(examples)
        every = exact_posterior(self.model, first, space=space, tolerance=0).posterior
        log_probs = prior.log_probs(every.columns, every.sizes)
        drawn = ProgramPosterior(every.columns, log_probs, every.sizes).sample(1, source)
        (program,) = (dict(zip(drawn, row, strict=True)) for row in _rows(drawn))
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(int(torch.randint(2**31, (), generator=source)))
            fixed = decided(self.model, programs_of(program), examples.tensors)
            results = _observed(fixed, examples.inputs).reshape(examples.results.shape)
        (behaviour,) = self.behaviours(drawn, examples)
        return Examples((*examples.inputs, results)), int(behaviour)


def _observed(model: Callable[..., Any], inputs: Sequence[Tensor]) -> Tensor:
    """What a model draws at its one observed site."""
    sites = poutine.trace(model).get_trace(*inputs).nodes.values()
    (value,) = [one["value"] for one in sites if isinstance(one.get("fn"), Output)]
    assert isinstance(value, Tensor)
    return value


def _rows(columns: Columns) -> list[tuple[int, ...]]:
    """Programs one by one; what they do not read as 0."""
    return list(zip(*(column.clamp_min(0).tolist() for column in columns.values()), strict=True))
