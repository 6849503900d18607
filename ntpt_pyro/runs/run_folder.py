"""Run folders: what a run is asked to do, where it stands, and what it found.

A folder holds ``options.json`` from the start, checkpoints while it trains, and at the end ``result.json``,
``choices.json`` (the posterior of every choice), ``history.json`` (the same on the way, where it was trained)
and ``library.safetensors``. Every file is written atomically; ``result.json`` comes last, so a folder that
has it is complete.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from ntpt_pyro._files import write_json
from ntpt_pyro.errors import RunError
from ntpt_pyro.inference.posterior.mean_field import MeanFieldPosterior
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.history import Snapshot, Snapshots
from ntpt_pyro.runs.results import FORMAT, PROGRAM_KINDS, ProgramResult, Result

LIBRARY = "library.safetensors"
HISTORY = "history.json"
ANSWERS = "answers.json"
CHOICES = "choices"
"""What options.json says of the task's choices."""
MODEL = "model.safetensors"
"""The weights of a model without a library of its own."""

Kind = TypeVar("Kind", bound=Result)


@dataclass(frozen=True)
class RunFolder:
    """A run folder.

    :param folder: its path.
    """

    folder: Path

    def begin(self, options: dict[str, Any], *, resume: bool) -> None:
        """Claim the folder for a run, or go on with one.

        :param options: what decides the run's result.
        :param resume: go on with the run in the folder.
        :raises RunError: where the folder holds a run and ``resume`` is not set, a run of another version or
            with other options, or something else.
        """
        path = self.folder / "options.json"
        there = set(self.folder.iterdir()) if self.folder.is_dir() else set()
        if self.folder.is_file() or (there and path not in there):
            raise RunError(
                str(self.folder),
                expected="a new or empty folder",
                got="one with other files",
                remedy="give another --out folder",
            )
        if there <= {path}:  # new, or of a run that ended before its first checkpoint
            write_json(path, {"format": FORMAT, **options})
            return
        before = self._read("options.json")
        if not resume:
            raise RunError(
                str(self.folder),
                expected="a new folder",
                got="one that holds a run",
                remedy="go on with it (--resume) or give another --out folder",
            )
        for name, value in before.items():
            if name not in ("format", CHOICES) and options.get(name) != value:
                raise RunError(
                    str(self.folder),
                    expected=f"{name}={value!r}, as the run was begun",
                    got=repr(options.get(name)),
                    remedy="resume with the same options or give another --out folder",
                )

    def note_choices(self, sizes: Mapping[str, int]) -> None:
        """Note the choices of the task when a run is begun; when it is gone on with they must be the same.

        :param sizes: by site the number of alternatives.
        :raises RunError: where they are others: the task has changed.
        """
        options = self._read("options.json")
        if CHOICES not in options:
            write_json(self.folder / "options.json", {**options, CHOICES: dict(sizes)})
        else:
            self.check_choices(options[CHOICES], sizes)

    def check_choices(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Check that a task is the one that the run is of.

        :param before: by site the number of alternatives, then.
        :param now: the same, of the task as it is found now.
        :raises RunError: names the first choice that differs.
        """
        for site in {**before, **now}:
            then, today = before.get(site, "no"), now.get(site, "none")
            if before.get(site) != now.get(site):
                raise RunError(
                    str(self.folder),
                    expected=f"a task whose choice {site!r} has {then} alternatives, as then",
                    got=str(today),
                    remedy="the task has changed; make another run of it",
                )

    @property
    def complete(self) -> bool:
        """Whether the run has ended and its result is there."""
        return (self.folder / "result.json").exists()

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
            content = {"format": FORMAT, "looks": [one.to_json() for one in snapshots]}
            write_json(self.folder / HISTORY, content)
        if library is not None and len(library):
            library.save(self.folder / LIBRARY)
        self.keep(result, posterior)
        self._clear()

    def keep(self, result: ProgramResult, posterior: Posterior) -> None:
        """Write a program and its posterior; what `ntpt show` reads.

        :param result: of the run.
        :param posterior: of the choices.
        """
        write_json(self.folder / "choices.json", {"format": FORMAT, "choices": posterior.as_json()})
        write_json(self.folder / "result.json", result.to_json())

    def conclude(self, result: Result) -> None:
        """Write the result of a run without a program of its own, then remove the checkpoints.

        :param result: of the run.
        """
        write_json(self.folder / "result.json", result.to_json())
        self._clear()

    def snapshots(self) -> Snapshots:
        """The marginals of the choices on the way; none where nothing was trained.

        :returns: in order.
        :raises RunError: where the file is damaged or of another version.
        """
        if not (self.folder / HISTORY).exists():
            return []
        try:
            return [Snapshot.from_json(one) for one in self._read(HISTORY)["looks"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_a_run(f"a damaged {HISTORY}") from error

    def _clear(self) -> None:
        for history in self.folder.glob("history-*.json"):
            history.unlink()
        for checkpoint in self.folder.glob("*.safetensors"):
            if checkpoint.name not in (LIBRARY, MODEL):
                checkpoint.unlink()

    def program_result(self) -> ProgramResult:
        """The result, of whichever kind that has a program.

        :returns: it.
        :raises RunError: where it is missing, damaged, of another version, or of a kind without a program.
        """
        content = self._read("result.json")
        kind = content.get("kind")
        if kind not in PROGRAM_KINDS:
            raise RunError(
                str(self.folder),
                expected="a run with a program",
                got=f"one of kind {kind!r}",
                remedy="name the folder of a single program, such as one inside it",
            )
        return PROGRAM_KINDS[str(kind)].from_json(content, str(self.folder))

    def result_of(self, kind: type[Kind]) -> Kind:
        """The result, which must be of one kind.

        :param kind: the class of the result.
        :returns: it.
        :raises RunError: where it is missing, damaged, of another version or of another kind.
        """
        content = self._read("result.json")
        if content.get("kind") != kind.kind:
            raise RunError(
                str(self.folder),
                expected=f"a run of kind {kind.kind!r}",
                got=f"one of kind {content.get('kind')!r}",
                remedy="name another folder",
            )
        return kind.from_json(content, str(self.folder))

    def posterior(self) -> MeanFieldPosterior:
        """The posterior of the choices, by their marginals.

        :returns: it.
        :raises RunError: where choices.json is missing, damaged or of another version.
        """
        try:
            choices = self._read("choices.json")["choices"]
            return MeanFieldPosterior(
                {site: torch.tensor(found["probabilities"]) for site, found in choices.items()}
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._not_a_run("a damaged choices.json") from error

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            if (self.folder / "options.json").exists():
                raise RunError(
                    str(self.folder),
                    expected="a finished run",
                    got=f"one that is not finished: no {name} in it",
                    remedy="go on with it: the command that began it, with --resume",
                ) from error
            got = "no such folder" if not self.folder.is_dir() else f"no {name} in it"
            raise self._not_a_run(got) from error
        except (OSError, ValueError, RecursionError) as error:
            raise self._not_a_run(f"an unreadable {name}") from error
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise self._not_a_run(f"{name} of format {found!r}")
        return dict(content)

    def _not_a_run(self, got: str) -> RunError:
        return RunError(
            str(self.folder),
            expected=f"a finished run folder of format {FORMAT!r}",
            got=got,
            remedy="give a folder that `ntpt learn --out` of this version wrote",
        )


def load_library(path: Path, functions: Sequence[LearnedFunction] = ()) -> Library:
    """The library of a run folder, or of a library file.

    :param path: a folder with library.safetensors in it, or such a file.
    :param functions: declarations of functions that are modules of one's own.
    :returns: the library.
    :raises LibraryError: where there is none of this version.
    """
    return Library.load(path / LIBRARY if path.is_dir() else path, functions=functions)
