"""The most likely program where learned functions read: found and proved on their probable readings.

Improbable readings are left out of the circuit, so that sure readings are constants and the circuit is small.
Let ``q`` be the probability of all that is left out of an example. A program that does not explain the
example by what is left has a likelihood of at most ``q`` there, and any program has at most 1. So whatever is
more likely than a known program fails few examples, or examples that are hard to read; that no program with
other results is like that is for the solver to prove. Likelihoods are exact: only the bound is rounded.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.inference.solver.cardinality import at_most
from ntpt_pyro.inference.solver.circuit import Literals
from ntpt_pyro.inference.solver.differences import Differences
from ntpt_pyro.inference.solver.engine import Answer
from ntpt_pyro.inference.solver.explaining import Explanation, Progress, Status
from ntpt_pyro.inference.solver.model_circuit import ModelRun
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver

LEAST = 0.02
"""A reading is possible where its probability is at least so many times the largest one's."""
FIRST = 12
"""Examples that a search begins with."""
MOST_ASSERTED = 256
"""Examples by which it is proved that no program is more likely."""
MORE = 8
"""Examples that are added at a time."""
MISREAD = 0.25
"""Share of examples that a program may leave unexplained while one is looked for."""
ALL_EXPLAINED = 3.0
"""Seconds at most to look for one that leaves none unexplained."""
STEPS = 24
"""Into so many parts a loss of likelihood is cut for the solver, which counts in integers."""
CLOSE = 0.01
"""Nats that are nothing."""
ONE_FUNCTION = 5.0
"""Seconds at most to prove it for programs of the same results too."""


