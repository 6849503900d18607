"""Finding a task by its name: the paper's, those of installed packages, a user's file, a program text.

=======================  ====================================================================================
name                     what it is
=======================  ====================================================================================
``add2x2/top``, ...      one of :mod:`ntpt_pyro.tasks.builtin`, or of an entry point (group
                         ``ntpt_pyro.tasks``)
``FILE.py:NAME``         a :class:`~ntpt_pyro.Task`, or a function that makes one, in a file of the user's
``FILE.terpret:DATA``    a program text with its data, see :mod:`ntpt_pyro.tasks.text_task`; also
                         ``FILE:HYPERS.json:DATA.json``
=======================  ====================================================================================
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ntpt_pyro.errors import NtptError, TaskError, UsageError
from ntpt_pyro.tasks import builtin
from ntpt_pyro.tasks.task import UNNAMED, Task
from ntpt_pyro.tasks.task_contents import digest_of_bytes
from ntpt_pyro.tasks.user_files import load_user_file

GROUP = "ntpt_pyro.tasks"
"""The group of entry points by which an installed package brings tasks."""

NAMES = "task"
"""Where an error is that says there is no task of a name."""


def task_names() -> list[str]:
    """The names of the paper's tasks, and of those that installed packages bring.

    :returns: the names, the paper's first.

    >>> "add2x2/top" in task_names()
    True
    """
    return list({**_builtin(), **_installed()})


def find_task(name: str, **parameters: Any) -> Task:
    """The task of a name.

    :param name: see :mod:`ntpt_pyro.tasks.registry`.
    :param parameters: what the task is made with (``lines``, ``data``, ``download``), where it is not None;
        folders of data are for tasks that take them.
    :returns: the task; its name, parameters and ``found_by`` find it again.
    :raises TaskError: where there is none of that name, or what is there is no task.
    :raises UsageError: where it does not take a parameter.

    >>> find_task("add2x2/top").name
    'add2x2/top'
    """
    given = {key: value for key, value in parameters.items() if value is not None}
    made = _made(name, _source(name), given)
    made.name = name if made.name == UNNAMED else made.name
    made.found_by = name
    made.parameters = {key: value for key, value in given.items() if not isinstance(value, Path)}
    file, separator, _ = name.partition(":")
    if separator and file.endswith(".py"):
        made.files = {"task file": digest_of_bytes(Path(file).read_bytes())}
    return made


def _source(name: str) -> Any:
    """A task, or what makes it."""
    file, separator, inside = name.partition(":")
    if file.endswith(".terpret") or ":" in inside:
        from ntpt_pyro.tasks.text_task import text_task_named

        return text_task_named(name)
    if separator and file.endswith(".py"):
        return load_user_file(Path(file), inside)
    if name in (known := _builtin()):
        return known[name]
    if name in (installed := _installed()):
        return _load_installed(installed[name])
    if name.endswith(".py"):
        raise _no_name(name)
    near = [one for one in (*known, *installed) if one.startswith(f"{name}/")]
    near = near or get_close_matches(name, [*known, *installed], n=3, cutoff=0.7)
    raise TaskError(
        NAMES,
        expected=f"one of {', '.join([*known, *installed])}, FILE.py:NAME or FILE.terpret:DATA",
        got=repr(name),
        remedy=f"did you mean {', '.join(near)}?" if near else "pick one (`ntpt tasks` lists them)",
    )


def _no_name(file: str) -> TaskError:
    """The error of a user's file without the name of a task: names those that its text shows."""
    if not Path(file).is_file():
        return TaskError(file, expected="a Python file with a task", got="no such file", remedy="correct it")
    try:
        statements = ast.parse(Path(file).read_bytes()).body
    except (SyntaxError, ValueError):
        statements = []
    made = [one for one in statements if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)]
    named = [
        target.id
        for one in made
        if ast.unparse(one.value).split("(")[0].endswith("Task")
        for target in one.targets
        if isinstance(target, ast.Name)
    ]
    told = f" ({', '.join(named)})" if named else ""
    return TaskError(
        file,
        expected=f"the name of a task in it{told}",
        got="none",
        remedy=f"name the task in it: {file}:{named[0] if named else 'NAME'}",
    )


def _made(name: str, source: Any, given: dict[str, Any]) -> Task:
    """The task itself, made with the parameters that it takes."""
    if isinstance(source, Task):
        _check_taken(name, set(), given)
        return source
    if not (inspect.isroutine(source) or inspect.isclass(source) or isinstance(source, partial)):
        raise _no_task(name, f"an object of class {type(source).__name__}")
    taken = set(inspect.signature(source).parameters)
    _check_taken(name, taken, given)
    used = {key: value for key, value in given.items() if key in taken}
    try:
        inspect.signature(source).bind(**used)
    except TypeError as error:
        raise _no_task(name, f"a function, {error}") from error
    made = source(**used)
    if not isinstance(made, Task):
        raise _no_task(name, f"a function that gives {type(made).__name__}")
    made.takes_data = "data" in taken
    return made


def _check_taken(name: str, taken: set[str], given: dict[str, Any]) -> None:
    for key in given:
        if key not in taken and key not in ("data", "download"):
            raise UsageError(
                f"--{key}",
                expected=f"none: {name} does not take it",
                got=str(given[key]),
                remedy="leave it out",
            )


def _no_task(name: str, got: str) -> TaskError:
    return TaskError(
        name,
        expected="a Task, or a function without arguments that makes one",
        got=got,
        remedy="write NAME = Task(model, examples=(inputs, results))",
    )


def _builtin() -> Mapping[str, Callable[..., Task]]:
    """What makes each of the paper's tasks, by name."""
    found: dict[str, Callable[..., Task]] = {}
    for module in pkgutil.iter_modules(builtin.__path__, f"{builtin.__name__}."):
        found |= importlib.import_module(module.name).TASKS
    return found


def _installed() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load_installed(point: EntryPoint) -> Any:
    """What an entry point names; another package's code, in which anything may go wrong."""
    try:
        return point.load()
    except NtptError:
        raise
    except Exception as error:
        raise TaskError(
            f"task {point.name}",
            expected=f"{point.value}, an entry point of an installed package",
            got=f"{type(error).__name__}: {error}",
            remedy="install the package again, or remove it",
        ) from error
