"""The cheapest assignment by OR-tools' CP-SAT, which bounds by linear programs as well as by clauses."""

import math
from collections.abc import Callable, Iterator

import numpy as np


def cp_sat(
    found: Iterator[list[int]],
    variables: int,
    costs: dict[int, int],
    report: Callable[[int, np.ndarray | None], bool],
) -> bool:
    """Find a cheapest assignment.

    :param found: clauses.
    :param variables: how many there are.
    :param costs: what literals cost, above 0.
    :param report: told a bound of the cost and new assignments, a cheapest one at last.
    :returns: whether there is any assignment.
    """
    from ortools.sat.python import cp_model  # an optional dependency

    model = cp_model.CpModel()
    flags = [model.new_bool_var("") for _ in range(variables)]
    literals = dict(enumerate(flags, 1)) | {-at: ~flag for at, flag in enumerate(flags, 1)}
    for clause in found:
        model.add_bool_or([literals[one] for one in clause])
    model.minimize(cp_model.LinearExpr.weighted_sum([literals[one] for one in costs], [*costs.values()]))

    class Watch(cp_model.CpSolverSolutionCallback):
        """Reports each assignment."""

        def on_solution_callback(self) -> None:
            """Called for each that is better."""
            values = [self.boolean_value(flag) for flag in flags]
            report(bound(self.best_objective_bound), np.array([False, *values]))

    def watch_bound(value: float) -> None:
        report(bound(value), None)

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.interleave_search = True  # by turns with linear programs and without: either may matter
    solver.best_bound_callback = watch_bound
    status = solver.solve(model, Watch())
    if status == cp_model.INFEASIBLE:
        return False
    assert status == cp_model.OPTIMAL, solver.status_name(status)
    report(bound(solver.best_objective_bound), None)
    return True


def bound(value: float) -> int:
    """A bound of an integer, from one that is rounded."""
    return max(0, math.ceil(value - 1e-6 * max(1.0, abs(value))))
