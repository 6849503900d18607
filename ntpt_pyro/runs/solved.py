"""The result of a run that a solver decided."""

from typing import Any

from ntpt_pyro.inference.solver.differences import Determined, Difference
from ntpt_pyro.runs.methods.method import Found, Work
from ntpt_pyro.runs.results import AnotherProgram, SolvedResult, SolverQuestion
from ntpt_pyro.tasks.task import Task


def solved_result(work: Work, found: Found, common: dict[str, Any]) -> SolvedResult:
    """What a solver found and proved.

    :param work: what it was given.
    :param found: by it.
    :param common: fields of every result of a program.
    :returns: the result.
    """
    solution, task = found.solution, work.task
    assert solution is not None
    best, simplicity = solution.explanation, solution.simplicity
    reads = bool(task.functions)
    if any(example >= len(work.examples) for example in best.unexplained):  # an answer that was given
        common = {**common, "program_correct": False}
    return SolvedResult(
        **common,
        behaviours=[],
        log_evidence=None,
        status=best.status,
        cost=best.cost,
        bound=best.bound,
        reads=reads,
        examples=len(work.examples) + found.asked,
        asserted=len(best.asserted),
        unexplained=list(best.unexplained),
        contradiction=list(best.core),
        smallest=best.smallest,
        simplicity=None if simplicity is None else simplicity.count,
        simplicity_bound=None if simplicity is None else simplicity.bound,
        choices_in_all=None if simplicity is None else simplicity.of,
        determined=_word(solution.determined),
        among_simplest=_word(solution.among_simplest),
        not_asked=solution.not_asked,
        question=None if solution.question is None else question_of(task, solution.question),
        asked=found.asked,
        others=[
            AnotherProgram(one.program, task.lines(one.program), question_of(task, one))
            for one in solution.alternatives
        ],
        no_others=solution.complete,
        clauses=solution.clauses,
    )


def question_of(task: Task, difference: Difference) -> SolverQuestion:
    """A question as a person reads it.

    :param task: whose programs differ.
    :param difference: an input on which they do.
    :returns: in words.
    """
    return SolverQuestion(
        inputs=task.input_words(difference.inputs),
        readings={name: str(read) for name, read in difference.readings.items()},
        expected=task.result_words(difference.expected),
        other=task.result_words(difference.other),
    )


def _word(answer: Determined | None) -> str | None:
    return None if answer is None else answer.status
