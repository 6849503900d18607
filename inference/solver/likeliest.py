"""The most likely program where learned functions read: found and proved on their probable readings.

Improbable readings are left out of the circuit, so that sure readings are constants and the circuit is small.
Let ``q`` be the probability of all that is left out of an example. A program that does not explain the
example by what is left has a likelihood of at most ``q`` there, and any program has at most 1. So whatever is
more likely than a known program fails few examples, or examples that are hard to read; that no program with
other results is like that is for the solver to prove. Likelihoods are exact: only the bound is rounded.
"""

from collections import Counter
from collections.abc import Sequence
from math import inf, log

import numpy as np
import torch
from jaxtyping import Float
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
    """
    search = _Search(solver, Clock(seconds), progress or (lambda words: None))
    if not search.clock.over:
        search.find()
    if search.program is not None:
        search.prove()
        search.prove_function(observed)
    return search.ended()


class _Search:
    """The most likely program so far."""

    def __init__(self, solver: ProgramSolver, clock: Clock, progress: Progress) -> None:
        self.solver = solver
        self.clock = clock
        self.progress = progress
        self.program: dict[str, int] | None = None
        self.likelihoods: Float[Tensor, " examples"] = torch.full((solver.examples,), -inf)
        self.unexplained: tuple[int, ...] = ()
        self.bound = 0.0
        self.proved = False
        self.interrupted = False

    @property
    def cost(self) -> float:
        """Minus the log-likelihood of all examples under the best program."""
        return -float(self.likelihoods.sum())

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
            wrong = self._take(solver.program(answer.true))
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
        lifted = solver.circuit.variable()
        self._other_results(lifted)
        while not self.interrupted and self.cost > CLOSE and not self.clock.over:
            answer = self._more_likely(lifted)
            if answer.status == "unsatisfiable":
                self.bound = min(self.cost, self._of_same_results())
                self.proved = True
                return
            if answer.true is None:
                return
            self._take(solver.program(answer.true))
            self._other_results(lifted)
        self.proved = self.cost <= CLOSE

    def prove_function(self, observed: int) -> None:
        """Show that programs of another function are less likely, those with the same results among them."""
        solver = self.solver
        if not self.proved or self.interrupted or self.cost - self.bound <= CLOSE or self.program is None:
            return
        lifted = solver.circuit.variable()
        asked = Differences(solver, self.ended(), observed=observed)
        if asked.require_another(self.program, lifted) is None:
            self.bound = self.cost
            return
        left = ONE_FUNCTION if self.clock.left is None else min(ONE_FUNCTION, self.clock.left)
        if self._more_likely(lifted, seconds=left).status == "unsatisfiable":
            self.bound = self.cost

    def _more_likely(self, lifted: int, seconds: float | None = None) -> Answer:
        """A program that could be more likely than the best one, of those that another question leaves."""
        solver = self.solver
        unit = self.cost / STEPS
        outside = {example: q for part in solver.asserted for example, q in part.outside.items()}
        weights = Counter[int]()
        for example, literal in solver.explained.items():
            weights[literal ^ 1] += int(min(self._loss(outside[example]) / unit, STEPS + 1))
        bounded = solver.circuit.variable()
        at_most(solver, weights, STEPS, unless=bounded)
        return self._solve([-lifted, -bounded], seconds)

    def _loss(self, outside: float) -> float:
        """What an example costs at least under a program that explains it by no possible readings."""
        run = self.solver.asserted[0].run
        wrong = sum(noise for noise in run.noise.values())
        return -log(min(1.0, outside + wrong)) if outside + wrong > 0 else inf

    def _of_same_results(self) -> float:
        """What a program costs at least that has the best one's results at the most probable readings."""
        solver = self.solver
        right = solver.scores.right(self.program or {})
        return sum(
            self._loss(q)
            for part in solver.asserted
            for example, q in part.surely_outside.items()
            if not bool(right[example])
        )

    def _other_results(self, lifted: int) -> None:
        """Have the program's results differ from the best one's on an example."""
        solver = self.solver
        assert self.last is not None
        parts = [_differing(sure.run, self.last, part.examples, solver) for part, sure in
                 zip(solver.asserted, solver.sure(), strict=True)]  # fmt: skip
        literals = np.concatenate(parts)
        differs = solver.circuit.any_of(literals, np.zeros(len(literals), dtype=np.int64), 1)
        solver.require(differs, unless=lifted)

    last: dict[str, Tensor] | None = None
    """By observed site the results of the program that was found last, ``[examples]``."""

    def _take(self, program: dict[str, int]) -> list[int]:
        """Note a program; returns the examples that it does not explain at the most probable readings."""
        solver = self.solver
        likelihoods = solver.scores.log_likelihoods([program])[0].double()
        wrong: list[int] = (~solver.scores.right(program)).nonzero().flatten().tolist()
        self.last = solver.scores.results(program)
        if self.program is None or float(likelihoods.sum()) > -self.cost:
            self.program, self.likelihoods, self.unexplained = program, likelihoods, tuple(wrong)
        known = f"{len(solver.explained)} of {solver.examples} examples"
        self.progress(f"{known}, log-likelihood {-self.cost:.1f}, all but {len(self.unexplained)} explained")
        return wrong

    def _solve(self, assumed: list[int], seconds: float | None = None) -> Answer:
        limit = self.clock.left if seconds is None else seconds
        answer = self.solver.engine.solve(assumed, seconds=limit)
        self.interrupted |= answer.interrupted
        return answer

    def ended(self) -> Explanation:
        """What is known at the end."""
        status: Status = "optimal" if self.proved else "unknown" if self.program is None else "feasible"
        return Explanation(
            status,
            self.program,
            self.unexplained,
            self.cost,
            self.bound,
            tuple(self.solver.explained),
            (),
            self.clock.spent,
            interrupted=self.interrupted,
        )


def _differing(
    run: ModelRun, results: dict[str, Tensor], examples: Sequence[int], solver: ProgramSolver
) -> Literals:
    """Literals by which results are other than given ones."""
    found = []
    for site, literals in run.results.items():
        given = results[site][torch.tensor(examples)].numpy()
        found.append(np.take_along_axis(literals, given[:, None], -1)[:, 0] ^ 1)
    return np.concatenate(found)
