"""Slips of the first hour: each is told in words, with what to write instead."""

import pyro
import pytest
import torch

from ntpt_pyro import Task, choice, constant, observe, one_hot, switch
from ntpt_pyro.errors import NtptError, RangeError, UsageError
from ntpt_pyro.inference import (
    ProgramSpace,
    Training,
    exact_posterior,
    fit,
    marginal,
    marginals,
    most_probable,
)
from ntpt_pyro.language.undecided_values import without_shapes

X = torch.arange(6) % 3
TABLE = torch.eye(3)


def by(decide):
    """A model that decides by a value as Python does by an integer."""

    def model(x, y=None):
        line = choice("line", 3)
        with pyro.plate("examples", len(x)):
            observe("y", decide(line, one_hot(x, 3)), y)

    return model


def plain(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 3), one_hot((x + 1) % 3, 3)]), y)


FORMS = {
    "if": (lambda line, x: x if line == 0 else -x, "if, while, and, or, not or in"),
    "in": (lambda line, x: x if line in (0, 1) else -x, "if, while, and, or, not or in"),
    "list": (lambda line, x: [x, x, x][line], r"\[...\] or range\(\)"),
    "range": (lambda line, x: sum(x for _ in range(line)), r"\[...\] or range\(\)"),
    "tensor": (lambda line, x: TABLE[line], r"\[...\]"),
    "int": (lambda line, x: constant(int(line), 3), r"int\(\) or float\(\)"),
    "item": (lambda line, x: constant(line.item(), 3), r"\.item\(\)"),
    "dict": (lambda line, x: {0: x}[line], r"dict\[...\]"),
    "ours": (lambda line, x: constant(line, 3), "if, while, and, or, not or in"),
}
ENTRIES = {
    "fit": lambda model: fit(model, (X, X), steps=1),
    "exact posterior": lambda model: exact_posterior(model, (X, X)),
    "program space": lambda model: ProgramSpace.of(model, (X, X)),
    "strategy.guide": lambda model: marginal().guide(model, X, X),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_pythons_control_flow_on_a_value_is_told_with_its_line(entry, form):
    decide, said = FORMS[form]
    with pytest.raises(RangeError) as caught:
        ENTRIES[entry](by(decide))
    assert caught.match(
        rf"{entry}, .*test_first_run.py:\d+: expected .* nothing is decided yet, got Python's {said} of a "
        r"tensor, in `.*`; write switch\(line, cases\) or select\(line, items\)$"
    )


def test_other_errors_of_a_model_stay_what_they_are():
    with pytest.raises(ZeroDivisionError):
        exact_posterior(by(lambda line, x: x / 0 if 1 / 0 else x), (X, X))


def test_the_shapes_of_pyros_trace_are_no_part_of_a_message():
    def model():
        choice("line", 3)
        raise ValueError("two\nlines")

    with pytest.raises(ValueError, match="Trace Shapes") as caught:
        pyro.poutine.trace(model).get_trace()
    assert without_shapes(str(caught.value)) == "two\nlines"


TASK = Task(plain, examples=(X, X))
SLIPS = {
    "a name": (
        lambda: fit(plain, (X, X), strategy="marginal", steps=1),
        r"fit, strategy: expected a strategy, such as marginal\(\), got 'marginal'; .*names are for induce",
    ),
    "a function": (lambda: fit(plain, (X, X), strategy=marginal, steps=1), "got marginal, not called; call"),
    "of a training": (lambda: Training(plain, (X, X), strategy=marginal), "got marginal, not called"),
    "of marginals": (
        lambda: marginals(marginal, plain, marginal().guide(plain, X, X), (X, X)),
        "got marginal, not called",
    ),
    "of programs": (
        lambda: most_probable("fmgd", plain, marginal().guide(plain, X, X), (X, X)),
        "got 'fmgd'",
    ),
    "a task": (
        lambda: fit(TASK, (X, X), steps=1),
        "fit, model: expected a model, .*got a Task; give task.model",
    ),
    "a task's posterior": (lambda: exact_posterior(TASK, (X, X)), r"got a Task; .*induce\(task\)"),
    "no model": (lambda: marginal().guide(3, X, X), "got a int; give the function itself"),
    "a tuple": (
        lambda: marginal().guide(plain, (X, X)),
        r"strategy.guide: expected the model's arguments one by one, got one tuple of 2 tensors; .*\*data",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_told(slip):
    wrong, message = SLIPS[slip]
    with pytest.raises(UsageError, match=message):
        wrong()


def test_a_step_on_one_tuple_is_told():
    strategy = marginal()
    guide = strategy.guide(plain, X, X)
    adam = pyro.optim.Adam({"lr": 0.1})
    svi = pyro.infer.SVI(strategy(plain), strategy(guide), adam, strategy.elbo())
    with pytest.raises(
        NtptError, match=r"one_hot: expected a tensor of integers, got a tuple; .*step\(\*data\)"
    ):
        svi.step((X, X))
