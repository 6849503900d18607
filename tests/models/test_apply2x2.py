"""APPLY2X2: the Pyro model, its concrete interpreter and its source text say the same."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro.nn import PyroModule

from ntpt_pyro import Library, mode
from ntpt_pyro.inference import decided, marginal
from ntpt_pyro.models.apply2x2 import APPLY, apply, apply2x2, execute, is_correct, source, target
from ntpt_pyro.models.grid import LINES, MOVE_EAST, MOVE_SOUTH, NOOP, SIDES
from ntpt_pyro.models.nets import net_1


def program(*lines, returned):
    """Lines are instructions, or (APPLY, left, right, op)."""
    found = {}
    for k, line in enumerate(lines, start=1):
        instruction, *addresses = line if isinstance(line, tuple) else (line, 0, 0, 0)
        found[f"instr_{k}"] = instruction
        found |= {f"{part}_{k}": a for part, a in zip(("left", "right", "op"), addresses, strict=True)}
    return {**found, "return": returned}


RIGHT = {
    "top": program(MOVE_EAST, (APPLY, 0, 1, 3), (APPLY, 5, 2, 4), NOOP, returned=6),
    "left": program((APPLY, 0, 1, 3), MOVE_SOUTH, (APPLY, 4, 2, 5), NOOP, returned=6),
    "bottom": program(MOVE_SOUTH, MOVE_EAST, (APPLY, 0, 1, 4), (APPLY, 6, 2, 5), returned=7),
    "right": program(MOVE_EAST, MOVE_SOUTH, (APPLY, 0, 1, 4), (APPLY, 6, 2, 5), returned=7),
}
programs = st.fixed_dictionaries(
    {
        **{f"instr_{k}": st.integers(0, 5) for k in range(1, LINES + 1)},
        **{
            f"{part}_{k}": st.integers(0, k + 2)
            for k in range(1, LINES + 1)
            for part in ("left", "right", "op")
        },
        "return": st.integers(0, LINES + 3),
    }
)


class Perfect(PyroModule):
    """Reads an operator that an image spells out in its first row."""

    copies = None

    def forward(self, images):
        return images[..., 0, :4]


def grids(cells):
    images = torch.zeros(*cells.shape, 28, 28)
    images[..., 0, :4] = torch.eye(4)[cells]
    return images


def test_arithmetic_is_the_papers():
    plus, minus, times, over, none = (partial(apply.function, operator=n) for n in range(5))
    assert (plus(9, 12), minus(3, 5), times(9, 9)) == (2, 17, 5)
    assert (over(17, 5), over(4, 0), over(0, 0)) == (3, 18, 18)
    assert none(5, 5) == 0


def test_the_target_is_evaluated_from_left_to_right():
    # 2 + 3 = 5, 5 x 4 = 20 = 1 modulo 19: not 2 + 12
    assert target((0, 2, 1, 3), (2, 3, 4), "top") == 1
    assert target((0, 2, 1, 3), (2, 3, 4), "left") == (2 + 3 - 4) % 19
    assert target((0, 2, 1, 3), (9, 3, 0), "right") == 18  # over 0


@pytest.mark.parametrize("side", SIDES)
def test_a_right_program_is_right_for_its_task_and_no_other(side):
    assert [other for other in SIDES if is_correct(RIGHT[side], other)] == [side]


@settings(max_examples=25)
@given(programs)
def test_the_model_runs_a_decided_program_as_the_concrete_interpreter_does(found):
    generator = torch.Generator().manual_seed(0)
    cells = torch.randint(4, (60, 4), generator=generator)
    integers = torch.randint(10, (60, 3), generator=generator)
    library = Library([net_1])
    library.net_1 = Perfect()
    data = (grids(cells), integers, torch.zeros(60, dtype=torch.long))
    model = partial(apply2x2, library=library)
    fixed = decided(model, {site: torch.tensor([i]) for site, i in found.items()}, data)
    expected = [
        execute(found, tuple(operators), tuple(given))
        for operators, given in zip(cells.tolist(), integers.tolist(), strict=True)
    ]
    assert mode(fixed(*data))[0].tolist() == expected


@settings(max_examples=50)
@given(programs)
def test_a_dead_line_can_be_left_out(found):
    a, b, c, d, *digits = np.indices((4,) * 4 + (3,) * 3).reshape(7, -1)
    given = tuple(3 * digit for digit in digits)
    for k in range(1, LINES + 1):
        line = next(line for line in source(found) if line.text.startswith(f"R{k + 3} = "))
        if line.dead:
            without = execute({**found, f"instr_{k}": NOOP}, (a, b, c, d), given)
            assert np.array_equal(without, execute(found, (a, b, c, d), given))


def test_the_text_is_the_papers():
    text = [str(line) for line in source({**RIGHT["right"], "net_choice": 1})]
    assert text == [
        "# initialization, READ and MOVE with net_1:",
        "R0 = InputInt[0]",
        "R1 = InputInt[1]",
        "R2 = InputInt[2]",
        "R3 = READ               # dead",
        "# program:",
        "R4 = MOVE_EAST",
        "R5 = MOVE_SOUTH",
        "R6 = APPLY(R0, R1, R4)",
        "R7 = APPLY(R6, R2, R5)",
        "return R7",
    ]


def test_there_are_about_10_to_the_12_programs_as_in_the_paper():
    images = grids(torch.zeros(1, 4, dtype=torch.long))
    data = (images, torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, dtype=torch.long))
    guide = marginal().guide(partial(apply2x2, library=Library([net_1])), *data)
    assert guide.programs() == 6**4 * (4 * 5 * 6 * 7) ** 3 * 8
    assert 6.1e12 < guide.programs() < 6.2e12
