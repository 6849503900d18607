"""Asking an oracle until the examples determine the behaviour."""

import pytest
import torch

from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.inference.solver.solution import Questions, solve_by_asking
from tests import two_registers
from tests.two_registers import PROGRAMS, results


def first_example(program):
    zero = torch.zeros(1, dtype=torch.int64)
    return zero, zero, torch.tensor([two_registers.execute(program, 0, 0)])


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_questions_end_with_the_behaviour_of_the_oracle(number):
    asked = []

    def oracle(question):
        x, y = (int(one) for one in question.inputs)
        asked.append((x, y))
        assert question.expected != question.other
        return [torch.tensor([two_registers.execute(PROGRAMS[number], x, y)])]

    with ProgramSolver(two_registers.model, first_example(PROGRAMS[number])) as solver:
        found, count = solve_by_asking(solver, oracle)
    assert found.determined.status == "determined"
    assert found.question is None
    assert results(found.explanation.program) == results(PROGRAMS[number])
    assert found.explanation.unexplained == ()
    assert count == len(asked) == len(set(asked))
    behaviours = {tuple(results(one)) for one in PROGRAMS}
    assert 1 <= count < len(behaviours)  # each answer excludes a behaviour
    assert len(solver.data[0]) == solver.examples == 1 + count


def test_asking_ends_where_there_is_no_answer_or_after_enough_questions():
    for oracle, most, expected in (
        (lambda question: None, 100, 0),
        (lambda question: [torch.tensor([question.expected["z"]])], 1, 1),
        (lambda question: pytest.fail("asked"), 0, 0),
    ):
        with ProgramSolver(two_registers.model, first_example(PROGRAMS[0])) as solver:
            found, count = solve_by_asking(solver, oracle, Questions(determined=False), most=most)
        assert count == expected
        assert found.determined.status == ("determined" if found.question is None else "undetermined")
        assert found.question is not None or expected


def test_what_no_program_gives_is_not_asked_for_again():
    asked = []

    def oracle(question):
        x, y = (int(one) for one in question.inputs)
        asked.append((x, y))
        return [torch.tensor([(x + 2 * y + 1) % two_registers.SIZE])]  # which no program is

    with ProgramSolver(two_registers.model, first_example(PROGRAMS[0])) as solver:
        found, count = solve_by_asking(solver, oracle, most=8)
    assert found.explanation.core
    assert count == len(asked) == len(set(asked))
