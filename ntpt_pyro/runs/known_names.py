"""Names of strategies and tasks, read from the sources that define them without running these.

Help and completion of the command line need the names, and must not wait for torch.
"""

import ast
import importlib
import pkgutil
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from ntpt_pyro.tasks import builtin

TASKS = "ntpt_pyro.tasks"
"""The group of entry points by which an installed package brings tasks."""
STRATEGIES = ("ntpt_pyro.inference.handlers.strategies", "STRATEGIES")
METHODS = ("ntpt_pyro.runs.methods.named", "METHODS")
ABOUT = ("ntpt_pyro.runs.methods.named", "ABOUT")


def gradient_names() -> list[str]:
    """The strategies that follow a gradient of the choices."""
    return list(table_of(*STRATEGIES))


def strategy_names() -> dict[str, str]:
    """What ``--strategy`` takes.

    :returns: by name what it is; nothing of one that is not ready-made.
    """
    about = table_of(*ABOUT)
    return {name: about.get(name, "") for name in (*table_of(*STRATEGIES), *table_of(*METHODS))}


def known_tasks() -> list[str]:
    """The names of the paper's tasks, and of those that installed packages bring."""
    modules = [f"{builtin.__name__}.{one.name}" for one in pkgutil.iter_modules(builtin.__path__)]
    paper = [name for module in modules for name in table_of(module, "TASKS")]
    return list(dict.fromkeys([*paper, *(point.name for point in entry_points(group=TASKS))]))


def table_of(module: str, name: str) -> dict[str, str]:
    """A dictionary that a module defines, without importing it where its keys are written out.

    :param module: its full name.
    :param name: of the dictionary.
    :returns: by key its value, where that is a text that is written out; else nothing.
    """
    for statement in ast.parse(_source_of(module)).body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        named = any(isinstance(one, ast.Name) and one.id == name for one in targets)
        if not named or not isinstance(statement.value, ast.Dict):
            continue
        keys, values = statement.value.keys, statement.value.values
        if all(isinstance(key, ast.Constant) for key in keys):
            return {_text(key): _text(one) for key, one in zip(keys, values, strict=True)}
    table = getattr(importlib.import_module(module), name)
    return {key: value if isinstance(value, str) else "" for key, value in table.items()}


def _source_of(module: str) -> str:
    """The text of a module; nothing where it has none."""
    spec = find_spec(module)
    loader: Any = None if spec is None else spec.loader
    return "" if loader is None else loader.get_source(module) or ""


def _text(value: ast.expr | None) -> str:
    """A text that is written out; else nothing."""
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
