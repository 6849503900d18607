"""A bound on how much true literals cost together, as clauses."""

from collections.abc import Mapping

import numpy as np

from ntpt_pyro.inference.solver.circuit import TRUE
from ntpt_pyro.inference.solver.clauses import signed
from ntpt_pyro.inference.solver.program_solver import ProgramSolver


def at_most(solver: ProgramSolver, weights: Mapping[int, int], bound: int, *, unless: int) -> None:
    """Have literals cost no more than a bound.

    :param solver: takes the clauses.
    :param weights: what each literal of the circuit costs where it is true, small whole numbers.
    :param bound: that the sum may reach.
    :param unless: a variable that lifts it where it is true.
    """
    from pysat.card import CardEnc, EncType

    left = bound - weights.get(TRUE, 0)
    open_ = {int(signed(np.array(one))): cost for one, cost in weights.items() if one > TRUE and cost}
    too_dear = [number for number, cost in open_.items() if cost > left >= 0]
    never = [part for number in too_dear for part in (-number, unless, 0)]
    solver.engine.add(np.array(never, dtype=np.int32))
    counted = [number for number, cost in open_.items() if cost <= left for _ in range(cost)]
    if left < 0:
        solver.engine.add(np.array([unless, 0], dtype=np.int32))
    elif left < len(counted):
        made = CardEnc.atmost(counted, left, top_id=solver.circuit.variables, encoding=EncType.totalizer)
        solver.circuit.variable(made.nv + 1 - solver.circuit.variables)
        flat = [literal for clause in made.clauses for literal in (*clause, unless, 0)]
        solver.engine.add(np.array(flat, dtype=np.int32))
