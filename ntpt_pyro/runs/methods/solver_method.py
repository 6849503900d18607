"""The best program by a solver, with a proof; where networks are untrained, a solver proposes teachers."""

from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm

from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.handlers.strategies import marginal
from ntpt_pyro.inference.posterior.decided_programs import columns_of, programs_of
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.solver.likeliest import LEAST
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.solution import (
    PATIENCE,
    PATIENCE_OF_ASKERS,
    Questions,
    Solution,
    solve,
    solve_by_asking,
)
from ntpt_pyro.inference.training.restart_search import Verdict
from ntpt_pyro.runs.answers import Answers
from ntpt_pyro.runs.methods.method import (
    OF_EXHAUSTIVE,
    OF_RESTARTS,
    OF_SOLVER,
    OF_TRAINING,
    Found,
    Work,
    untrained,
)
from ntpt_pyro.runs.methods.taught_by_solver import taught_by_solver


class TeachingSolverMethod:
    """Proposes programs of different behaviour, and teaches untrained networks by the likely ones."""

    defaults: Mapping[str, Any] = {}  # never changed
    ignored = OF_RESTARTS | OF_EXHAUSTIVE | OF_SOLVER
    holds_back = True
    spreads = False

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: nobody can answer for untrained networks."""
        work.task.check_solvable()
        if work.oracle is not None:
            raise UsageError(
                f"solver, {work.task.name}",
                expected="trained functions, where it asks for examples",
                got=f"{', '.join(untrained(work.task, work.library))} untrained",
                remedy="leave out the oracle (--ask), or give a library that reads (--library)",
            )

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        return taught_by_solver(work, number)


class SolverMethod:
    """Finds the program that explains the examples best, and proves it."""

    defaults: Mapping[str, Any] = {"examples": 64, "rounds": 1, "test_examples": 2000}
    ignored = OF_RESTARTS | OF_TRAINING | OF_EXHAUSTIVE
    holds_back = False
    spreads = False

    def prepare(self, work: Work) -> None:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`: what cannot run on literals is refused."""
        work.task.check_solvable()

    def search(self, work: Work, number: int) -> Found:
        """See :class:`~ntpt_pyro.runs.methods.method.Method`."""
        task, settings, library = work.task, work.settings, work.library.eval()
        model, data = task.with_library(library), work.examples.tensors
        questions = Questions(
            observed=task.observed,
            uses=task.uses,
            costs=task.costs,
            admits=task.admits,
            alternatives=settings.alternatives,
            patience=PATIENCE if work.oracle is None else PATIENCE_OF_ASKERS,
        )
        with (
            ProgramSolver(model, data, least=LEAST, workers=work.workers) as solver,
            tqdm(desc=task.name, disable=not work.progress, leave=False, bar_format="{desc}") as bar,
        ):

            def told(words: str) -> None:
                bar.set_description_str(f"{task.name}: {words}")

            if work.oracle is None:
                solution = solve(solver, questions, seconds=settings.seconds, progress=told)
            else:
                answers = Answers(task, work.oracle, work.answers)
                solution, _ = solve_by_asking(
                    solver, answers, questions, seconds=settings.seconds, progress=told
                )
            return _found(work, solver, solution)


def _found(work: Work, solver: ProgramSolver, solution: Solution) -> Found:
    """What the solver found, as every method says it."""
    best = solution.explanation
    if best.program is None:
        raise BudgetError(
            f"solver, {work.task.name}",
            expected=f"a program within {work.settings.seconds:g} s",
            got="none until it was stopped" if best.interrupted else "none",
            remedy="give more time (--seconds) or fewer examples",
        )
    programs = [best.program, *(one.program for one in solution.alternatives)]
    likelihoods = solver.scores.log_likelihoods(programs).double().sum(-1)
    posterior = ProgramPosterior(columns_of(programs), likelihoods, solver.scores.sizes, hidden=1.0)
    share = 1 - len(best.unexplained) / solver.examples
    verdict = Verdict(0, share, programs_of(best.program))
    asked = solver.examples - len(work.examples)
    return Found(
        verdict, work.library, 0, None, None, marginal(), posterior=posterior, solution=solution, asked=asked
    )
