"""Run folders: what a run is asked to do, where it stands, and what it found.

A folder holds ``options.json`` from the start, checkpoints while it trains, and at the end ``result.json``,
``choices.json`` (the posterior of every choice), ``history.json`` (the same on the way, where it was trained)
and ``library.safetensors``. Every file is written atomically and sealed (:mod:`ntpt_pyro._files`);
``result.json`` comes last, so a folder that has it is complete.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from ntpt_pyro import _html
from ntpt_pyro._files import OPTIONS, RUN, read_json, typed, write_sealed_json
from ntpt_pyro.errors import NtptError, RunError
from ntpt_pyro.inference.posterior.mean_field import MeanFieldPosterior
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.folder_claim import (
    check_all_whole,
    check_same,
    identity,
    remove_left_overs,
    something_in,
    withdraw,
)
from ntpt_pyro.runs.history import Snapshot, Snapshots, read_snapshots, write_snapshots
from ntpt_pyro.runs.results import PROGRAM_KINDS, ProgramResult, Result
from ntpt_pyro.runs.run_html import run_html
from ntpt_pyro.runs.run_lock import held

RESULT = "result.json"
POSTERIOR = "choices.json"
LIBRARY = "library.safetensors"
HISTORY = "history.json"
ANSWERS = "answers.json"
CHOICES = "choices"
"""What options.json says of the task's choices."""
MODEL = "model.safetensors"
"""The weights of a model without a library of its own."""
KEPT = (OPTIONS, POSTERIOR, HISTORY, LIBRARY, MODEL)
"""Files that a finished run may have; result.json says which of them it has."""
SPARED = (HISTORY, LIBRARY, MODEL)
"""Those that a page does without, and says so."""

Kind = TypeVar("Kind", bound=Result)


@dataclass(frozen=True)
class _Choice:
    """What choices.json says of a choice."""

    chosen: int
    entropy: float
    probabilities: list[float]


@dataclass(frozen=True)
class _Choices:
    """What choices.json holds."""

    choices: dict[str, _Choice]