def likeliest(
    solver: ProgramSolver,
    *,
    observed: int = 1,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Find the program that examples are most likely under, and prove it.

    :param solver: of the model and the examples; its functions are trained.
    :param observed: how many of the model's arguments, the last ones, are results.
    :param seconds: a limit of time; None is none.
    :param progress: told what is going on.
    :returns: the program; its ``cost`` is minus the log-likelihood of the examples, in nats. ``optimal``: no
        program with other results at the most probable readings is as likely, and none at all costs less than
        ``bound``. Where the solver could show that only this one function is left, the bound is the cost.
        These are exact likelihoods; a program whose forward marginals are not exact, because it reads a
        reading twice, is not called optimal, as far as draws show it.

    >>> import pyro, torch
    >>> from functools import partial
    >>> from ntpt_pyro import Library, Tensor, choice, learn, observe, select
    >>> from ntpt_pyro.inference import ProgramSolver
    >>> @learn([Tensor(2)], 2, hid_sizes=[8])
    ... def read(picture): "The bit in a picture."
    >>> def model(pictures, bits=None, *, library):
    ...     which = choice("which", 3)
    ...     with pyro.plate("examples", len(pictures)):
    ...         observe("bit", select(which, library["read"](pictures)), bits)
    >>> library, pictures = Library([read], seed=1), torch.randn(8, 3, 2)
    >>> bits = library["read"](pictures)[:, 1].argmax(-1)
    >>> with ProgramSolver(partial(model, library=library), (pictures, bits)) as solver:
    ...     found = likeliest(solver)
    >>> found.program
    {'which': 1}
    """
    search = _Search(solver, observed, Clock(seconds), progress or (lambda words: None))
    if not search.clock.over:
        search.find()
    if search.best is not None:
        search.prove()
        search.prove_function()
        search.check_exact()
    return search.ended()


@dataclass
class _Program:
    """A program that was found, and how others are kept apart from it.

    :param program: by site its integer.
    :param likelihood: of all examples, the logarithm, in nats.
    :param wrong: examples that it does not explain at the most probable readings.
    :param results: by observed site what it gives at these, ``[examples]``.
    :param same_results: what any program costs at least that gives the same.
    :param lifted: the variable that lifts what keeps others apart from it; None where nothing does yet.
    :param by_function: whether others are to be another function; else to give other results on an example.
    """

    program: dict[str, int]
    likelihood: float
    wrong: list[int]
    results: dict[str, Tensor]
    same_results: float = 0.0
    lifted: int | None = None
    by_function: bool = False


class _Search:
    """The most likely program so far."""

    def __init__(self, solver: ProgramSolver, observed: int, clock: Clock, progress: Progress) -> None:
        self.solver = solver
        self.observed = observed
        self.clock = clock
        self.progress = progress
        self.best: _Program | None = None
        self.found: list[_Program] = []
        self.bound = 0.0
        self.proved = False
        self.interrupted = False

    @property
    def cost(self) -> float:
        """Minus the log-likelihood of all examples under the best program."""
        return inf if self.best is None else -self.best.likelihood

    def find(self) -> None:
        """Look for a program that explains all but a few examples, few examples first."""
        solver = self.solver
        count = min(FIRST, solver.examples)
        new = np.linspace(0, solver.examples - 1, count).round().astype(int).tolist()
        while new and not self.clock.over and not self.interrupted:
            solver.add(new)
            answer = self._explaining(0.0, seconds=self.clock.at_most(ALL_EXPLAINED))
            for share in (MISREAD, 2 * MISREAD, 1.0):
                if answer.true is None and not self.interrupted:
                    answer = self._explaining(share)
            if answer.true is None:
                return
            wrong = self._take(solver.program(answer.true)).wrong
            if len(wrong) <= MISREAD * solver.examples:
                return
            new = [example for example in wrong if example not in solver.explained][:MORE]

    def _explaining(self, share: float, seconds: float | None = None) -> Answer:
        """A program that leaves no more than a share of the asserted examples unexplained."""
        solver = self.solver
        lifted = solver.circuit.variable()
        unexplained = Counter(literal ^ 1 for literal in solver.explained.values())
        at_most(solver, unexplained, int(share * len(solver.explained)), unless=lifted)
        return self._solve([-lifted], seconds)

    def prove(self) -> None:
        """Show that programs with other results are less likely; or find one that is more likely."""
        solver = self.solver
        solver.add(range(min(solver.examples, MOST_ASSERTED)))
        assert self.best is not None
        self.found = [self.best]
        self.best.same_results = self._of_same_results(self.best.wrong)
        while not self.interrupted and self.cost > CLOSE and not self.clock.over:
            answer = self._more_likely()
            if answer.status == "unsatisfiable":
                self.bound, self.proved = min(self.cost, self.best.same_results), True
                return
            if answer.true is None:
                return
            another = self._take(solver.program(answer.true))
            another.same_results = self._of_same_results(another.wrong)
            self.found.append(another)
        self.proved = self.cost <= CLOSE

    def prove_function(self) -> None:
        """Show that programs of another function are less likely, those with the same results among them."""
        if not self.proved or self.interrupted or self.cost - self.bound <= CLOSE:
            return
        if (
            self._more_likely(function=True, seconds=self.clock.at_most(ONE_FUNCTION)).status
            == "unsatisfiable"
        ):
            self.bound = self.cost

    def check_exact(self) -> None:
        """Prove nothing by likelihoods that are not exact, as of programs that read a reading twice."""
        exact = self.solver.scores.exact_where_drawn
        if self.proved and not all(exact(one.program) for one in self.found):
            self.proved, self.bound = False, 0.0

    def _more_likely(self, *, function: bool = False, seconds: float | None = None) -> Answer:
        """A program that could be more likely than the best one, other than those that were found.

        Another program has other results than a found one, where programs of the same results are known to be
        less likely than the best one; else it is another function, as others than the best have to be.
        """
        for one in self.found:
            self._keep_apart(one, one.same_results < self.cost and (function or one is not self.best))
        solver = self.solver
        unit = self.cost / STEPS
        outside = {example: q for part in solver.asserted for example, q in part.outside.items()}
        weights = Counter[int]()
        for example, literal in solver.explained.items():
            weights[literal ^ 1] += int(min(self._loss(outside[example]) / unit, STEPS + 1))
        bounded = solver.circuit.variable()
        at_most(solver, weights, STEPS, unless=bounded)
        apart = [-one.lifted for one in self.found if one.lifted is not None]
        return self._solve([*apart, -bounded], seconds)

    def _keep_apart(self, one: _Program, by_function: bool) -> None:
        """Have the open program be another than a found one."""
        if one.lifted is not None and one.by_function == by_function:
            return
        solver = self.solver
        one.lifted, one.by_function = solver.circuit.variable(), by_function
        if by_function:
            asked = Differences(solver, self.ended(), observed=self.observed)
            if asked.require_another(one.program, one.lifted) is None:  # there is no other
                solver.engine.add(np.array([one.lifted, 0], dtype=np.int32))
            return
        parts = [
            _differing(sure.run, one.results, part.examples)
            for part, sure in zip(solver.asserted, solver.sure(), strict=True)
        ]
        literals = np.concatenate(parts)
        differs = solver.circuit.any_of(literals, np.zeros(len(literals), dtype=np.int64), 1)
        solver.require(differs, unless=one.lifted)

    def _loss(self, outside: float) -> float:
        """What an example costs at least under a program that explains it by no possible readings."""
        run = self.solver.asserted[0].run
        wrong = sum(noise for noise in run.noise.values())
        return -log(min(1.0, outside + wrong)) if outside + wrong > 0 else inf

    def _of_same_results(self, wrong: Sequence[int]) -> float:
        """What programs cost at least that leave examples unexplained at their most probable readings."""
        outside = {example: q for part in self.solver.asserted for example, q in part.surely_outside.items()}
        return sum(self._loss(outside[example]) for example in wrong if example in outside)

    def _take(self, program: dict[str, int]) -> _Program:
        """Note a program that was found."""
        scores = self.solver.scores
        likelihood = float(scores.log_likelihoods([program])[0].double().sum())
        wrong = (~scores.right(program)).nonzero().flatten().tolist()
        found = _Program(program, likelihood, wrong, scores.results(program))
        if self.best is None or likelihood > self.best.likelihood:
            self.best = found
        known = f"{len(self.solver.explained)} of {self.solver.examples} examples"
        self.progress(f"{known}, log-likelihood {-self.cost:.1f}, all but {len(self.best.wrong)} explained")
        return found

    def _solve(self, assumed: list[int], seconds: float | None = None) -> Answer:
        limit = self.clock.left if seconds is None else seconds
        answer = self.solver.engine.solve(assumed, seconds=limit)
        self.interrupted |= answer.interrupted
        return answer

    def ended(self) -> Explanation:
        """What is known at the end."""
        status: Status = "optimal" if self.proved else "unknown" if self.best is None else "feasible"
        return Explanation(
            status,
            None if self.best is None else self.best.program,
            () if self.best is None else tuple(self.best.wrong),
            self.cost,
            self.bound,
            tuple(self.solver.explained),
            (),
            self.clock.spent,
            interrupted=self.interrupted,
        )


def _differing(run: ModelRun, results: dict[str, Tensor], examples: Sequence[int]) -> Literals:
    """Literals by which results are other than given ones."""
    found = []
    for site, literals in run.results.items():
        given = results[site][torch.tensor(examples)].numpy()
        found.append(np.take_along_axis(literals, given[:, None], -1)[:, 0] ^ 1)
    return np.concatenate(found)
