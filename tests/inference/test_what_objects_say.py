"""Objects say in one line what they are."""

import pyro
import pytest
import torch

from ntpt_pyro import Library, Task, choice, observe, one_hot, switch
from ntpt_pyro.inference import (
    ProgramSolver,
    ProgramSpace,
    Restarts,
    enumeration,
    exact_posterior,
    fit,
    marginal,
    relaxed,
)
from tests.inference.with_pyro.hybrid import examples, shifted

X = torch.arange(6) % 3


def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 3), one_hot((x + 1) % 3, 3)]), y)


OBJECTS = {
    "strategy": (marginal, "Strategy(choices=MeanChoices(), steps=ForwardMarginals(), kl=1.0)"),
    "relaxed": (lambda: relaxed(0.5), "Strategy(choices=RelaxedChoices(temperature=0.5, "),
    "enumeration": (enumeration, "Strategy(choices=EnumeratedChoices("),
    "training": (
        lambda: fit(model, (X, X), steps=2),
        "<Training: 1 restart of 1 trained choice, 2 steps",
    ),
    "training of two kinds": (
        lambda: fit(shifted, examples(), guide=marginal().guide(shifted, *examples()), restarts=1, steps=1),
        "<Training: 1 restart of 1 trained choice, 1 step, loss",
    ),
    "guide": (lambda: fit(model, (X, X), steps=0).guide, "<ChoiceGuide of line: 2 programs>"),
    "exact": (
        lambda: exact_posterior(model, (X, X)),
        "<ExactPosterior <ProgramPosterior: 2 programs",
    ),
    "solver": (lambda: ProgramSolver(model, (X, X)), "<ProgramSolver of line: 0 of 6 examples asserted>"),
    "space": (lambda: ProgramSpace({"line": 2}), "<ProgramSpace: 2 programs, 2 joint settings of 1 choices>"),
    "task": (lambda: Task(model, examples=(X, X), name="mine"), "<Task mine>"),
    "library": (Library, "<Library without functions>"),
    "restarts": (lambda: Restarts(3), "Restarts(3, dim=-2, sharpness=10.0, decay=0.9)"),
}


@pytest.mark.parametrize(("made", "said"), OBJECTS.values(), ids=OBJECTS)
def test_objects_say_what_they_are(made, said):
    found = repr(made())
    assert found.startswith(said)
    assert "\n" not in found
    assert " at 0x" not in found