@dataclass(frozen=True)
class RunFolder:
    """A run folder.

    :param folder: its path.
    :param incomplete: whether a finished run may be read of which files are gone that no result stands in.

    >>> RunFolder(Path("no-such-run")).complete
    False
    """

    folder: Path
    incomplete: bool = False

    def _repr_html_(self) -> str:
        """What a notebook shows of it; of a run that is not finished, or is not whole, why."""
        try:
            return run_html(self.program_result(), self.posterior(), title=str(self.folder))
        except NtptError as error:
            return _html.block(_html.head(str(self.folder), str(error)))

    @contextmanager
    def at_work(self, options: Mapping[str, Any], *, resume: bool) -> Generator[None]:
        """Hold the folder while a run works in it, see :meth:`begin`.

        Of a run that is refused before it has kept anything nothing is left.

        :param options: what decides the run's result.
        :param resume: go on with the run in the folder.
        :raises RunError: where another process works in it; see also :meth:`begin`.
        """
        self._check_folder()
        made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            with held(self.folder):
                self.begin(options, resume=resume)
                try:
                    yield
                except NtptError:
                    withdraw(self.folder)
                    raise
        except NtptError:
            for path in made:
                with suppress(OSError):  # it has something in it
                    path.rmdir()
            raise

    def begin(self, options: Mapping[str, Any], *, resume: bool) -> None:
        """Claim the folder for a run, or go on with one; files that killed writes left are removed.

        :param options: what decides the run's result; under ``inputs`` digests of contents, by what they are.
        :param resume: go on with the run in the folder.
        :raises RunError: where the folder holds a run and ``resume`` is not set, a run of another version,
            with other options or inputs or with damaged files, or something else.
        """
        self._check_folder()
        path, more = self.folder / OPTIONS, something_in(self.folder)
        before = self.options() if path.is_file() else None
        if before is None and more:
            raise self._other_than(
                "a new or empty folder", "one with other files", "give another --out folder"
            )
        if before is not None and more and not resume:
            raise self._other_than(
                "a new folder",
                "one that holds a run",
                "go on with it (--resume) or give another --out folder",
            )
        remove_left_overs(self.folder)
        now = {"run": identity(options), **options}
        if before is None or not resume:  # new, or of a run that came to nothing
            write_sealed_json(path, now, RUN)
            return
        check_same(self.folder, {k: v for k, v in before.items() if k != CHOICES}, now)
        if self.complete:
            self._clear()
        check_all_whole(self.folder)

    def note_choices(self, sizes: Mapping[str, int]) -> None:
        """Note the choices of the task when a run is begun; when it is gone on with they must be the same.

        :param sizes: by site the number of alternatives.
        :raises RunError: where they are others: the task has changed.
        """
        options = self.options()
        if CHOICES not in options:
            write_sealed_json(self.folder / OPTIONS, {**options, CHOICES: dict(sizes)}, RUN)
        else:
            self.check_choices(typed(options[CHOICES], dict[str, int], self.folder / OPTIONS, RUN), sizes)

    def check_choices(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Check that a task is the one that the run is of.

        :param before: by site the number of alternatives, then.
        :param now: the same, of the task as it is found now.
        :raises RunError: names the first choice that differs.
        """
        for site in {**before, **now}:
            then, today = before.get(site, "no"), now.get(site, "none")
            if before.get(site) != now.get(site):
                raise self._other_than(
                    f"a task whose choice {site!r} has {then} alternatives, as then",
                    str(today),
                    "the task has changed; make another run of it",
                )

    @property
    def complete(self) -> bool:
        """Whether the run has ended and its result is there."""
        return (self.folder / RESULT).exists()

    def checkpoint(self, phase: str) -> Path:
        """Where a phase of the training keeps its checkpoint.

        :param phase: its name.
        :returns: the file.
        """
        return self.folder / f"{phase}.safetensors"

    def history(self, phase: str) -> Path:
        """Where a phase of the training keeps its snapshots.

        :param phase: its name.
        :returns: the file.
        """
        return self.folder / f"history-{phase}.json"

    @property
    def answers(self) -> Path:
        """Where answers to a solver's questions are kept."""
        return self.folder / ANSWERS

    def finish(
        self,
        result: ProgramResult,
        posterior: Posterior,
        library: Library | None = None,
        snapshots: Sequence[Snapshot] = (),
    ) -> None:
        """Write what was found, then remove the checkpoints.

        :param result: of the run.
        :param posterior: of the choices.
        :param library: the trained library, where there is one.
        :param snapshots: marginals of the choices on the way.
        """
        if snapshots:
            write_snapshots(self.folder / HISTORY, snapshots)
        if library is not None and len(library):
            library.save(self.folder / LIBRARY)
        self.keep(result, posterior)
        self._clear()

    def keep(self, result: ProgramResult, posterior: Posterior) -> None:
        """Write a program and its posterior; what `ntpt show` reads.

        :param result: of the run.
        :param posterior: of the choices.
        """
        write_sealed_json(self.folder / POSTERIOR, {"choices": posterior.as_json()}, RUN)
        self._write_result(result)

    def conclude(self, result: Result) -> None:
        """Write the result of a run without a program of its own, then remove the checkpoints.

        :param result: of the run.
        """
        self._write_result(result)
        self._clear()

    def snapshots(self) -> Snapshots:
        """The marginals of the choices on the way; none where nothing was trained.

        :returns: in order.
        :raises RunError: where the file is damaged or of another version.
        """
        return read_snapshots(self.folder / HISTORY) if (self.folder / HISTORY).exists() else []

    def program_result(self) -> ProgramResult:
        """The result, of whichever kind that has a program.

        :returns: it.
        :raises RunError: where it is missing, damaged, of another version, or of a kind without a program.
        """
        content = self._result()
        kind = content.get("kind")
        if kind not in PROGRAM_KINDS:
            raise self._other_than(
                "a run with a program",
                f"one of kind {kind!r}",
                "name the folder of a single program, such as one inside it",
            )
        return PROGRAM_KINDS[str(kind)].from_json(content, self.folder / RESULT)

    def result_of(self, kind: type[Kind]) -> Kind:
        """The result, which must be of one kind.

        :param kind: the class of the result.
        :returns: it.
        :raises RunError: where it is missing, damaged, of another version or of another kind.
        """
        content = self._result()
        if content.get("kind") != kind.kind:
            raise self._other_than(
                f"a run of kind {kind.kind!r}", f"one of kind {content.get('kind')!r}", "name another folder"
            )
        return kind.from_json(content, self.folder / RESULT)

    def posterior(self) -> MeanFieldPosterior:
        """The posterior of the choices, by their marginals.

        :returns: it.
        :raises RunError: where choices.json is missing, damaged or of another version.
        """
        self._check_there(POSTERIOR)
        choices = read_json(self.folder / POSTERIOR, RUN, _Choices).choices
        return MeanFieldPosterior({site: torch.tensor(one.probabilities) for site, one in choices.items()})

    def _write_result(self, result: Result) -> None:
        files = [name for name in KEPT if (self.folder / name).exists()]
        write_sealed_json(self.folder / RESULT, {**result.to_json(), "files": files}, RUN)

    def _result(self) -> dict[str, Any]:
        """The content of result.json, where all that it names is there."""
        self._check_there(RESULT)
        self._check_there(OPTIONS)
        self.options()
        content: dict[str, Any] = read_json(self.folder / RESULT, RUN)
        for name in typed(content.pop("files", []), list[str], self.folder / RESULT, RUN):
            if not (self.incomplete and name in SPARED):
                self._check_there(name)
        return content

    def options(self) -> dict[str, Any]:
        """What the run was asked to do, and what it was made of.

        :returns: the content of options.json.
        :raises RunError: where it is missing, damaged or of another version.
        """
        found: dict[str, Any] = read_json(self.folder / OPTIONS, RUN)
        typed(found.get("inputs", {}), dict[str, str], self.folder / OPTIONS, RUN)
        return found

    def _check_there(self, name: str) -> None:
        """Raise where a file is missing that a finished run has."""
        if (self.folder / name).exists():
            return
        if (self.folder / OPTIONS).exists() and not self.complete:
            raise self._other_than(
                "a finished run",
                f"one that is not finished: no {name} in it",
                "go on with it: the command that began it, with --resume",
            )
        raise self._other_than(
            f"a finished run folder of {RUN.name}",
            f"no {name} in it" if self.folder.is_dir() else "no such folder",
            "give a folder that `ntpt learn --out` of this version wrote",
        )

    def _check_folder(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise self._other_than("a new or empty folder", "a file", "give another --out folder")

    def _clear(self) -> None:
        """Remove what is there to go on from."""
        for history in self.folder.glob("history-*.json"):
            history.unlink()
        for checkpoint in self.folder.glob("*.safetensors"):
            if checkpoint.name not in (LIBRARY, MODEL):
                checkpoint.unlink()

    def _other_than(self, expected: str, got: str, remedy: str) -> RunError:
        return RunError(str(self.folder), expected=expected, got=got, remedy=remedy)


def load_library(path: Path, functions: Sequence[LearnedFunction] = ()) -> Library:
    """The library of a run folder, or of a library file.

    :param path: a folder with library.safetensors in it, or such a file.
    :param functions: declarations of functions that are modules of one's own.
    :returns: the library.
    :raises LibraryError: where there is none of this version.

    >>> from tempfile import mkdtemp
    >>> from ntpt_pyro import Library, Tensor, learn
    >>> @learn([Tensor(4)], 2, hid_sizes=[8])
    ... def read(picture): "What is in a picture."
    >>> file = Path(mkdtemp()) / "library.safetensors"
    >>> Library([read]).save(file)
    >>> load_library(file)
    <Library read (untrained)>
    """
    return Library.load(path / LIBRARY if path.is_dir() else path, functions=functions)
