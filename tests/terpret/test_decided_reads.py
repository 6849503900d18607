"""What a solver cannot do with a text is said with its place: functions of what the program decides."""

from functools import partial

import pytest
import torch

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.solver.circuit import Circuit
from ntpt_pyro.inference.solver.model_circuit import run_on_literals
from ntpt_pyro.language.library import Library
from ntpt_pyro.terpret import load

DECLARED = """
images = Input(Tensor(3))[2]
bit = Input(2)
p = Param(2)
fixed = Param(2)
fixed.set_to_constant(1)
kept = Var(Tensor(3))
coded = Var(Tensor(4))[2]
one = Var(Tensor(4))
seen = Var(2)[2]
n = Var(2)
y = Output(2)
@Learn([Tensor(3)], Tensor(4))
def CODE(x): pass
@Learn([2, Tensor(4)], 2)
def READ(b, x): pass
@Learn([Tensor(3)], 2)
def LOOK(x): pass
"""
LINES = DECLARED.count("\n")
GIVEN = torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0, 1])


def compiled(body):
    model = load(DECLARED + body, "text", {})
    run = partial(model, library=Library(model.functions))
    return model, run


@pytest.mark.parametrize(
    ("body", "line", "column", "what"),
    [
        (
            "with p as i:\n    kept.set_to(images[i])\none.set_to(CODE(kept))\ny.set_to(READ(bit, one))\n",
            3,
            17,
            "CODE of kept, which the program decides by p",
        ),
        (
            "one.set_to(CODE(images[0]))\ny.set_to(READ(p, one))\n",
            2,
            15,
            "READ of p, which the program decides by p",
        ),
        (
            "seen[0].set_to(LOOK(images[0]))\none.set_to(CODE(images[1]))\ny.set_to(READ(seen[0], one))\n",
            3,
            15,
            "READ of seen[0], which the program decides by LOOK",
        ),
        (
            "if p == 0:\n    n.set_to(0)\nelse:\n    n.set_to(bit)\none.set_to(CODE(images[0]))\n"
            "y.set_to(READ(n, one))\n",
            6,
            15,
            "READ of n, which the program decides by p",
        ),
        (
            "if p == 0:\n    kept.set_to(images[0])\nelse:\n    kept.set_to(images[1])\ny.set_to(p)\n",
            2,
            5,
            "the tensor kept, which the program decides by p",
        ),
    ],
)
def test_functions_of_what_the_program_decides_are_named(body, line, column, what):
    model, run = compiled(body)
    found = model.beyond_solvers
    assert str(found).startswith(f"text:{LINES + line}:{column}: expected functions that read what instances")
    assert f"got {what}; let functions read each alternative into a Var of its own" in str(found)
    with pytest.raises(UsageError, match="solver, "):
        run_on_literals(run, (*GIVEN, torch.zeros(5, dtype=torch.long)), Circuit())


@pytest.mark.parametrize(
    "body",
    [
        # the remedy: each alternative is read, and the program chooses between integers
        "for i in range(2):\n    coded[i].set_to(CODE(images[i]))\n    seen[i].set_to(READ(bit, coded[i]))\n"
        "with p as i:\n    y.set_to(seen[i])\n",
        "one.set_to(CODE(images[0]))\ny.set_to(READ(fixed, one))\n",
        "if p == 0:\n    kept.set_to(images[0])\nelse:\n    pass\ny.set_to(p)\n",
        "y.set_to(p)\n",
    ],
)
def test_what_a_solver_can_do_is_not_refused(body):
    model, run = compiled(body)
    assert model.beyond_solvers is None
    found = run_on_literals(run, (*GIVEN, torch.zeros(5, dtype=torch.long)), Circuit())
    assert list(found.results) == ["y"]
