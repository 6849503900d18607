"""The simplest of the best programs: the one that reads fewest choices, or that costs least as a task counts.

Fit is a weak criterion: a machine that fits its examples may do anything where it was not tried. Of those
that explain the examples equally well, the simplest one is preferred, and proved to be the simplest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ntpt_pyro.inference.posterior.program_space import Uses
from ntpt_pyro.inference.solver.circuit import TRUE
from ntpt_pyro.inference.solver.clauses import signed
from ntpt_pyro.inference.solver.explaining import Explanation, Progress
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver, signed_by_literal
from ntpt_pyro.inference.solver.reads import reads

MOST_ASSERTED = 64
"""Examples that are all asserted first, so that what a program reads on each of them counts."""
Costs = Mapping[str, Sequence[int]]
"""By choice what each of its alternatives costs."""


@dataclass(frozen=True)
class Simplicity:
    """How simple the best program is.

    :param count: choices that it reads on the asserted examples, or what it costs.
    :param bound: no program that explains them as well has less.
    :param of: how many choices there are; None where the task counts otherwise.
    """

    count: int
    bound: int
    of: int | None

    @property
    def proved(self) -> bool:
        """Whether no program that explains the examples as well is simpler."""
        return self.bound >= self.count


def simplest(
    solver: ProgramSolver,
    best: Explanation,
    *,
    uses: Uses | None = None,
    costs: Costs | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> tuple[Explanation, Simplicity | None]:
    """The simplest of the programs that explain the examples as well as the best one does.

    As well means: the same examples, at their most probable readings.

    :param solver: of the model and the examples.
    :param best: a program and what is proved of it, see :func:`~ntpt_pyro.inference.explain`.
    :param uses: for a choice, by its integer, the choices that matter then.
    :param costs: what alternatives cost; by default a choice costs 1 where it is read.
    :param seconds: a limit of time.
    :param progress: told what is going on.
    :returns: the best program with this program in place of its own, and how simple it is; None where the
        time was over before it was known.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe, switch
    >>> from ntpt_pyro.inference import ProgramSolver, explain
    >>> def model(bits):
    ...     which, one, other = choice("which", 2), choice("one", 2), choice("other", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", switch(which, [one, other]), bits)
    >>> with ProgramSolver(model, (torch.tensor([1, 1]),)) as solver:
    ...     found = simplest(solver, explain(solver))
    >>> found[1].count  # two choices are read: which, and one of the others
    2
    """
    clock = Clock(seconds)
    if best.program is None or clock.over:
        return best, None
    if solver.examples <= MOST_ASSERTED:
        solver.add(range(solver.examples))
    while True:
        weights = weights_of(solver, uses, costs)
        kept = as_well(solver, best)

        def told(cost: int | None, bound: int) -> None:
            if progress is not None:
                progress(f"simplest: {'none yet' if cost is None else cost}, at least {bound}")

        fixed = weights.pop(TRUE, 0)
        found = solver.engine.minimise(
            {int(signed(np.array(one))): cost for one, cost in weights.items()},
            kept,
            seconds=clock.left,
            progress=told,
        )
        if found.true is None or found.cost is None:
            return best, None
        program = solver.program(found.true)
        wrong = tuple((~solver.scores.right(program)).nonzero().flatten().tolist())
        failed = [one for one in wrong if one not in solver.explained and one not in best.unexplained]
        if not failed:
            better = replace(
                best,
                program=program,
                unexplained=wrong,
                asserted=tuple(solver.explained),
                interrupted=found.interrupted,
            )
            of = None if costs is not None else len(solver.choices)
            return better, Simplicity(found.cost + fixed, found.bound + fixed, of)
        if found.status != "optimal":
            return best, None
        solver.add(failed[:MOST_ASSERTED])


def weights_of(solver: ProgramSolver, uses: Uses | None, costs: Costs | None) -> dict[int, int]:
    """What makes a program less simple.

    :param solver: of the model and the examples.
    :param uses: see :func:`simplest`.
    :param costs: see :func:`simplest`.
    :returns: by literal of the circuit what it costs where it is true, the constant true too.
    """
    found: dict[int, int] = {}
    if costs is not None:
        for site, each in costs.items():
            for literal, cost in zip(solver.choices[site].tolist(), each, strict=True):
                found[literal] = found.get(literal, 0) + cost
    else:
        roots = np.concatenate([one for part in solver.sure() for one in part.run.results.values()], None)
        for literal in reads(solver.circuit, solver.choices, roots, uses).values():
            found[literal] = found.get(literal, 0) + 1
    solver.write(np.array([*found]))
    return {literal: cost for literal, cost in found.items() if literal != 0 and cost}


def as_well(solver: ProgramSolver, best: Explanation) -> list[int]:
    """Assumptions by which a program explains what the best one does, at the most probable readings.

    :param solver: of the model and the examples.
    :param best: its program, and what that leaves unexplained.
    :returns: literals as the engine takes them.
    """
    wanted = signed_by_literal(solver.surely_explained())
    return [literal for literal, example in wanted.items() if example not in best.unexplained]
