"""The marginals of a program's choices on the way of its training."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro._files import write_json
from ntpt_pyro.inference.training.training import Training

TAKEN = 25
"""Snapshots of a phase of the training, about."""


@dataclass(frozen=True)
class Snapshot:
    """The marginals of the choices at one training step.

    :param step: of the training.
    :param marginals: by site ``[size]``, or a row a restart, in probability space, rounded.
    """

    step: int
    marginals: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """It as JSON can hold it."""
        return {"step": self.step, "marginals": self.marginals}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Snapshot":
        """The reverse of :meth:`to_json`."""
        return cls(int(content["step"]), dict(content["marginals"]))


Snapshots = list[Snapshot]


class History:
    """A callback of a training that takes a snapshot every so many steps.

    :param steps: of the phase of training, at most.
    :param path: a file kept up to date, and gone on from where it exists; None keeps none.
    """

    def __init__(self, steps: int, path: Path | None) -> None:
        self.every = max(1, steps // TAKEN)
        self.path = path
        self._taken: Snapshots = []
        if path is not None and path.exists():
            self._taken = [Snapshot.from_json(one) for one in json.loads(path.read_text(encoding="utf-8"))]

    def __call__(self, state: Training) -> None:
        """Take a snapshot, where it is time; a step that was seen before an interruption is the same again.

        :param state: of the training.
        """
        seen = self._taken[-1].step if self._taken else 0
        if state.step % self.every or state.step <= seen:
            return
        probabilities = state.guide.probabilities().items()
        marginals = {site: probs.reshape(-1, probs.shape[-1]) for site, probs in probabilities}
        self._taken.append(snapshot(state.step, marginals))
        if self.path is not None:
            write_json(self.path, [one.to_json() for one in self._taken])

    def of(self, restart: int, *, after: int = 0) -> Snapshots:
        """The snapshots of one restart.

        :param restart: which.
        :param after: steps that it was trained for before.
        :returns: in order.
        """
        return [
            Snapshot(after + one.step, {site: probs[restart] for site, probs in one.marginals.items()})
            for one in self._taken
        ]


def snapshot(step: int, marginals: Mapping[str, Float[Tensor, "*restarts size"]]) -> Snapshot:
    """A snapshot, rounded.

    :param step: of the training.
    :param marginals: of the choices by site, in probability space.
    :returns: the snapshot.
    """
    return Snapshot(
        step, {site: probs.double().round(decimals=4).tolist() for site, probs in marginals.items()}
    )
