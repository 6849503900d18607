"""What is printed of one run of a program: its table of steps, or why there is none, and its result."""

from io import StringIO

import pyro
import pytest
import torch

from ntpt_pyro import Task, choice, observe, one_hot, switch
from ntpt_pyro.report.demonstration_report import print_demonstration
from ntpt_pyro.report.plain_console import plain_console
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration


def printed(shown) -> str:
    print_demonstration(plain_console(to := StringIO()), shown)
    return to.getvalue()


def model(x, y=None):
    flipped = choice("flipped", 2)
    with pyro.plate("examples", len(x)):
        for number in range(2):
            letter = one_hot(x[:, number], 3)
            observed = None if y is None else y[:, number]
            observe(f"letter_{number}", switch(flipped, [letter, letter.flip(-1)]), observed)


@pytest.mark.parametrize(
    ("flipped", "verdict"),
    [(0, "2, 'letter_1': 1}, right"), (1, "0, 'letter_1': 1}, not {'letter_0': 2, 'letter_1': 1}")],
)
def test_a_model_without_steps_says_how_to_name_them(flipped, verdict):
    x = torch.tensor([[2, 1]])
    shown = Task(model, examples=(x, x)).demonstrate({"flipped": flipped}, None, Asked(instance=0))
    assert printed(shown) == (
        f"input   [2, 1]\nno steps: name them with var(...) in the model\nresult  {{'letter_0': {verdict}\n"
    )


def test_steps_stand_in_a_table():
    table = Demonstration(("step", "value"), [("a", "1"), ("b", "12")], "3", truth="4")
    assert printed(table) == "step  value\na         1\nb        12\nresult  3, not 4\n"
    assert printed(Demonstration(("step",), [], "3")) == "no steps\nresult  3\n"
