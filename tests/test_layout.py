"""What holds the rooms together: quiet imports, one direction, one name, a known public surface."""

import ast
import doctest
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("inference", "models", "experiments")
MAY_IMPORT = {
    "language": {"language"},
    "inference": {"language", "inference"},
    "models": {"language", "models"},  # a model never names a strategy
    "experiments": {"language", "inference", "models", "experiments"},
    "cli": {"language", "inference", "models", "experiments", "cli"},
}
# rglob stays out of links, so the language is searched alone.
SOURCES = [path for room in ("ntpt_pyro", *LINKED) for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def module_name(source: Path) -> str:
    parts = source.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "ntpt_pyro" else ("ntpt_pyro", *parts)
    return ".".join(parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    inside = (*module.split("."), "")[1].replace("__main__", "cli")
    return inside if inside in MAY_IMPORT else "language"


def imports(source: Path) -> Iterator[str]:
    """The full dotted name of everything a file imports; a relative one starts with a dot."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_importing_every_module_does_nothing_else(tmp_path):
    script = ROOT / "tests" / "import_everything.py"
    run = subprocess.run(
        [sys.executable, "-P", "-W", "error", script, ROOT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_rooms_depend_in_one_direction(source):
    room = room_of(module_name(source))
    ours = [name for name in imports(source) if name.split(".")[0] == "ntpt_pyro"]
    wrong = [name for name in ours if room_of(name) not in MAY_IMPORT[room]]
    assert not wrong, f"{room} may import from {sorted(MAY_IMPORT[room])} only"


@pytest.mark.parametrize("source", SOURCES + TESTS, ids=relative)
def test_imports_are_written_in_full(source):
    wrong = [name for name in imports(source) if name.split(".")[0] in ("", *LINKED)]
    assert not wrong, "write ntpt_pyro.x: under another name each class would exist twice"


@pytest.mark.parametrize("room", LINKED)
def test_a_room_refuses_any_other_name(room, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    with pytest.raises(ImportError, match=rf"ntpt_pyro\.{room}"):
        importlib.import_module(room)


@pytest.mark.parametrize("name", ["ntpt_pyro", *(f"ntpt_pyro.{room}" for room in LINKED)])
def test_public_names_are_exported_and_documented(name):
    package = importlib.import_module(name)
    loaded = {n for n, v in vars(package).items() if not n.startswith("_") and not inspect.ismodule(v)}
    exported = {n: getattr(package, n) for n in getattr(package, "__all__", [])}  # loads what is lazy
    public = {n: value for n, value in exported.items() if not inspect.ismodule(value)}
    assert loaded <= set(public)
    # Constants and aliases have their text in a string below them, which Python does not keep.
    ours = {n: v for n, v in public.items() if getattr(v, "__module__", "").startswith("ntpt_pyro")}
    undocumented = [name for name, value in ours.items() if not value.__doc__]
    assert not undocumented


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_every_example_is_run(source):
    """doctest silently passes over what a decorator made into an object, as ``@runtime`` does."""
    module = importlib.import_module(module_name(source))
    found = {test.name for test in doctest.DocTestFinder().find(module) if test.examples}
    written = set(examples(ast.parse(source.read_text(encoding="utf-8")), module.__name__))
    assert written == found, "move these examples to the docstring of the class or module"


def examples(node: ast.AST, name: str) -> Iterator[str]:
    """The dotted names of what has an example in its docstring, as doctest would name it."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and ">>> " in (ast.get_docstring(node) or ""):
        yield name
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from examples(child, f"{name}.{child.name}")
