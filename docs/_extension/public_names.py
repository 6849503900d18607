"""What is public: each name once, under the shortest path that users import it by."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

import ntpt_pyro

MODULES = (
    "errors",
    *(f"models.{one}" for one in ("add2x2", "apply2x2", "math_loop", "path_len", "turing_machine")),
)
"""Modules of the package that are imported by their own names: their classes and functions are public."""
SINGLE = ("tasks.image_task.ImageTask", "tasks.image_task.digits", "tasks.data.digits.load_digits")
"""Names that are public where their modules are not."""
NOT_IN_PYTHON = ("ntpt_pyro.cli",)
"""Packages whose names are for the command line alone."""


@dataclass(frozen=True)
class PublicName:
    """A name that users import.

    :param path: the shortest one: ``ntpt_pyro.Task``.
    :param thing: what it names.
    :param module: the module that defines it.
    :param name: what it is called there.
    """

    path: str
    thing: object
    module: str
    name: str


@cache
def public_names() -> tuple[PublicName, ...]:
    """Every public name, in the order in which modules define them."""
    shortest: dict[tuple[str, str], PublicName] = {}
    for package in packages():
        for module, name, shown in exports(package):
            found = PublicName(f"{package.__name__}.{shown}", getattr(package, shown), module, name)
            shortest.setdefault((module, name), found)
    for module_name in MODULES:
        module = importlib.import_module(f"ntpt_pyro.{module_name}")
        for name in defined(module):
            path = f"{module.__name__}.{name}"
            found = PublicName(path, getattr(module, name), module.__name__, name)
            shortest.setdefault((module.__name__, name), found)
    for path in SINGLE:
        owner, _, name = f"ntpt_pyro.{path}".rpartition(".")
        found = PublicName(f"{owner}.{name}", getattr(importlib.import_module(owner), name), owner, name)
        shortest.setdefault((owner, name), found)
    return tuple(sorted(shortest.values(), key=lambda one: (one.module, line_of(one.module, one.name))))


def packages() -> Iterator[ModuleType]:
    """The packages that say what is public in them, the shortest path first."""
    yield ntpt_pyro
    for found in pkgutil.walk_packages(ntpt_pyro.__path__, "ntpt_pyro."):
        if found.ispkg and found.name not in NOT_IN_PYTHON:
            package = importlib.import_module(found.name)
            if hasattr(package, "__all__"):
                yield package


def exports(package: ModuleType) -> Iterator[tuple[str, str, str]]:
    """What a package exports: the module that defines it, its name there, and its name in the package."""
    source = Path(str(package.__file__))
    stub = source.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else source).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            beside = f"{package.__name__}." if node.level else ""
            for alias in node.names:
                shown = alias.asname or alias.name
                if shown in package.__all__ and not inspect.ismodule(getattr(package, shown)):
                    yield f"{beside}{node.module}", alias.name, shown


def defined(module: ModuleType) -> list[str]:
    """The classes and functions that a module defines, but for private ones."""
    return [
        name
        for name, thing in vars(module).items()
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__ == module.__name__
        if not name.startswith("_")
    ]


@cache
def analyzed(module: str) -> ModuleAnalyzer:
    """The source of a module, read for the order of its names and the texts below its constants."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    return analyzer


def line_of(module: str, name: str) -> int:
    """Where a module defines a name, as an order."""
    return int(analyzed(module).tagorder.get(name, 0))


def constant_text(one: PublicName) -> list[str] | None:
    """The text below a constant or an alias in the source; None where there is none."""
    found = analyzed(one.module).attr_docs.get(("", one.name))
    return None if found is None else list(found)
