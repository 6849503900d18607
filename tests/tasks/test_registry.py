"""Tasks by their names: the paper's, of a user's file, an installed package, a text; and what is none."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ntpt_pyro import Task, find_task
from ntpt_pyro.errors import DataError, TaskError, UsageError
from ntpt_pyro.tasks import registry, task_names
from ntpt_pyro.tasks.text_task import TextTask
from tests.small import small  # noqa: F401  # a fixture

MINE = """
from tests.two_registers import SUMS, X, Y, model
from ntpt_pyro import Task

sums = Task(model, examples=(X, Y, SUMS))
named = Task(model, examples=(X, Y, SUMS), name="my sums")

def make(lines=3):
    made = Task(model, examples=(X, Y, SUMS))
    made.lines_of_program = lines
    return made
"""


@pytest.fixture
def mine(user_file):
    user_file("mine.py", MINE)


def test_the_papers_tasks_have_names():
    assert task_names() == [
        *(f"{kind}/{side}" for kind in ("add2x2", "apply2x2") for side in ("top", "left", "bottom", "right")),
        "math",
        "path_len",
    ]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", task_names())
def test_a_name_gives_its_task(name):
    task = find_task(name)
    assert (task.name, task.found_by, task.parameters) == (name, name, {})


@pytest.mark.usefixtures("small")
def test_parameters_find_it_again():
    task = find_task("add2x2/top", lines=2, data=Path("somewhere"), download=None)
    assert task.parameters == {"lines": 2}
    assert find_task(task.found_by, **task.parameters).parameters == {"lines": 2}


@pytest.mark.usefixtures("mine")
def test_a_file_of_ones_own_has_tasks_and_functions_that_make_them():
    assert isinstance(find_task("mine.py:sums"), Task)
    assert find_task("mine.py:sums").name == "mine.py:sums"
    assert find_task("mine.py:named").name == "my sums"
    assert find_task("mine.py:named").found_by == "mine.py:named"
    made = find_task("mine.py:make")
    assert (made.lines_of_program, made.name) == (3, "mine.py:make")
    made = find_task("mine.py:make", lines=7)
    assert (made.lines_of_program, made.parameters) == (7, {"lines": 7})


def test_a_file_without_a_name_is_not_run_and_its_tasks_are_named(user_file):
    user_file("mine.py", f"{MINE}\nraise SystemExit\n")
    told = r"expected the name of a task in it \(sums, named\), got none; name the task in it: mine.py:sums"
    with pytest.raises(TaskError, match=told):
        find_task("mine.py")
    user_file("other.py", "def (\n")
    with pytest.raises(TaskError, match=r"task in it, got none; name the task in it: other.py:NAME"):
        find_task("other.py")
    with pytest.raises(TaskError, match=r"nosuch.py: expected a Python file with a task, got no such file"):
        find_task("nosuch.py")


@pytest.mark.usefixtures("mine")
def test_a_file_is_run_once_and_anew_where_it_lies_elsewhere(tmp_path):
    assert find_task("mine.py:sums") is find_task(f"{tmp_path}/mine.py:sums")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "mine.py").write_text(MINE)
    assert find_task("inner/mine.py:sums") is not find_task("mine.py:sums")


def test_a_file_may_import_its_neighbours_and_have_the_name_of_a_module_of_python(user_file):
    user_file("helpers.py", MINE)
    user_file("statistics.py", "from helpers import sums as task\n")
    assert find_task("statistics.py:task").name == "statistics.py:task"
    import statistics

    assert statistics.mean([1, 3]) == 2


def test_a_program_text_is_a_task(user_file):
    user_file(
        "flip.terpret", "x = Input(2)\nturn = Param(2)\ny = Output(2)\nwith turn as t:\n    y.set_to(t)\n"
    )
    user_file("flip.hypers.json", json.dumps({"one": {}}))
    user_file(
        "flip.on.json", json.dumps([{"batch_name": "b", "hypers": "one", "instances": [{"x": 1, "y": 1}]}])
    )
    for name in (
        "flip.terpret:on",
        "flip.terpret:flip.on.json",
        "flip.terpret:flip.hypers.json:flip.on.json",
    ):
        task = find_task(name)
        assert isinstance(task, TextTask)
        assert (task.name, task.found_by) == ("flip", name)
    with pytest.raises(DataError, match=r"flip\.off\.json: expected"):
        find_task("flip.terpret:off")
    with pytest.raises(TaskError, match=r"expected FILE.terpret:DATA or FILE.terpret:HYPERS.json:DATA.json"):
        find_task("flip.terpret:")
    with pytest.raises(TaskError, match=r"got 'flip.terpret'; name the data of the text"):
        find_task("flip.terpret")


# Installed packages.


def installed(monkeypatch, **points):
    made = [EntryPoint(name.replace("_", "-"), value, registry.GROUP) for name, value in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: made if group == registry.GROUP else [])


def test_an_installed_package_brings_tasks(monkeypatch):
    installed(monkeypatch, my_sums="tests.two_registers:sum_task")
    assert task_names()[-1] == "my-sums"
    task = find_task("my-sums")
    assert (task.name, task.found_by) == ("my-sums", "my-sums")
    assert task.check() == 0


def test_a_package_does_not_take_a_name_of_the_papers_tasks(monkeypatch):
    installed(monkeypatch, math="tests.two_registers:sum_task")
    assert task_names().count("math") == 1
    assert type(find_task("math")).__name__ == "Math"


@pytest.mark.parametrize(
    ("value", "got"),
    [("no_such_package:task", "ModuleNotFoundError"), ("tests.two_registers:nothing", "AttributeError")],
)
def test_a_package_that_is_broken_is_told_in_a_line(monkeypatch, value, got):
    installed(monkeypatch, broken=value)
    with pytest.raises(TaskError, match=f"task broken: expected {value}, an entry point .*got {got}"):
        find_task("broken")


# What is no task.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nothing",
            r"task: expected one of add2x2/top, .*FILE\.py:NAME or FILE\.terpret:DATA, got 'nothing'",
        ),
        ("mine.py", "name the task in it: mine.py:sums"),
        ("none.py:task", r"none\.py: expected a Python file with a task, got no such file"),
        ("folder.py:task", r"folder\.py: expected a Python file with a task, got a folder"),
        ("mine.py:other", r"expected a name in mine\.py \(SUMS, X, Y, sums, named\), got 'other'"),
        ("mine.py:", "got ''"),
        ("mine.py:X", "expected a Task, or a function .*, got an object of class Tensor"),
        (
            "mine.py:model",
            "expected a Task, or a function .*, got a function, missing a required argument: 'x'",
        ),
        ("mine.py:Task", "got a function, missing a required argument"),
        ("three.py:make", "expected a Task, or a function .*, got a function that gives int"),
        ("three.py:double", "got an object of class RuntimeFunction"),
    ],
)
def test_what_is_no_task_is_refused_in_a_line(mine, user_file, tmp_path, name, message):
    (tmp_path / "folder.py").mkdir()
    user_file("three.py", "from tests.two_registers import double\ndef make(): return 3\n")
    with pytest.raises(TaskError, match=message) as caught:
        find_task(name)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["math", "path_len", "mine.py:sums"])
def test_a_task_refuses_lines_that_it_does_not_have(mine, name):
    with pytest.raises(UsageError, match=f"--lines: expected none: {name} does not take it, got 3"):
        find_task(name, lines=3)
