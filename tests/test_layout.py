"""What holds the rooms together: quiet imports, one direction, one name, a known public surface."""

import ast
import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntpt_pyro.tasks import task_names

ROOT = Path(__file__).parents[1]
LINKED = ("inference", "models", "experiments")
BELOW_ALL = {"errors", "bounds", "_files", "_html"}
MAY_IMPORT = {
    "language": set(),
    "terpret": {"language"},
    "inference": {"language"},
    "models": {"language", "terpret"},  # a model never names a strategy
    "tasks": {"language", "terpret", "inference", "models"},
    "runs": {"language", "terpret", "inference", "models", "tasks"},
    "report": {"language", "terpret", "inference", "models", "tasks", "runs"},
    "experiments": {"language", "terpret", "inference", "models", "tasks", "runs", "report"},
    "cli": {"language", "terpret", "inference", "models", "tasks", "runs", "report"},
}
"""For each room the rooms below it."""
OF_EXPERIMENTS = {"lifelong_command", "generalize_command", "restarts_command"}
"""The commands that are the paper's experiments."""
LONGEST_FILE, LONGEST_BODY, MOST_PARAMETERS = 400, 60, 12
# rglob stays out of links, so the rooms inside are searched alone.
SOURCES = [path for room in ("ntpt_pyro", *LINKED) for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_name(source: Path) -> str:
    parts = source.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "ntpt_pyro" else ("ntpt_pyro", *parts)
    return ".".join(parts).removesuffix(".__init__")


def public_names() -> dict[str, str]:
    """The names that the package gives on demand, and where each is defined."""
    stub = ast.parse((ROOT / "ntpt_pyro" / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        f"ntpt_pyro.{alias.asname}": f"ntpt_pyro{'.' + node.module if node.module else ''}.{alias.name}"
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


PUBLIC = public_names()


def room_of(module: str) -> str:
    """The room of a module, or of a name in one; that of the package's own files is theirs."""
    parts = PUBLIC.get(module, module).split(".")
    return "cli" if parts[1:] == ["__main__"] else parts[1] if len(parts) > 1 else ""


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


def test_every_source_is_in_a_room():
    rooms = {room_of(module_name(source)) for source in SOURCES} - {""}
    assert rooms == {*MAY_IMPORT, *BELOW_ALL}


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_rooms_depend_in_one_direction(source):
    room = room_of(module_name(source))
    allowed = {room, *MAY_IMPORT.get(room, ()), *BELOW_ALL}
    if source.stem in OF_EXPERIMENTS:
        allowed.add("experiments")
    ours = [name for name in imports(source) if name.split(".")[0] == "ntpt_pyro"]
    wrong = [name for name in ours if room_of(name) not in allowed]
    assert not wrong, f"{room or source.name} may import from {sorted(allowed)} only"


@pytest.mark.parametrize("source", SOURCES + TESTS, ids=relative)
def test_imports_are_written_in_full(source):
    wrong = [name for name in imports(source) if name.split(".")[0] in ("", *LINKED)]
    assert not wrong, "write ntpt_pyro.x: under another name each class would exist twice"


@pytest.mark.parametrize("room", LINKED)
def test_a_room_refuses_any_other_name(room, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    with pytest.raises(ImportError, match=rf"ntpt_pyro\.{room}"):
        importlib.import_module(room)


@pytest.mark.parametrize("name", ["ntpt_pyro", *(f"ntpt_pyro.{room}" for room in MAY_IMPORT)])
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


def test_experiments_run_under_their_own_name():
    """Workers are sent what is importable by a name, and ``__main__`` is another module there."""
    ends = {
        source.name: source.read_text(encoding="utf-8").partition('if __name__ == "__main__":\n')[2].strip()
        for source in (ROOT / "experiments").glob("*.py")
    }
    assert {name for name, end in ends.items() if end == "main_of(__spec__)"} > {
        "rates.py",
        "worker_speed.py",
    }
    assert {name for name, end in ends.items() if end not in ("", "main_of(__spec__)")} == {"step_server.py"}


def test_a_file_name_says_what_is_inside_once():
    named: dict[str, list[str]] = {}
    for source in SOURCES:
        if source.stem not in ("__init__", "__main__"):
            named.setdefault(source.name, []).append(relative(source))
    assert [paths for paths in named.values() if len(paths) > 1] == []


@pytest.mark.parametrize("source", SOURCES, ids=relative)
def test_no_file_function_or_signature_is_too_long(source):
    text = source.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)]
    bodies = {node.name: lines_of_body(node) for node in functions}
    assert {name: lines for name, lines in bodies.items() if lines > LONGEST_BODY} == {}
    taken = {node.name: parameters(node) for node in functions}
    assert {name: number for name, number in taken.items() if number > MOST_PARAMETERS} == {}


def lines_of_body(function: Function) -> int:
    """The lines of a function below its signature and its docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    assert function.end_lineno is not None
    return function.end_lineno - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """How many parameters a function has, self and cls apart."""
    known = function.args
    names = [one.arg for one in (*known.posonlyargs, *known.args, *known.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize(
    "source",
    [path for path in SOURCES if room_of(module_name(path)) in ("tasks", "runs", "report", "cli")],
    ids=relative,
)
def test_no_other_file_knows_the_name_of_a_task(source):
    """Each of the paper's tasks is one file that says all there is to say of it."""
    known = {name.split("/")[0] for name in task_names()}
    own = {name for name in known if source.name == f"{name}_task.py" or source.name == f"{name}_tasks.py"}
    pattern = re.compile(rf"\b({'|'.join(sorted(known - own))})\b")
    assert [
        text for text in constants(ast.parse(source.read_text(encoding="utf-8"))) if pattern.search(text)
    ] == []


def constants(tree: ast.AST) -> Iterator[str]:
    """The texts in a source that are no docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
