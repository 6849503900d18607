"""A user's own Python file: run only because the user named it, its mistakes told in one line."""

import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ntpt_pyro.errors import NtptError, TaskError
from ntpt_pyro.language.undecided_values import undecided_value, without_shapes

_loaded: dict[Path, ModuleType] = {}
"""Files that were loaded in this process."""


@dataclass(frozen=True)
class LoadedFiles:
    """A user's files that a process has loaded; called in another process it loads them there.

    :param files: each with the name of its module.
    """

    files: tuple[tuple[Path, str], ...]

    def __call__(self) -> Callable[[BaseException], NtptError | None]:
        """Load those that are not there yet, under the same names.

        :returns: what makes one line of the user's mistakes.
        """
        for where, name in self.files:
            if where not in _loaded:
                _run(where, where, name)
        return told_in_a_line


def loaded_files() -> LoadedFiles:
    """The files that were loaded in this process.

    :returns: them, to be sent to others.
    """
    return LoadedFiles(tuple((where, module.__name__) for where, module in _loaded.items()))


def load_user_file(path: Path, name: str) -> Any:
    """What a name stands for in a user's file.

    The file is run once in a process. Its folder is put at the end of ``sys.path``, so that it may import its
    neighbours.

    :param path: the file.
    :param name: of something in it.
    :returns: that.
    :raises TaskError: where there is no such file or name, or running it fails; names the user's line.
    """
    where = path.resolve()
    if not where.is_file():
        got = "a folder" if where.is_dir() else "no such file"
        raise TaskError(
            str(path), expected="a Python file with a task", got=got, remedy="name a file, FILE.py:NAME"
        )
    module = _loaded.get(where) or _run(path, where, _free_name(where))
    if not hasattr(module, name):
        known = [
            key
            for key, value in vars(module).items()
            if not (key.startswith("_") or callable(value) or isinstance(value, ModuleType))
        ]
        raise TaskError(
            f"{path}:{name}",
            expected=f"a name in {path.name} ({', '.join(known[:8]) or 'it has none'})",
            got=repr(name),
            remedy="name the task as FILE.py:NAME",
        )
    return getattr(module, name)


def _free_name(where: Path) -> str:
    """The name of a file's module: its own, or one that no other module has."""
    taken = where.stem in sys.modules or where.stem in sys.stdlib_module_names
    return f"{where.stem}_{abs(hash(where)) % 10**8}" if taken else where.stem


def _run(path: Path, where: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(where.parent) not in sys.path:
        sys.path.append(str(where.parent))
    sys.modules[name] = module
    _loaded[where] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name], _loaded[where]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise told_in_a_line(error, where) or _told(str(where), f"{type(error).__name__}: {error}") from error
    return module


def told_in_a_line(error: BaseException, *files: Path) -> NtptError | None:
    """An error from the user's own code as one line, with the place in the user's file.

    :param error: what was raised.
    :param files: of the user's; default: every one that was loaded.
    :returns: the line as an error of this package; None where the user's files have no part in it.
    """
    wanted = {str(file) for file in files or _loaded}
    if isinstance(error, SyntaxError) and error.filename in wanted:
        return _told(f"{error.filename}:{error.lineno}", f"SyntaxError: {error.msg}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in wanted]
    if not frames:
        return None
    place = f"{frames[-1].filename}:{frames[-1].lineno}"
    if isinstance(error, NtptError):
        said = {"expected": error.expected, "got": error.got, "remedy": error.remedy}
        return type(error)(f"{place}, {error.where}", **said)
    got = f"{type(error).__name__}: {without_shapes(str(error))}"
    return undecided_value("", error) or _told(place, got)


def _told(place: str, got: str) -> TaskError:
    return TaskError(
        place,
        expected="code that runs",
        got=got,
        remedy="correct that line (--debug shows everything)",
    )
