"""Does a model agree with its interpreter? The comparison finds a difference, and says where."""

import re

import pyro
import pytest
import torch

from ntpt_pyro import Task, choice, observe, one_hot, switch
from ntpt_pyro.errors import RangeError, SiteError, TaskError
from ntpt_pyro.tasks.checking import executes_right
from ntpt_pyro.tasks.examples import Examples
from tests.two_registers import PROGRAMS, SUMS, X, Y, execute, model, sum_task


def test_model_and_interpreter_that_agree_are_compared_on_every_program():
    assert sum_task(execute=execute).check(programs=20, examples=8) == len(PROGRAMS) * 8
    assert sum_task(execute=execute).check(programs=4, examples=3) == 4 * 3
    assert sum_task().check() == 0


def test_the_first_difference_names_program_and_input():
    def wrong(program, x, y):
        return (execute(program, x, y) + (program["function"] == 1 and x == 1)) % 5

    with pytest.raises(TaskError) as caught:
        sum_task(execute=wrong).check(examples=25)
    message = str(caught.value)
    assert "program {'function': 1, 'return': 0}, input (1, 0)" in message
    assert "expected model and execute to give one result, got 1 from the model, 2 from execute" in message


def test_random_programs_depend_on_the_seed_alone():
    seen = []

    def watched(program, x, y):
        seen.append(tuple(program.values()))
        return execute(program, x, y)

    for seed in (0, 0, 1):
        sum_task(execute=watched).check(programs=4, examples=1, seed=seed)
    assert seen[:4] == seen[4:8] != seen[8:]


def test_checking_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    sum_task(execute=execute).check()
    assert torch.equal(torch.get_rng_state(), before)


def both(x, y=None):
    """A model of two results."""
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        value = one_hot(x, 3)
        observe("first", value, None if y is None else y[:, 0])
        observe("second", switch(line, [value, value.flip(-1)]), None if y is None else y[:, 1])


def test_several_results_are_compared_by_site():
    x = torch.arange(3)
    examples = (x, torch.stack([x, 2 - x], -1))
    right = Task(both, examples, execute=lambda p, x: {"first": x, "second": [x, 2 - x][p["line"]]})
    assert right.check() == 6
    assert (right.right({"line": 1}), right.right({"line": 0})) == (True, False)
    wrong = Task(both, examples, execute=lambda p, x: {"first": x, "second": x})
    with pytest.raises(
        TaskError, match=r"got {'first': 0, 'second': 2} from the model, {'first': 0, 'second': 0}"
    ):
        wrong.check()


@pytest.mark.parametrize(
    ("run", "got"),
    [
        (lambda program, x, y: 1 / 0, "got ZeroDivisionError: division by zero; correct execute"),
        (lambda program, x: 0, "got TypeError: .* takes 2 positional arguments but 3 were given"),
        (lambda program, x, y: {"y": None}, "got TypeError: 'NoneType' object"),
    ],
)
def test_an_interpreter_that_fails_is_told_with_program_and_input(run, got):
    where = re.escape(
        "task task, execute on (0, 0): expected an integer, the result of program {'function': 0"
    )
    with pytest.raises(TaskError, match=f"{where}.*{got}"):
        sum_task(execute=run).check()


@pytest.mark.parametrize(("result", "kind"), [([0, 1], "a list"), (None, "None"), (0.5, "a float")])
def test_an_interpreter_gives_an_integer_or_a_mapping_by_site(result, kind):
    x = torch.arange(3)
    task = Task(both, (x, torch.stack([x, 2 - x], -1)), execute=lambda program, x: result)
    with pytest.raises(TaskError) as error:
        task.check()
    assert str(error.value) == (
        "task task, execute on 0: expected an integer, or where several sites observe a mapping by site, "
        f"{{'first': ...}}, got {kind}; correct execute"
    )
    with pytest.raises(TaskError, match=rf"a mapping by site, {{site: integer}}, got {kind}; correct"):
        executes_right(task, {"line": 0}, None, Examples((x, x)))


def without_choice(x, y=None):
    with pyro.plate("examples", len(x)):
        observe("y", one_hot(x, 5), y)


def in_a_plate(x, y=None):
    with pyro.plate("examples", len(x)):
        line = choice("line", 2)
        observe("y", switch(line, [one_hot(x, 5), one_hot(4 - x, 5)]), y)


def without_result(x, y=None):
    choice("line", 2)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: Task(without_choice, (X, X)), TaskError, "task task: expected a model that makes a choice"),
        (
            lambda: Task(in_a_plate, (X, X)),
            SiteError,
            "choice 'line': expected a choice outside of plates, .*, got one in plate 'examples'",
        ),
        (lambda: Task(without_result, (X, X)), SiteError, "expected an observed result, got none"),
        (lambda: Task(model, (X, Y, SUMS + 9)), RangeError, r"'z': expected observations in 0\.\.4, got"),
        (lambda: Task(model, (X + 9, Y, SUMS)), RangeError, r"one_hot: expected integers in 0\.\.4, got"),
        (
            lambda: Task(without_choice, (X, Y, X)),
            TaskError,
            r"model: expected a function of the 3 tensors of its examples, got one of \(x, y=None\)",
        ),
    ],
)
def test_what_is_wrong_with_a_model_is_told(made, error, message):
    with pytest.raises(error, match=message) as caught:
        made().check()
    assert "\n" not in str(caught.value)


def test_a_model_that_looks_at_a_choice_is_found_out():
    def model(x, y=None):
        line = choice("line", 2)
        with pyro.plate("examples", len(x)):
            ways = [one_hot(x, 5), one_hot((x + 1) % 5, 5)]
            observe("y", ways[int(line.argmax(-1).flatten()[0])], y)

    x = torch.arange(5)
    with pytest.raises(TaskError, match=r"as the program gives by itself, got .* beside others; .* switch"):
        Task(model, (x, x)).check()


@pytest.mark.parametrize("labels", [torch.arange(5).unsqueeze(-1), torch.arange(25).reshape(5, 5) % 5])
def test_one_result_an_example_is_wanted(labels):
    def model(x, y=None):
        line = choice("line", 2)
        with pyro.plate("examples", len(x)):
            observe("y", switch(line, [one_hot(x, 5), one_hot((x + 1) % 5, 5)]), y)

    with pytest.raises(
        SiteError, match=r"observed site 'y': expected one for each element of 'examples', of shape \[3\]"
    ):
        Task(model, (torch.arange(5), labels)).check()


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"model": 3}, "task task, model: expected a Pyro program: a function, got int"),
        ({"functions": [len]}, "task task, functions: expected what @learn declares, got builtin_function"),
        ({"uses": [1]}, "task task, uses: expected a mapping from choices .* got list"),
    ],
)
def test_what_a_task_is_made_of_is_checked(field, message):
    given = {"model": lambda x, y: None, **field}
    with pytest.raises(TaskError, match=message):
        Task(given.pop("model"), (torch.arange(5), torch.arange(5)), **given)
