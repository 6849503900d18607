"""Programs as cubes, and the file that keeps them between passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.inference.exact.contents import Ids
from ntpt_pyro.inference.exact.programs import Log
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Cubes:
    """Programs that are left: disjoint, each all programs that make its choices.

    :param choices: by site, ``[cubes]``, an integer or OPEN.
    :param log_mass: ``[cubes]``: prior and likelihood of the examples so far.
    """

    choices: dict[str, Ids]
    log_mass: Log

    def __len__(self) -> int:
        return len(self.log_mass)

    def take(self, kept: Any) -> "Cubes":
        """Some of them.

        :param kept: which.
        :returns: they.
        """
        return Cubes({site: column[kept] for site, column in self.choices.items()}, self.log_mass[kept])


class CubesFile:
    """Keeps what is known after each pass in a file.

    :param path: the file; None keeps nothing.
    :param settings: that it must be of.
    :param certain: whether labels are certain; what is known where they are not is no help, and the reverse.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, Any], *, certain: bool) -> None:
        self._path = path
        self._certain = certain
        self._settings = dict(settings)
        self._state: dict[str, Any] | None = None
        if path is not None and path.exists():
            self._state = load_checkpoint(path, self._settings)

    @property
    def attempt(self) -> tuple[int, float] | None:
        """Examples of the first pass, and failed ones that drop a program, that are known."""
        if self._state is None or self._state["certain"] != self._certain:
            return None
        return self._state["first"], float(self._state["failed"])

    def take(self, first: int, failed: float) -> tuple[Cubes, float, int] | None:
        """What is known of an attempt; None where nothing is.

        :param first: examples of its first pass.
        :param failed: failed ones that drop a program there.
        :returns: programs, the log of the mass of others, and examples so far.
        """
        if self._state is None or self.attempt != (first, failed):
            return None
        choices = {site: column.numpy() for site, column in self._state["choices"].items()}
        cubes = Cubes(choices, self._state["log_mass"].numpy())
        return cubes, float(self._state["dropped"]), self._state["done"]

    def keep(self, cubes: Cubes, dropped: float, done: int, first: int, failed: float) -> None:
        """Keep what is known.

        :param cubes: programs that are left.
        :param dropped: log of the mass of others.
        :param done: examples so far.
        :param first: see :meth:`take`.
        :param failed: see :meth:`take`.
        """
        if self._path is None:
            return
        state = {
            "choices": {site: torch.from_numpy(column) for site, column in cubes.choices.items()},
            "log_mass": torch.from_numpy(cubes.log_mass),
            "dropped": torch.tensor(dropped, dtype=torch.float64),
            "done": done,
            "certain": self._certain,
            "first": first,
            "failed": torch.tensor(failed, dtype=torch.float64),
        }
        save_checkpoint(self._path, state, self._settings)
