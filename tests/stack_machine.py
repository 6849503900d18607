"""A stack machine: which instructions compute (x + y) * y? Learned from integers and results alone."""

import pyro
import torch

from ntpt_pyro import Line, Task, choice, constant, observe, one_hot, runtime, switch, var

RANGE, LINES, DEPTH = 7, 4, 3
INSTRUCTIONS = ("PUSH 0", "PUSH 1", "PUSH 2", "ADD", "MUL", "DUP", "SWAP")


@runtime([RANGE, RANGE], RANGE)
def add(a, b):
    return (a + b) % RANGE


@runtime([RANGE, RANGE], RANGE)
def mul(a, b):
    return a * b % RANGE


def model(pairs, results=None):
    """Four instructions run on a stack of three, which begins with two integers."""
    program = [choice(f"instr_{k}", len(INSTRUCTIONS)) for k in range(LINES)]
    with pyro.plate("examples", len(pairs)):
        x, y = one_hot(pairs, RANGE).unbind(-2)
        zero = constant(0, RANGE)
        stack = [y, x, zero]  # the top first
        for k, instruction in enumerate(program):
            top, second, third = stack
            cases = [[constant(n, RANGE), top, second] for n in range(3)]
            cases += [[operate(second, top), third, zero] for operate in (add, mul)]
            cases += [[top, top, second], [second, top, third]]
            stack = [var(f"s{d}_{k}", switch(instruction, [case[d] for case in cases])) for d in range(DEPTH)]
        observe("result", stack[0], results)


def execute(program, pair):
    """The same machine on plain integers."""
    stack = [pair[1], pair[0], 0]
    for k in range(LINES):
        name = INSTRUCTIONS[program[f"instr_{k}"]]
        top, second, third = stack
        if name.startswith("PUSH"):
            stack = [int(name[-1]), top, second]
        elif name in ("ADD", "MUL"):
            stack = [(second + top if name == "ADD" else second * top) % RANGE, third, 0]
        else:
            stack = [top, top, second] if name == "DUP" else [second, top, third]
    return stack[0]


def text(program):
    return [Line(INSTRUCTIONS[program[f"instr_{k}"]], sites=(f"instr_{k}",)) for k in range(LINES)]


pairs = torch.cartesian_prod(torch.arange(RANGE), torch.arange(RANGE))
task = Task(
    model,
    examples=(pairs, (pairs[:, 0] + pairs[:, 1]) ** 2 % RANGE),
    execute=execute,
    source=text,
    words=lambda site, integer: INSTRUCTIONS[integer],
)
