"""Machines of the sizes published with TerpreT: programs written by hand reproduce what is to be learned."""

from functools import cache
from pathlib import Path

import pytest

from ntpt_pyro.tasks.text_task import text_task_named

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
STAY, RIGHT, LEFT = 0, 1, 2
HALT, START, BACK = 0, 1, 2
BLANK = 2
INVERT = {(START, 0): (1, RIGHT, START), (START, 1): (0, RIGHT, START), (START, BLANK): (BLANK, STAY, HALT)}
PREPEND = {
    (1 + carried, seen): (carried, STAY, HALT) if seen == BLANK else (carried, RIGHT, 1 + seen)
    for carried in (0, 1)
    for seen in (0, 1, BLANK)
}
"""State 1 carries a 0 to the right, state 2 a 1."""
DECREMENT = {
    (START, 0): (0, RIGHT, START),
    (START, 1): (1, RIGHT, START),
    (START, BLANK): (BLANK, LEFT, BACK),
    (BACK, 0): (1, LEFT, BACK),
    (BACK, 1): (0, STAY, HALT),
}
READ, INC, WRITE = 2, 4, 1
ACCESS = ((READ, 0, 0), (INC, 0, 0), (READ, 0, 0), (WRITE, 1, 0))
"""The instruction of each block, and the registers that it reads."""


def machine(states, table):
    """A Turing machine; what it never comes to is 0."""
    return {
        f"{name}_{state}_{seen}": table.get((state, seen), (0, 0, 0))[part]
        for part, name in enumerate(("write", "direction", "following"))
        for state in range(states)
        for seen in (0, 1, BLANK)
    }


def blocks(lines):
    """Blocks one after the other, the last one before the halting one; results go to register 0."""
    found = dict.fromkeys([f"{name}_0" for name in ("first", "second", "out", "tested")], 0)
    for k, (instruction, first, second) in enumerate(lines, start=1):
        after = k + 1 if k < len(lines) else HALT
        found |= {f"instruction_{k}": instruction, f"first_{k}": first, f"second_{k}": second}
        found |= {f"out_{k}": 0, f"tested_{k}": 0, f"if_zero_{k}": after, f"otherwise_{k}": after}
    return found


TURING = {"tape_length": 5, "symbols": 3}
WRITTEN = {
    "halting_turing.terpret:invert": ({**TURING, "states": 2, "steps": 6}, machine(2, INVERT)),
    "halting_turing.terpret:prepend": ({**TURING, "states": 4, "steps": 6}, machine(4, PREPEND)),
    "halting_turing.terpret:decrement": ({**TURING, "states": 4, "steps": 9}, machine(4, DECREMENT)),
    "memory_blocks.terpret:access": ({"size": 5, "registers": 2, "blocks": 4, "steps": 5}, blocks(ACCESS)),
}


@cache
def task_named(name):
    return text_task_named(f"{TEXTS / name}")


@pytest.mark.parametrize("name", WRITTEN)
def test_a_program_written_by_hand_reproduces_every_instance_of_a_published_size(name):
    task, (sizes, program) = task_named(name), WRITTEN[name]
    assert task.train.model.hypers == sizes
    assert len(task.train.instances) == 5
    assert set(program) == {cell.site for cell in task.train.model.params} - {
        cell.site for cell in task.train.model.constants
    }
    for batch in task.batches:
        assert task.reproduced(batch, program, None) == len(batch.instances)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_text_of_a_published_size_means_the_same_compiled_and_run(name):
    assert task_named(name).check() == 100


def test_the_halting_state_has_a_row_of_its_own_that_nothing_reads():
    name = "halting_turing.terpret:invert"
    task, program = task_named(name), dict(WRITTEN[name][1])
    program |= {"write_0_2": 1, "direction_0_2": LEFT, "following_0_2": START}
    assert task.right(program)
