"""The best program by few examples first: solve some, try the program on all, add what it explains worst.

A program that is best for some examples and loses nothing on the others is best for all of them: no program
can do better on the some, and none better than nothing lost on the others. That is the proof, whatever the
number of examples.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np

from ntpt_pyro.inference.solver.circuit import TRUE
from ntpt_pyro.inference.solver.clauses import signed
from ntpt_pyro.inference.solver.contradictions import smallest_contradiction
from ntpt_pyro.inference.solver.engine import Optimum
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
FIRST = 32
"""Examples that a search begins with."""
MORE = 16
"""Examples that are added at a time."""


@dataclass(frozen=True)
class Explanation:
    """The best program for examples, and what is proved of it.

    :param status: ``optimal``: no program explains the examples better. ``feasible``: the best one known.
        ``infeasible``: no program explains all of them, and one that does was asked for. ``unknown``: the
        time was over before there was any.
    :param program: by site its integer; None where there is none.
    :param unexplained: examples that it does not explain, their functions' readings at their most probable.
    :param cost: the number of examples that it leaves unexplained; where learned functions read, minus the
        log-likelihood of the examples, in nats.
    :param bound: no program costs less.
    :param asserted: examples that the solver was given; the others the program explains at no cost.
    :param core: examples that no program explains together, where there are any and nothing is read.
    :param smallest: whether each of them is known to be needed for that.
    :param seconds: that it took.
    :param interrupted: whether ctrl-C ended it.
    """

    status: Status
    program: dict[str, int] | None
    unexplained: tuple[int, ...]
    cost: float
    bound: float
    asserted: tuple[int, ...]
    core: tuple[int, ...]
    seconds: float
    smallest: bool = False
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """How much less another program could cost: 0 where it is optimal."""
        return self.cost - self.bound


Progress = Callable[[str], None]
"""Told what is going on, in a few words."""


def explain(
    solver: ProgramSolver,
    *,
    exactly: bool = False,
    first: int = FIRST,
    more: int = MORE,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Find the program that explains examples best, and prove it.

    :param solver: of the model and the examples.
    :param exactly: ask for a program that explains every example, and end where there is none.
    :param first: examples to begin with.
    :param more: examples to add at a time.
    :param seconds: a limit of time; None is none.
    :param progress: told what is going on.
    :returns: the program and what is proved.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, constant, observe, switch
    >>> def flipper(bits):
    ...     flip = choice("flip", 2)
    ...     with pyro.plate("bits", len(bits)):
    ...         observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits)
    >>> with ProgramSolver(flipper, [torch.tensor([1, 1, 0, 1])]) as solver:
    ...     found = explain(solver)
    >>> found.status, found.program, found.unexplained, found.cost
    ('optimal', {'flip': 1}, (2,), 1)
    >>> found.core, found.smallest  # these contradict each other
    ((2, 3), True)
    """
    search = _Search(solver, Clock(seconds), progress or (lambda words: None), more)
    if search.clock.over:
        return search.ended("unknown")
    spread = np.linspace(0, solver.examples - 1, min(first, solver.examples)).round().astype(int)
    solver.add(spread.tolist())
    found = search.without_loss()
    if found.status != "infeasible":
        return found
    core, smallest = smallest_contradiction(solver, found.core, seconds=_part(search.clock))
    if exactly or search.interrupted:
        return replace(found, core=core, smallest=smallest, seconds=search.clock.spent)
    return replace(search.at_least_cost(), core=core, smallest=smallest)


def _part(clock: Clock) -> float | None:
    """A quarter of the time that is left."""
    return None if clock.left is None else clock.left / 4


@dataclass
class _Search:
    """The best program so far."""

    solver: ProgramSolver
    clock: Clock
    progress: Progress
    more: int
    best: Explanation | None = None
    interrupted: bool = False

    def without_loss(self) -> Explanation:
        """Look for a program that explains every example."""
        solver = self.solver
        while True:
            if solver.hopeless():
                return self.ended("infeasible", core=solver.hopeless()[:1])  # whatever the program
            assumed = solver.signed_explained([*solver.explained])
            answer = solver.engine.solve(list(assumed), seconds=self.clock.left)
            self.interrupted = answer.interrupted
            if answer.status == "unsatisfiable":
                return self.ended("infeasible", core=[assumed[one] for one in answer.core])
            if answer.true is None:
                return self.ended("unknown")
            solver.check_answer(answer.true)
            failed = self._take(solver.program(answer.true), loss=0.0, bound=0.0)
            if not failed:
                return self.ended("optimal")
            solver.add(failed)

    def at_least_cost(self) -> Explanation:
        """Look for the program whose examples cost least."""
        solver = self.solver
        while True:
            found = self._cheapest()
            self.interrupted = found.interrupted
            if found.true is None or found.cost is None:
                return self.ended("unknown")
            solver.check_answer(found.true)
            failed = self._take(solver.program(found.true), loss=found.cost, bound=found.bound)
            if found.status != "optimal" or self.clock.over:
                return self.ended("feasible")
            if not failed:
                return self.ended("optimal")
            solver.add(failed)

    def _cheapest(self) -> Optimum:
        """The program that leaves fewest of the asserted examples unexplained."""
        solver, fixed = self.solver, len(self.solver.hopeless())
        counted = Counter(literal for literal in solver.explained.values() if literal > TRUE)
        costs = {-int(signed(np.array(literal))): count for literal, count in counted.items()}
        known = f"{len(solver.explained)} of {solver.examples} examples"

        def told(cost: int | None, bound: int) -> None:
            best = "none yet" if cost is None else f"{cost + fixed}"
            self.progress(f"{known}, unexplained {best}, at least {bound + fixed}")

        found = solver.engine.minimise(costs, seconds=self.clock.left, progress=told)
        cost = None if found.cost is None else found.cost + fixed
        return replace(found, cost=cost, bound=found.bound + fixed)

    def _take(self, program: dict[str, int], *, loss: float, bound: float) -> list[int]:
        """Note a program; returns the examples that it explains worst, of those that are not asserted."""
        solver = self.solver
        right = solver.scores.right(program)
        wrong = (~right).nonzero().flatten().tolist()
        failed = [example for example in wrong if example not in solver.explained]
        cost = loss + len(failed)
        if self.best is None or cost <= self.best.cost:
            self.best = Explanation(
                "feasible", program, tuple(wrong), cost, bound, tuple(solver.explained), (), self.clock.spent
            )
        else:
            self.best = replace(self.best, bound=max(bound, self.best.bound))
        known = f"{len(solver.explained)} of {solver.examples} examples"
        self.progress(f"{known}, a program that explains all but {len(wrong)}")
        if len(failed) > self.more:
            likelihoods = solver.scores.log_likelihoods([program])[0]
            failed.sort(key=lambda example: float(likelihoods[example]))
        return failed[: self.more]

    def ended(self, status: Status, *, core: "list[int] | None" = None) -> Explanation:
        """What is known at the end."""
        known = self.best or Explanation(status, None, (), inf, 0.0, (), (), 0.0)
        if self.best is not None and status == "unknown":
            status = "feasible"
        return replace(
            known,
            status=status,
            bound=known.cost if status == "optimal" else known.bound,
            asserted=tuple(self.solver.explained),
            core=tuple(sorted(core or ())),
            seconds=self.clock.spent,
            interrupted=self.interrupted,
        )
