"""Run folders: what a run is asked to do, where it stands, and what it found.

A folder holds ``options.json`` from the start, checkpoints while it trains, and at the end ``result.json``,
``choices.json`` (the posterior of every choice), ``history.json`` (the same on the way, where it was trained)
and ``library.safetensors``. Every file is written atomically; ``result.json`` comes last, so a folder that
has it is complete.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import Library, MeanFieldPosterior, Posterior
from ntpt_pyro._files import write_json
from ntpt_pyro.errors import RunError

FORMAT = "ntpt_pyro run 1"
LIBRARY = "library.safetensors"
HISTORY = "history.json"
MODEL = "model.safetensors"
"""The weights of a model without a library of its own."""


@dataclass(frozen=True)
class Run:
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
        if there <= {path}:  # new, or of a run that came to nothing before its first checkpoint
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
            if name != "format" and options.get(name) != value:
                raise RunError(
                    str(self.folder),
                    expected=f"{name}={value!r}, as the run was begun",
                    got=repr(options.get(name)),
                    remedy="resume with the same options or give another --out folder",
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
        """Where a phase of the training keeps what was believed on the way.

        :param phase: its name.
        :returns: the file.
        """
        return self.folder / f"history-{phase}.json"

    def finish(
        self,
        result: dict[str, Any],
        posterior: Posterior,
        library: Library | None = None,
        looks: list[dict[str, Any]] | None = None,
    ) -> None:
        """Write what was found, then remove the checkpoints.

        :param result: the content of result.json.
        :param posterior: of the choices.
        :param library: the trained library, where there is one.
        :param looks: what was believed of the choices on the way, see
            :data:`~ntpt_pyro.runs.history.Looks`.
        """
        if looks:
            write_json(self.folder / HISTORY, {"format": FORMAT, "looks": looks})
        if library is not None:
            library.save(self.folder / LIBRARY)
        self.keep(result, posterior)
        self._clear()

    def keep(self, result: dict[str, Any], posterior: Posterior) -> None:
        """Write a program and its posterior; what `ntpt show` reads.

        :param result: the content of result.json.
        :param posterior: of the choices.
        """
        write_json(self.folder / "choices.json", {"format": FORMAT, "choices": posterior.as_json()})
        write_json(self.folder / "result.json", {"format": FORMAT, **result})

    def conclude(self, result: dict[str, Any]) -> None:
        """Write the result of a run without a program of its own, then remove the checkpoints.

        :param result: the content of result.json.
        """
        write_json(self.folder / "result.json", {"format": FORMAT, **result})
        self._clear()

    def looks(self) -> list[dict[str, Any]]:
        """What was believed of the choices on the way; empty where nothing was trained.

        :returns: see :data:`~ntpt_pyro.runs.history.Looks`.
        :raises RunError: where the file is of another version.
        """
        return list(self._read(HISTORY)["looks"]) if (self.folder / HISTORY).exists() else []

    def _clear(self) -> None:
        for history in self.folder.glob("history-*.json"):
            history.unlink()
        for checkpoint in self.folder.glob("*.safetensors"):
            if checkpoint.name not in (LIBRARY, MODEL):
                checkpoint.unlink()

    def result(self) -> dict[str, Any]:
        """The content of result.json.

        :returns: it.
        :raises RunError: where it is missing or of another version.
        """
        return self._read("result.json")

    def posterior(self) -> MeanFieldPosterior:
        """The posterior of the choices, by their marginals.

        :returns: it.
        :raises RunError: where choices.json is missing or of another version.
        """
        choices = self._read("choices.json")["choices"]
        return MeanFieldPosterior(
            {site: torch.tensor(found["probabilities"]) for site, found in choices.items()}
        )

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError as error:
            got = "no such folder" if not self.folder.is_dir() else f"no {name} in it"
            raise self._not_a_run(got) from error
        except (OSError, ValueError) as error:
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


def load_library(path: Path) -> Library:
    """The library of a run folder, or of a library file.

    :param path: a folder with library.safetensors in it, or such a file.
    :returns: the library.
    :raises LibraryError: where there is none of this version.
    """
    return Library.load(path / LIBRARY if path.is_dir() else path)
