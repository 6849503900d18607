"""All that a solver has to say of examples: the best program, and what is certain about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.posterior.program_space import Uses
from ntpt_pyro.inference.solver.differences import Admits, Determined, Difference, Differences
from ntpt_pyro.inference.solver.explaining import Explanation, Progress, explain
from ntpt_pyro.inference.solver.likeliest import CLOSE, likeliest
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.inference.solver.simplest import Costs, Simplicity, simplest

PATIENCE = 5.0
"""Seconds at most for a question beside the program."""
PATIENCE_OF_ASKERS = 60.0
"""The same where somebody answers: to be asked the next question is what they want."""


@dataclass(frozen=True)
class Questions:
    """What a solver is asked, beside the best program.

    :param observed: how many of the model's arguments, the last ones, are results.
    :param uses: for a choice, by its integer, the choices that matter then.
    :param costs: what alternatives cost, for the simplest program; by default 1 for a choice that it reads.
    :param admits: from the inputs to a value of two, whether they are admitted; by default all are.
    :param simplest: ask for the simplest of the best programs.
    :param determined: ask whether the examples determine the behaviour on all inputs.
    :param alternatives: how many programs of other behaviour to look for.
    :param patience: seconds at most to find out whether the examples determine the behaviour, among all
        programs and again among the simplest; and twice as many to find the simplest.

    >>> Questions(alternatives=3).alternatives
    3
    """

    observed: int = 1
    uses: Uses | None = None
    costs: Costs | None = None
    admits: Admits | None = None
    simplest: bool = True
    determined: bool = True
    alternatives: int = 0
    patience: float = PATIENCE


@dataclass(frozen=True)
class Solution:
    """The best program, and what is certain about it.

    :param explanation: the program, and what is proved of it.
    :param simplicity: how simple it is; None where that was not found out.
    :param determined: whether the examples determine the behaviour, among all programs; None where it was not
        asked.
    :param among_simplest: the same among the programs that are as simple.
    :param not_asked: why nothing is known of all inputs, where the model does not let it be asked.
    :param alternatives: programs of other behaviour, that explain the examples as well.
    :param complete: whether there are no others.
    :param gates: of the circuit.
    :param clauses: of it.
    :param seconds: that all of it took.
    """

    explanation: Explanation
    simplicity: Simplicity | None = None
    determined: Determined | None = None
    among_simplest: Determined | None = None
    not_asked: str | None = None
    alternatives: list[Difference] = field(default_factory=list)
    complete: bool = False
    gates: int = 0
    clauses: int = 0
    seconds: float = 0.0

    @property
    def question(self) -> Difference | None:
        """The input to ask for next: on it programs differ that explain the examples as well.

        Of the simplest ones, where these differ.
        """
        for one in (self.among_simplest, self.determined):
            if one is not None and one.difference is not None:
                return one.difference
        return None


def solve(
    solver: ProgramSolver,
    questions: Questions | None = None,
    *,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Solution:
    """Find the best program for examples, prove it, and answer what is asked about it.

    :param solver: of the model and the examples.
    :param questions: what to ask.
    :param seconds: a limit of time for all of it.
    :param progress: told what is going on.
    :returns: the program and the answers; what time did not allow is None.
    :raises NtptError: where the model does what a solver cannot follow: names the site.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe, one_hot, runtime, switch
    >>> @runtime([5], 5)
    ... def double(x): return 2 * x % 5
    >>> def model(x, y=None):
    ...     line = choice("line", 2)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", switch(line, [one_hot(x, 5), double(one_hot(x, 5))]), y)
    >>> with ProgramSolver(model, [torch.tensor([0]), torch.tensor([0])]) as solver:
    ...     found = solve(solver)
    >>> found.explanation.status, found.determined.status
    ('optimal', 'undetermined')
    >>> with ProgramSolver(model, [torch.tensor([0, 3]), torch.tensor([0, 1])]) as solver:
    ...     found = solve(solver)
    >>> found.explanation.program, found.determined.status
    ({'line': 1}, 'determined')
    """
    asked, clock = questions or Questions(), Clock(seconds)
    best = _best(solver, asked, clock, progress)
    if best.program is None or best.interrupted:
        return Solution(best, gates=solver.circuit.gates, clauses=solver.engine.clauses, seconds=clock.spent)
    simplicity = None
    if asked.simplest:
        best, simplicity = _simplest(solver, best, asked, clock, progress)
    found = Solution(best, simplicity)
    if (asked.determined or asked.alternatives) and not best.interrupted:
        found = _of_all_inputs(solver, found, asked, clock, progress)
    return replace(found, gates=solver.circuit.gates, clauses=solver.engine.clauses, seconds=clock.spent)


def _best(solver: ProgramSolver, asked: Questions, clock: Clock, progress: Progress | None) -> Explanation:
    """The best program: the most likely one where functions read, else one that explains most examples."""
    if not solver.reads_anything():
        return explain(solver, seconds=clock.left, progress=progress)
    return likeliest(solver, observed=asked.observed, seconds=clock.left, progress=progress)


def _simplest(
    solver: ProgramSolver, best: Explanation, asked: Questions, clock: Clock, progress: Progress | None
) -> tuple[Explanation, Simplicity | None]:
    better, simplicity = simplest(
        solver,
        best,
        uses=asked.uses,
        costs=asked.costs,
        seconds=clock.at_most(2 * asked.patience),
        progress=progress,
    )
    if solver.reads and better.program is not None and best.program is not None:
        likelihoods = solver.scores.log_likelihoods([best.program, better.program]).sum(-1)
        if float(likelihoods[0] - likelihoods[1]) > CLOSE:  # it reads the same, but less surely
            return best, None
    return better, simplicity


def _of_all_inputs(
    solver: ProgramSolver, found: Solution, asked: Questions, clock: Clock, progress: Progress | None
) -> Solution:
    """What can be said of inputs that no example has."""
    try:
        differences = Differences(solver, found.explanation, observed=asked.observed, admits=asked.admits)
        if asked.determined:
            if progress is not None:
                progress("do the examples determine the behaviour?")
            all_ = differences.determined(seconds=clock.at_most(asked.patience))
            found = replace(found, determined=all_)
            if all_.status != "determined" and found.simplicity is not None and not all_.interrupted:
                simple = differences.determined(
                    simplicity=found.simplicity,
                    uses=asked.uses,
                    costs=asked.costs,
                    seconds=clock.at_most(asked.patience),
                )
                found = replace(found, among_simplest=simple)
        if asked.alternatives:
            others, complete = differences.alternatives(asked.alternatives, seconds=clock.left)
            found = replace(found, alternatives=others, complete=complete)
    except (SiteError, UsageError) as error:
        found = replace(found, not_asked=str(error))
    return found


Oracle = Callable[[Difference], Sequence[Tensor] | None]
"""From a question to the results on its input, ``[1, ...]`` each; an empty list where the input is not meant,
and not to be asked for again. None ends the asking."""


def solve_by_asking(
    solver: ProgramSolver,
    oracle: Oracle,
    questions: Questions | None = None,
    *,
    most: int = 100,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> tuple[Solution, int]:
    """Ask for the results that tell programs apart, until the examples determine the behaviour.

    :param solver: of the model and the examples; those that are asked for are added to it.
    :param oracle: answers.
    :param questions: see :func:`solve`; whether the behaviour is determined is always asked.
    :param most: how many questions to ask.
    :param seconds: a limit of time, without that of the oracle.
    :param progress: told what is going on.
    :returns: the solution at the end, and how many questions were asked.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe, one_hot, runtime, switch
    >>> @runtime([5], 5)
    ... def double(x): return 2 * x % 5
    >>> def model(x, y=None):
    ...     line = choice("line", 2)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", switch(line, [one_hot(x, 5), double(one_hot(x, 5))]), y)
    >>> def doubled(question):
    ...     (x,) = question.inputs
    ...     return [2 * x % 5]
    >>> with ProgramSolver(model, [torch.tensor([0]), torch.tensor([0])]) as solver:
    ...     found, asked = solve_by_asking(solver, doubled)
    >>> found.explanation.program, asked
    ({'line': 1}, 1)
    """
    asked = replace(questions or Questions(patience=PATIENCE_OF_ASKERS), determined=True)
    spent, count, last = 0.0, 0, None
    while True:
        left = None if seconds is None else max(0.0, seconds - spent)
        found = solve(solver, asked, seconds=left, progress=progress)
        spent += found.seconds
        if found.explanation.program is None and last is not None:
            return _last_known(solver, last, found, spent), count
        if found.question is None or count >= most:
            return replace(found, seconds=spent), count
        results = oracle(found.question)
        if results is None:
            return replace(found, seconds=spent), count
        if len(results):
            solver.extend([*found.question.inputs, *results])
            count += 1
        solver.skipped.append(found.question.inputs)  # is not asked for again, explained or not
        last = found


def _last_known(solver: ProgramSolver, last: Solution, found: Solution, seconds: float) -> Solution:
    """The program of the answers before, where none was found any more in time."""
    program = last.explanation.program
    assert program is not None
    wrong = tuple((~solver.scores.right(program)).nonzero().flatten().tolist())
    explanation = replace(
        last.explanation,
        status="feasible",
        unexplained=wrong,
        cost=len(wrong),
        bound=0.0,
        core=found.explanation.core,
        smallest=found.explanation.smallest,
    )
    return Solution(explanation, gates=found.gates, clauses=found.clauses, seconds=seconds)
