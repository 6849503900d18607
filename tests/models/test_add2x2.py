"""ADD2X2: the Pyro model, its concrete interpreter and its source text say the same."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro.nn import PyroModule

from ntpt_pyro import Library, mode
from ntpt_pyro.inference import decided, marginal
from ntpt_pyro.models.add2x2 import (
    ADD,
    INSTRUCTIONS,
    LINES,
    NOOP,
    add2x2,
    execute,
    is_correct,
    source,
)
from ntpt_pyro.models.grid import SIDES
from ntpt_pyro.models.nets import net_0

EAST, SOUTH, WEST, NORTH = (INSTRUCTIONS.index(f"MOVE_{way}") for way in ("EAST", "SOUTH", "WEST", "NORTH"))


def program(*lines, returned):
    """Lines are instructions, or (ADD, left, right)."""
    found = {}
    for k, line in enumerate(lines, start=1):
        instruction, left, right = line if isinstance(line, tuple) else (line, 0, 0)
        found[f"instr_{k}"] = instruction
        if k > 1:
            found |= {f"left_{k}": left, f"right_{k}": right}
    return {**found, "return": returned}


RIGHT = {
    "top": program(EAST, (ADD, 0, 1), NOOP, NOOP, returned=2),
    "left": program(NOOP, SOUTH, (ADD, 2, 0), NOOP, returned=3),
    "bottom": program(SOUTH, EAST, (ADD, 1, 2), WEST, returned=3),
    "right": program(EAST, SOUTH, (ADD, 1, 2), NOOP, returned=3),
}
programs = st.fixed_dictionaries(
    {
        **{f"instr_{k}": st.integers(0, 5) for k in range(1, LINES + 1)},
        **{f"{side}_{k}": st.integers(0, k - 1) for k in range(2, LINES + 1) for side in ("left", "right")},
        "return": st.integers(0, LINES),
    }
)


class Perfect(PyroModule):
    """Reads a digit that an image spells out in its first row: no network to be trained."""

    copies = None

    def forward(self, images):
        return images[..., 0, :10]


def grids(cells):
    """Images ``[grids, 4, 28, 28]`` that spell out digits ``[grids, 4]``."""
    images = torch.zeros(*cells.shape, 28, 28)
    images[..., 0, :10] = torch.eye(10)[cells]
    return images


def perfect_library():
    library = Library([net_0])
    library.net_0 = Perfect()
    return library


@pytest.mark.parametrize("task", SIDES)
def test_a_right_program_is_right_for_its_task_and_no_other(task):
    assert [side for side in SIDES if is_correct(RIGHT[task], side)] == [task]


@settings(max_examples=40)
@given(programs)
def test_the_model_runs_a_decided_program_as_the_concrete_interpreter_does(found):
    cells = torch.tensor(np.indices((3, 3, 3, 3)).reshape(4, -1).T * 4)  # the digits 0, 4 and 8
    model = partial(add2x2, library=perfect_library())
    images, sums = grids(cells), torch.zeros(len(cells), dtype=torch.long)
    fixed = decided(model, {site: torch.tensor([i]) for site, i in found.items()}, (images, sums))
    result = mode(fixed(images, sums))[0].tolist()
    assert result == [execute(found, tuple(digits)) for digits in cells.tolist()]


@given(programs)
def test_the_interpreter_is_the_same_on_integers_and_on_arrays(found):
    arrays = np.indices((2, 2, 2, 2)).reshape(4, -1) * 9
    together = execute(found, tuple(arrays))
    assert together.tolist() == [execute(found, tuple(map(int, one))) for one in arrays.T]


@given(programs)
def test_a_dead_line_can_be_left_out(found):
    cells = tuple(np.indices((10,) * 4).reshape(4, -1))
    lines = source(found)
    assert len(lines) == LINES + 4
    for k in range(1, LINES + 1):
        line = next(line for line in lines if line.text.startswith(f"R{k} = "))
        if line.dead:
            without = execute({**found, f"instr_{k}": NOOP}, cells)
            assert np.array_equal(without, execute(found, cells))


def test_the_text_is_the_papers():
    text = [str(line) for line in source(program(EAST, SOUTH, (ADD, 0, 1), NOOP, returned=3))]
    assert text == [
        "# initialization:",
        "R0 = READ",
        "# program:",
        "R1 = MOVE_EAST",
        "R2 = MOVE_SOUTH         # dead",
        "R3 = ADD(R0, R1)",
        "R4 = NOOP               # dead",
        "return R3",
    ]


def test_a_move_is_alive_where_a_later_reading_needs_it():
    text = source(program(EAST, SOUTH, NOOP, NOOP, returned=2))
    assert [line.text for line in text if line.dead] == ["R0 = READ", "R3 = NOOP", "R4 = NOOP"]


def test_the_head_stays_at_the_edge():
    assert execute(program(WEST, NORTH, SOUTH, SOUTH, returned=4), (1, 2, 3, 4)) == 3
    assert execute(program(NORTH, NOOP, NOOP, NOOP, returned=1), (1, 2, 3, 4)) == 1


def test_registers_are_modulo_19_and_noop_is_0():
    doubled = program(EAST, (ADD, 0, 0), (ADD, 2, 2), NOOP, returned=3)
    assert execute(doubled, (9, 0, 0, 0)) == 36 % 19
    assert execute(program(NOOP, NOOP, NOOP, NOOP, returned=4), (9, 9, 9, 9)) == 0


def test_there_are_as_many_programs_as_the_docstring_says():
    images, sums = grids(torch.zeros(1, 4, dtype=torch.long)), torch.zeros(1, dtype=torch.long)
    model = partial(add2x2, library=Library([net_0]))
    assert marginal().guide(model, images, sums).programs() == 3_732_480 == 6**4 * 24**2 * 5


def test_two_networks_make_a_choice_between_them():
    library = Library([net_0])
    library.count_steps(1)
    library.add(type(net_0)("net_1", net_0.inputs, 4, (8,)))
    images, sums = torch.rand(2, 4, 28, 28), torch.tensor([3, 4])
    guide = marginal().guide(partial(add2x2, library=library), images, sums)
    assert guide.sites["net_choice"].size == 2
    text = source({**RIGHT["top"], "net_choice": 1})
    assert any("net_1" in line.text for line in text)


def test_unhandled_it_simulates_one_program():
    images = grids(torch.tensor(list(itertools.product((0, 5), repeat=4))))
    result = add2x2(images, library=perfect_library())
    assert result.shape == (16, 19)
    assert ((result == 0) | (result == 1)).all()
    assert (result.sum(-1) == 1).all()
