"""A task of a user's own, with the same commands as the paper's: a stack machine, and what may be wrong."""

import json
import re
from pathlib import Path

import pytest

from tests.stack_machine import INSTRUCTIONS, LINES

STACK = Path(__file__).parents[1] / "stack_machine.py"
HEAD = """
import pyro, torch
from torch import arange
from ntpt_pyro import Library, Task, Tensor, choice, learn, observe, one_hot, runtime, switch

@runtime([5], 5)
def double(x): return 2 * x % 5

def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 5), double(one_hot(x, 5))]), y)

def reads(x, y=None, *, library):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        seen = library["read"](x)
        observe("y", switch(line, [seen, seen.roll(1, -1)]), y)

x, images = arange(5), torch.rand(20, 2)
"""


@pytest.fixture
def stack(user_file):
    user_file("stack.py", STACK.read_text())


@pytest.mark.usefixtures("stack")
def test_a_stack_machine_is_learned_shown_and_questioned(ntpt):
    code, printed, error = ntpt("learn", "stack.py:task", "--restarts=6", "--steps=300", "--out", "run")
    assert (code, error) == (0, "")
    result = json.loads((Path("run") / "result.json").read_text())
    assert result["program_correct"] is True
    assert (result["task"], result["found_by"]) == ("stack.py:task", "stack.py:task")
    assert set(result["program"]) <= set(INSTRUCTIONS)
    shown = ntpt("show", "run", "--programs", 2, "--plot", "run.png")[1]
    program = shown.split("Right on")[0].splitlines()
    beside = [line.split() for line in program if line.startswith("    ")]
    assert [words[0] for words in beside] == result["program"]
    assert all(re.search(r"[01]\.\d\d", " ".join(words[1:])) for words in beside)
    assert "Right on every example." in shown
    assert "2. probability" in shown
    assert Path("run.png").read_bytes().startswith(b"\x89PNG")
    code, printed, error = ntpt("posterior", "run", "--out", "exact")
    assert (code, error) == (0, "")
    exact = json.loads((Path("exact") / "result.json").read_text())
    assert exact["cost"]["programs"] == len(INSTRUCTIONS) ** LINES
    assert exact["right_behaviours"] > 0.999
    assert exact["certain_labels"]
    assert [one["right"] for one in exact["behaviours"]] == [True]
    assert result["choices"] in [one["choices"] for one in exact["programs"]]
    code, printed, error = ntpt("evaluate", "run", "--seed", 3)
    assert (code, error) == (0, "")
    assert "s0_3" in printed
    assert printed.rstrip().endswith(", right")


@pytest.mark.usefixtures("stack")
def test_restarts_are_measured_on_it(ntpt):
    code, printed, error = ntpt("restarts", "stack.py:task", "--restarts=3", "--steps=30", "--out", "out")
    assert (code, error) == (0, "")
    assert "of 3" in printed


@pytest.mark.usefixtures("stack")
def test_what_its_defaults_say_suits_it(ntpt, user_file):
    user_file("mine.py", "from stack import *\ntask.defaults.update(restarts=2, steps=6, strategy='fmgd')\n")
    assert ntpt("learn", "mine.py:task", "--steps=9", "--rounds=1", "--out", "run")[0] == 0
    result = json.loads((Path("run") / "result.json").read_text())
    assert (result["strategy"], result["restarts"], result["steps"]) == ("fmgd", 2, 9)


# What may be wrong: the list of issue 14, and more. Each is one line.

