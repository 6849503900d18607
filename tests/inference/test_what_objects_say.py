"""Objects say in one line what they are."""

import pyro
import pytest
import torch

from ntpt_pyro import Examples, Library, Settings, Task, choice, induce, observe, one_hot, switch
from ntpt_pyro.inference import (
    Circuit,
    Differences,
    EarlyStop,
    Expectation,
    ProgramSolver,
    ProgramSpace,
    Proposer,
    Restarts,
    SplitAdam,
    SureReadings,
    enumeration,
    exact_posterior,
    explain,
    fit,
    marginal,
    relaxed,
)
from ntpt_pyro.terpret import load
from tests.inference.with_pyro.hybrid import examples, shifted

X = torch.arange(6) % 3


def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 3), one_hot((x + 1) % 3, 3)]), y)


TEXT = """
flip = Param(2)
out = Output(2)
out.set_to(flip)
"""


def differences():
    with ProgramSolver(model, (X, X)) as solver:
        return Differences(solver, explain(solver))


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
    "sure readings": (SureReadings, "SureReadings()"),
    "expectation": (
        lambda: Expectation({"line": torch.tensor([0, 1])}, torch.tensor([0.5, 0.5])),
        "<Expectation over 2 programs of line>",
    ),
    "early stop": (lambda: EarlyStop(50), "EarlyStop(50, least_gain=0.0)"),
    "circuit": (Circuit, "<Circuit: 1 variables, 0 gates>"),
    "differences": (differences, "<Differences from {'line': 0} of <ProgramSolver of line: "),
    "proposer": (
        lambda: Proposer(model, (X, X), free=[]),
        "<Proposer: 6 examples, 0 questions put to the solver>",
    ),
    "adam": (
        lambda: SplitAdam([torch.zeros(1)], choice_lr=0.1, library_lr=1e-3),
        "<SplitAdam: choice_lr=0.1, library_lr=0.001>",
    ),
    "text": (lambda: load(TEXT, "flip.py", {}), "<TerpretModel flip.py: 1 choice, 3 statements>"),
    "result": (
        lambda: induce(Task(model, examples=(X, X)), restarts=1, steps=3).result,
        "<LearnedResult of task: ",
    ),
    "settings": (Settings, "Settings(strategy='marginal', examples=1000, "),
    "examples": (lambda: Examples((X, X)), "<Examples 6 of 1 input(s) and a result>"),
}


@pytest.mark.parametrize(("made", "said"), OBJECTS.values(), ids=OBJECTS)
def test_objects_say_what_they_are(made, said):
    found = repr(made())
    assert found.startswith(said)
    assert "\n" not in found
    assert " at 0x" not in found
