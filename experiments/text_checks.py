"""What is checked of one input of `text_fuzz`: it is refused in one line, or all ways to compute it agree."""

import re
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from ntpt_pyro.errors import NtptError, TaskError
from ntpt_pyro.experiments.text_agreement import Disagreement, compared, work_of
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.text_check import check_text
from ntpt_pyro.tasks.text_task import text_task
from ntpt_pyro.terpret import load

NAME = "fuzz.terpret"
"""The file that texts are said to be from."""
PLACE = re.compile(
    rf"(?:{re.escape(NAME)}:(\d+):(\d+)|hypers of {re.escape(NAME)}): expected .+, got .*; .+", re.DOTALL
)
LONGEST = 1000
"""Characters of a message at most."""
LARGE = 20_000
"""The work of a text that is only loaded."""


@dataclass(frozen=True)
class Case:
    """An input.

    :param kind: how it was made.
    :param text: of a program, to be encoded with surrogates escaped.
    :param hypers: integers that the text is loaded with.
    :param files: the contents of files of hypers and of instances that the text is loaded with instead.
    """

    kind: str
    text: str
    hypers: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """What JSON can write, integers too long for a reader as text."""
        hypers = {name: value if abs(value) < 2**53 else f"{value:#x}" for name, value in self.hypers.items()}
        return {**asdict(self), "hypers": hypers}


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    :param kind: accepted or refused, or else what is wrong.
    :param what: tells it from others of its kind.
    :param words: what was said.
    :param compared: results that agreed.
    """

    kind: str
    what: str = ""
    words: str = ""
    compared: int = 0

    @property
    def wrong(self) -> bool:
        """Whether this must not happen."""
        return self.kind not in ("accepted", "refused")

    @property
    def way(self) -> str:
        """In which way an input goes wrong."""
        return f"{self.kind}: {self.what}"


class TooLong(BaseException):
    """An input took longer than it may; no handler of exceptions holds it up."""


def checked(case: Case, seed: str) -> Outcome:
    """Try an input.

    :param case: the input.
    :param seed: of the programs and inputs that it is run on.
    :returns: what came of it.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = (_files_checked if case.files else _text_checked)(case, Random(seed))
        except Disagreement as error:
            found = Outcome("disagreement", str(error).split(":")[0], str(error))
        except MemoryError:
            found = Outcome("memory", _where(traceback.format_exc()), "MemoryError")
        except Exception as error:
            found = _exception(error)
    if said and not found.wrong:
        first = said[0]
        what = f"{first.category.__name__} in {Path(first.filename).name}"
        return Outcome("warning", what, str(first.message))
    return found


def _exception(error: Exception) -> Outcome:
    lines, before = traceback.format_exc(), error.__context__
    while before is not None:
        if isinstance(before, TooLong):  # raised where something was half done
            raise before
        before = before.__context__
    kind = "memory" if "can't allocate memory" in str(error) else "exception"
    try:
        words = f"{type(error).__name__}: {error}"[:LONGEST]
    except Exception:  # its words may be what is wrong
        words = type(error).__name__
    return Outcome(kind, f"{type(error).__name__} in {_where(lines)}", words)


def _where(lines: str) -> str:
    """The innermost place of this package in a traceback."""
    found = re.findall(r'File "[^"]*?ntpt_pyro/[^"]*?(\w+)\.py", line \d+, in (\S+)', lines)
    own = [
        f"{file}.{function}"
        for file, function in found
        if not file.startswith("text_check") and not file.startswith("text_agree")
    ]
    return own[-1] if own else ""


def _refused(error: NtptError, where: re.Pattern[str] | None, lines: int) -> Outcome:
    """A refusal must say where, in one line that can be printed."""
    words = str(error)
    place = traceback.extract_tb(error.__traceback__)
    raised = [one for one in place if one.name not in ("error", "_error")][-1]
    what = f"{type(error).__name__} in {Path(raised.filename).stem}.{raised.name}"
    wrong = "not in one line of what can be printed" if not words.isprintable() else ""
    wrong = wrong or (f"over {LONGEST} characters" if len(words) > LONGEST else "")
    if where is not None and not wrong:
        found = where.fullmatch(words)
        if found is None:
            wrong = "without line and column"
        elif found[1] and (not 1 <= int(found[1]) <= lines + 1 or int(found[2]) < 1):
            wrong = "with a line that is not there"
    return (
        Outcome("message", f"{wrong}: {what}", words[:LONGEST]) if wrong else Outcome("refused", what, words)
    )


def _text_checked(case: Case, random: Random) -> Outcome:
    try:
        model = load(case.text, NAME, case.hypers)
    except NtptError as error:
        return _refused(error, PLACE, case.text.count("\n") + case.text.count("\r") + 1)
    if work_of(model) > LARGE:
        return Outcome("accepted", "not run, as it is large")
    return Outcome("accepted", compared=compared(model, random))


def _files_checked(case: Case, random: Random) -> Outcome:
    """A text with files: the task that they make must hold together."""
    assert case.files is not None
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in (NAME, "fuzz.hypers.json", "fuzz.data.json")]
        for path, content in zip(paths, (case.text, *case.files), strict=True):
            path.write_bytes(content.encode("utf-8", "surrogateescape"))
        try:
            task = text_task(*paths)
        except NtptError as error:
            return _refused(error, None, 0)
        try:
            agreed = check_text(task, None, {}).compared if random.random() < 0.1 else task.check(programs=4)
        except TaskError as error:
            raise Disagreement(f"check: {error}") from error
        program = {cell.site: 0 for cell in task.train.model.params}
        library = Library(task.functions, seed=0).eval() if task.functions else None
        for batch in task.batches:
            task.reproduced(batch, program, library)
        task.right(program, library)
        return Outcome("accepted", compared=agreed)