WRONG = {
    "a file that is not there": (None, "mine.py: expected a Python file with a task, got no such file"),
    "a file that does not import": (
        "import nowhere",
        "mine.py:1: .*ModuleNotFoundError: No module named 'nowhere'",
    ),
    "a file that fails": ("a = 1\nb = a.c", "mine.py:2: .*AttributeError: 'int' object has no attribute 'c'"),
    "a file that is no Python": ("task = (", "mine.py:1: .*SyntaxError: '.*' was never closed"),
    "a file without that name": ("a = 1", r"mine.py:task: expected a name in mine.py \(a\), got 'task'"),
    "a name that is no task": ("task = 1", "expected a Task, or a function .*got an object of class int"),
    "a function of something": ("def task(x): pass", "got a function, missing a required argument: 'x'"),
    "a function that gives something else": ("def task(): pass", "got a function that gives NoneType"),
    "a function that fails": ("def task():\n    return 1 / 0", "mine.py:2: .*ZeroDivisionError"),
    "a model without choices": (
        "def m(x, y=None):\n"
        "    with pyro.plate('e', len(x)): observe('y', one_hot(x, 5), y)\n"
        "task = Task(m, (x, x))",
        "task mine.py:task: expected a model that makes a choice, got one without",
    ),
    "a model without a result": (
        "task = Task(lambda x, y=None: choice('line', 2), (x, x))",
        "expected an observed result, got none",
    ),
    "a model that fails": (
        "def m(x, y=None):\n    choice('line', 2)\n    return x.nothing\ntask = Task(m, (x, x))",
        r"mine.py:\d+: expected code that runs, got AttributeError: 'Tensor' object has no attribute",
    ),
    "a model of other arguments": (
        "task = Task(model, (x, x, x))",
        r"model: expected a function of the 3 tensors of its examples, got one of \(x, y=None\)",
    ),
    "a model that knows no library": (
        "task = Task(model, (x, x), functions=[learn([Tensor(2)], 5)(model)])",
        "a function of the 2 tensors of its examples and library=, got one of",
    ),
    "a model that wants a library": (
        "task = Task(reads, (images, arange(20) % 5))",
        r"a function of the 2 tensors of its examples, got one of \(x, y=None, \*, library\)",
    ),
    "examples of unequal lengths": (
        "task = Task(model, (x, x[:2]))",
        r"mine.py:\d+, task task, examples: expected tensors with the same number .*, got \[5, 2\]",
    ),
    "examples drawn of unequal lengths": (
        "task = Task(model, lambda n, g: (x, x[:2]))",
        r"task mine.py:task, examples: expected tensors with the same number .*, got \[5, 2\]",
    ),
    "results that are no integers": (
        "task = Task(model, (x, x / 2))",
        "expected integers as results, which the last tensor holds, got torch.float32",
    ),
    "results out of the range": (
        "task = Task(model, (x, x + 1))",
        r"observed site 'y': expected observations in 0\.\.4, got 5",
    ),
    "a model and an interpreter that differ": (
        "task = Task(model, (x, 2 * x % 5), execute=lambda program, x: x)",
        r"task mine.py:task, program {'line': 1}, input \d: expected model and execute to give one",
    ),
    "an interpreter that fails": (
        "task = Task(model, (x, x), execute=lambda program, x: x / 0)",
        "task mine.py:task, execute on .*got ZeroDivisionError: division by zero; correct execute",
    ),
    "a module of another output": (
        "def read(x): pass\n"
        "read = learn([Tensor(2)], 5, module=lambda: torch.nn.Linear(2, 4))(read)\n"
        "task = Task(reads, (images, arange(20) % 5), functions=[read])",
        r"read: expected logits of shape \[2, 5\] from its module for 2 rows of inputs, got \[2, 4\]",
    ),
    "a module that fails": (
        "def read(x): pass\n"
        "read = learn([Tensor(2)], 5, module=lambda: torch.nn.Linear(3, 5))(read)\n"
        "task = Task(reads, (images, arange(20) % 5), functions=[read])",
        "'read': expected .* to make a network of inputs .*; correct the module",
    ),
    "a default that is no setting": (
        "task = Task(model, (x, x), defaults={'bogus': 1})",
        "settings: expected names out of .*, got 'bogus'",
    ),
    "a text that fails": (
        "task = Task(model, (x, x), source=lambda program: [1 / 0])",
        r"mine.py:\d+: expected code that runs, got ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("command", ["learn", "posterior"])
def test_a_mistake_is_one_line(refused, user_file, command, what):
    text, message = WRONG[what]
    alone = text is None or "task = Task" not in text
    if text is not None:
        user_file("mine.py", text if alone else HEAD + text + "\n")
    flags = [] if command == "posterior" else ["--restarts=2", "--steps=3"]
    if "module" in what:
        flags += ["--examples=20"]
    error = refused(command, "mine.py:task", *flags)
    assert re.search(message, error), error


def test_debug_shows_where_a_users_error_comes_from(user_file, monkeypatch):
    import sys

    from ntpt_pyro.cli import main
    from ntpt_pyro.errors import TaskError

    user_file("mine.py", "a = 1\nb = a.c\n")
    monkeypatch.setattr(sys, "argv", ["ntpt", "learn", "mine.py:task", "--debug"])
    with pytest.raises(TaskError) as caught:
        main()
    assert isinstance(caught.value.__cause__, AttributeError)


# A task that its user goes on writing at.


@pytest.fixture
def changed(ntpt, user_file):
    """A run of the stack machine, whose programs have got another line, or lost one, since then."""
    from ntpt_pyro.tasks import user_files

    user_file("stack.py", STACK.read_text())
    assert ntpt("learn", "stack.py:task", "--restarts=2", "--steps=9", "--out", "run")[0] == 0

    def change(lines):
        text = STACK.read_text()
        assert "= 7, 4, 3" in text
        user_file("stack.py", text.replace("= 7, 4, 3", f"= 7, {lines}, 3"))
        user_files._loaded.clear()

    return change


@pytest.mark.parametrize(("lines", "site"), [(5, "instr_4"), (3, "instr_3")])
def test_a_program_of_a_task_that_has_changed_is_not_run(ntpt, refused, changed, lines, site):
    before = ntpt("show", "run")
    changed(lines)
    for words in (["evaluate", "run"], ["show", "run", "--example", 0]):
        error = refused(*words)
        assert f"run: expected a task whose choice '{site}' has " in error
        assert error.endswith("the task has changed; make another run of it\n")
    assert ntpt("show", "run") == before
    code, shown, error = ntpt("show", "run", "--programs", 1)  # in the words that the run kept
    assert (code, error) == (0, "")
    assert shown.startswith(before[1])
    assert "instr_3 = " in shown[len(before[1]) :]


def test_a_run_of_a_task_that_has_changed_is_not_gone_on_with(ntpt, refused, changed):
    (Path("run") / "result.json").unlink()  # as if it had been broken off
    words = ("learn", "stack.py:task", "--restarts=2", "--steps=9", "--out", "run", "--resume")
    changed(5)
    assert "expected the task file that the run was begun with, got another content" in refused(*words)
    changed(4)
    assert ntpt(*words)[0] == 0
