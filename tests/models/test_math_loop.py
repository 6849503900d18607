"""MATH against its concrete interpreter."""

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import one_hot
from ntpt_pyro.inference import ForwardMarginals, JointControl, MeanChoices, Strategy
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.models import math_loop as math
from ntpt_pyro.models.math_loop import APPLY, MOVE, NO_RESULT, evaluate, execute, is_correct, source

PARTS = {"instr": 2, "net_choice": 2, "left": 3, "right": 3, "op": 3, "goto": 3}
SITES = {f"{part}_{b}": size for b in range(3) for part, size in PARTS.items()} | {"return": 3}
# L0: R0 = MOVE(net_0); L1: R1 = APPLY(R1, R0, R2); L2: R2 = MOVE(net_1); and round.
SOLUTION = dict.fromkeys(SITES, 0) | {
    "goto_0": 1,
    "instr_1": APPLY,
    "left_1": 1,
    "op_1": 2,
    "goto_1": 2,
    "net_choice_2": 1,
    "return": 1,
}
STRATEGIES = {
    "forward": Strategy(choices=MeanChoices(), steps=ForwardMarginals()),
    "joint": Strategy(choices=MeanChoices(), steps=JointControl()),
}


class Readings:
    """A library whose networks read symbols that are written into the tape's first pixels."""

    def __len__(self):
        return 2

    def __iter__(self):
        yield lambda tapes: one_hot(tapes[..., 0, 0].long() % 10, 10)
        yield lambda tapes: one_hot(tapes[..., 0, 0].long() % 4, 4)


def tapes_of(symbols):
    tapes = torch.zeros(*symbols.shape, 28, 28)
    tapes[..., 0, 0] = torch.from_numpy(symbols).float()
    return tapes


def random_symbols(digits, count=40, seed=0):
    highest = [(10, 4)[place % 2] for place in range(2 * digits - 1)]
    return np.random.default_rng(seed).integers(0, highest, (count, len(highest)))


def run(strategy, program, symbols, **options):
    """The most probable result of a decided program on each tape, from the model."""
    vertices = {site: one_hot(torch.tensor(integer), SITES[site]) for site, integer in program.items()}
    model = pyro.poutine.condition(math.math_loop, data=vertices)
    result = STRATEGIES[strategy](model)(tapes_of(symbols), library=Readings(), **options)
    torch.testing.assert_close(result.max(-1).values, torch.ones(len(symbols)))
    return result.argmax(-1).numpy()


def random_program(generator):
    return {site: int(generator.integers(size)) for site, size in SITES.items()}


def test_the_sites_are_those_of_three_blocks_and_a_return():
    sites = model_sites(math.math_loop, tapes_of(random_symbols(2, 1)), library=Readings())
    assert {name: site.size for name, site in sites.choices.items()} == SITES


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("digits", [1, 2, 5])
def test_the_model_does_what_the_concrete_interpreter_does(strategy, digits):
    generator = np.random.default_rng(digits)
    symbols = random_symbols(digits)
    readings = [list(symbols.T % 10), list(symbols.T % 4)]
    halted = 0
    for _ in range(12):
        program = random_program(generator)
        steps = int(generator.integers(1, 3 * digits + 4))
        expected = execute(program, readings, steps=steps).result
        halted += expected is not None
        found = run(strategy, program, symbols, steps=steps)
        np.testing.assert_array_equal(found, NO_RESULT if expected is None else expected)
    assert 0 < halted < 12


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("digits", [1, 2, 16])
def test_the_solution_is_right_in_the_steps_it_is_given(strategy, digits):
    symbols = random_symbols(digits)
    np.testing.assert_array_equal(run(strategy, SOLUTION, symbols), evaluate(symbols))
    one_less = run(strategy, SOLUTION, symbols, steps=math.steps_needed(2 * digits - 1) - 1)
    assert (one_less == NO_RESULT).all()


def test_the_solution_is_exact_on_a_thousand_expressions_of_a_hundred_digits():
    symbols = random_symbols(100, 1000)
    found = execute(SOLUTION, [list(symbols.T), list(symbols.T)])
    np.testing.assert_array_equal(found.result, evaluate(symbols))
    assert len(found.steps) == 300


def test_expressions_are_evaluated_from_left_to_right():
    # 7 + 5 = 12, x 3 = 36 = 17, - 9 = 8, / 2 = 4
    assert evaluate(np.array([7, 0, 5, 2, 3, 1, 9, 3, 2])) == 4
    assert evaluate(np.array([3, 3, 0])) == 18  # division by zero
    assert evaluate(np.array([2, 1, 5])) == 16  # modulo 19


@pytest.mark.parametrize(
    "wrong",
    [
        {"return": 0},
        {"goto_2": 1},
        {"net_choice_2": 0},  # reads operators as digits
        {"net_choice_0": 1},
        {"left_1": 0, "right_1": 1},  # right but for - and /
        {"goto_1": 1},
    ],
)
def test_the_oracle_knows_right_from_wrong(wrong):
    assert is_correct(SOLUTION)
    assert not is_correct({**SOLUTION, **wrong})


def test_other_arrangements_of_the_same_loop_are_right_too():
    # The digit goes to R0, the operator to R1, the value to R2.
    other = {
        **SOLUTION,
        "goto_0": 2,
        "instr_2": APPLY,
        "left_2": 2,
        "right_2": 0,
        "op_2": 1,
        "goto_2": 1,
        "instr_1": MOVE,
        "net_choice_1": 1,
        "goto_1": 0,
        "return": 2,
    }
    assert is_correct(other)


def test_a_program_that_cannot_halt_says_so_instead_of_running_on():
    stuck = {**SOLUTION, "goto_1": 1}
    run_of_it = execute(stuck, [[3, 0, 4], [3, 0, 4]])
    assert run_of_it.result is None
    assert [step.block for step in run_of_it.steps] == [0, 1]


def test_steps_tell_where_the_head_is_and_what_registers_hold():
    steps = execute(SOLUTION, [[3, 0, 4], [3, 0, 4]]).steps
    assert [(step.block, step.head, *map(int, step.registers)) for step in steps] == [
        (0, 1, 3, 0, 0),
        (1, 1, 3, 3, 0),
        (2, 2, 3, 3, 0),
        (0, 3, 4, 3, 0),
        (1, 3, 4, 7, 0),
        (2, 4, 4, 7, 0),
    ]


def test_the_text_shows_blocks_with_gotos_and_the_loop():
    assert [str(line) for line in source(SOLUTION)] == [
        "# initialization: R0 = R1 = R2 = 0, head before the tape",
        "L0: R0 = MOVE(net_0)        goto L1",
        "L1: R1 = APPLY(R1, R0, R2)  goto L2",
        "L2: R2 = MOVE(net_1)        goto L0",
        "halt at the end of the tape: return R1",
        "# that is:",
        "until the head is past the end of the tape:",
        "    R0 = MOVE(net_0)",
        "    R1 = APPLY(R1, R0, R2)",
        "    R2 = MOVE(net_1)",
        "return R1",
    ]
    aside = source({**SOLUTION, "goto_0": 2, "goto_2": 2})
    assert [line.dead for line in aside[1:4]] == [False, True, False]
    assert [line.text for line in aside[6:9]] == [
        "R0 = MOVE(net_0)",
        "until the head is past the end of the tape:",
        "    R2 = MOVE(net_1)",
    ]


def test_there_are_as_many_programs_as_the_docstring_says():
    assert math.__doc__ is not None
    assert f"{(3 * (2 + 27)) ** 3 * 3:,}" in math.__doc__
