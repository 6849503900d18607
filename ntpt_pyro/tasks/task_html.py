"""What a task shows itself with in a notebook; nothing is drawn or loaded for it."""

from typing import TYPE_CHECKING

from ntpt_pyro import _html
from ntpt_pyro.language.learned_functions import LearnedFunction

if TYPE_CHECKING:
    from ntpt_pyro.tasks.task import Task


def task_html(task: "Task") -> str:
    """A task in HTML.

    :param task: the task.
    :returns: with the style that it needs.
    """
    model = getattr(task.model, "func", task.model)
    rows = {
        "model": str(getattr(model, "__qualname__", type(model).__name__)),
        "examples": _count(task, "examples"),
        "test examples": _count(task, "test_examples") if task.has_tests else "none: those held back",
    }
    for function in task.functions:
        rows[f"learns {function.name}"] = _types(function) + _doc(function)
    rows["a program is right"] = f"on {task.domain}" if _judged(task) else "is not known: it has no judge"
    if task.defaults:
        rows["defaults"] = ", ".join(f"{name} = {value}" for name, value in task.defaults.items())
    return _html.block(_html.head(task.name, task.about), _html.figures(rows))


def _count(task: "Task", setting: str) -> str:
    """Where examples come from."""
    if setting not in task.undrawn:
        return "drawn, as many as are asked for"
    given = task._test if setting == "test_examples" else task._examples
    return "of its own" if given is None or callable(given) else f"{len(given):,}"


def _judged(task: "Task") -> bool:
    return task._judge is not None or not task.functions


def _types(function: LearnedFunction) -> str:
    """What a function is from and to."""
    ends = [
        f"0..{one - 1}" if isinstance(one, int) else repr(one.shape)
        for one in (*function.inputs, function.out)
    ]
    return f"{' and '.join(ends[:-1])} -> {ends[-1]}"


def _doc(function: LearnedFunction) -> str:
    """What a function is meant to compute, in one line."""
    first = function.doc.strip().split("\n")[0].replace("``", "")
    return f": {first}" if first else ""
