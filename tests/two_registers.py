"""A task small enough to try all its programs by hand: one of three functions of two integers."""

from itertools import product

import pyro
import torch

from ntpt_pyro import Task, choice, constant, observe, one_hot, runtime, select, switch, var

SIZE = 5
FUNCTIONS = 3
REGISTERS = 3


@runtime([SIZE, SIZE], SIZE)
def add(x, y):
    return (x + y) % SIZE


@runtime([SIZE], SIZE)
def double(x):
    return 2 * x % SIZE


def model(x, y, z=None):
    """A function of two registers, and the register that is returned."""
    function, returned = choice("function", FUNCTIONS), choice("return", REGISTERS)
    with pyro.plate("examples", len(x)):
        first, second = one_hot(x, SIZE), one_hot(y, SIZE)
        cases = [add(first, second), double(first), constant(0, SIZE)]
        third = var("third", switch(function, cases))
        observe("z", select(returned, [first, second, third]), z)


def execute(program, x, y):
    """The same on plain integers."""
    third = [(x + y) % SIZE, 2 * x % SIZE, 0][program["function"]]
    return [x, y, third][program["return"]]


PROGRAMS = [dict(zip(("function", "return"), pair, strict=True)) for pair in product(range(3), range(3))]
SUM = {"function": 0, "return": 2}
X, Y = torch.cartesian_prod(torch.arange(SIZE), torch.arange(SIZE)).unbind(-1)
SUMS = (X + Y) % SIZE


def results(program) -> list[int]:
    """What a program computes on all pairs of integers, by hand."""
    return [execute(program, x, y) for x, y in zip(X.tolist(), Y.tolist(), strict=True)]


def sum_task(**more) -> Task:
    """The task of finding the program that adds."""
    return Task(model, examples=(X, Y, SUMS), **more)
