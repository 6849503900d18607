"""Examples that no program explains together: a set of them that is as small as time allows."""

from collections.abc import Sequence

from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver

ONE_MORE = 5.0
"""Seconds at most to find out whether one example can be left out."""


def smallest_contradiction(
    solver: ProgramSolver, core: Sequence[int], *, seconds: float | None = None
) -> tuple[tuple[int, ...], bool]:
    """Leave examples out of a contradiction as long as it stays one.

    :param solver: of the model and the examples.
    :param core: asserted examples that no program explains together.
    :param seconds: a limit of time; None is none.
    :returns: the examples that are left; and whether leaving out any of them is known to leave no
        contradiction.
    """
    clock = Clock(seconds)
    kept, tried, certain = list(dict.fromkeys(core)), set[int](), True
    while len(kept) > 1 and not clock.over:
        example = next((one for one in kept if one not in tried), None)
        if example is None:
            return tuple(sorted(kept)), certain
        tried.add(example)
        assumed = solver.signed_explained([one for one in kept if one != example])
        answer = solver.engine.solve(list(assumed), seconds=clock.at_most(ONE_MORE))
        if answer.status == "unsatisfiable":
            kept = [assumed[literal] for literal in answer.core]
        certain &= answer.status != "unknown"
        if answer.interrupted:
            break
    done = len(kept) <= 1 or all(one in tried for one in kept)
    return tuple(sorted(kept)), certain and done
