"""The marginals of a program's choices on the way of its training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro._files import RUN, read_json, write_sealed_json
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
    marginals: dict[str, list[float] | list[list[float]]]


Snapshots = list[Snapshot]


@dataclass(frozen=True)
class _Looks:
    """What a file of snapshots holds."""

    looks: Snapshots


def write_snapshots(path: Path, snapshots: Sequence[Snapshot]) -> None:
    """Write snapshots to a file.

    :param path: the file.
    :param snapshots: in order.
    """
    write_sealed_json(path, {"looks": [asdict(one) for one in snapshots]}, RUN)


def read_snapshots(path: Path) -> Snapshots:
    """What :func:`write_snapshots` wrote.

    :param path: the file.
    :returns: the snapshots.
    :raises RunError: where the file is damaged, of another version or of another run.
    """
    looks: Snapshots = read_json(path, RUN, _Looks).looks
    return looks


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
            self._taken = read_snapshots(path)

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
            write_snapshots(self.path, self._taken)

    def of(self, restart: int, *, after: int = 0) -> Snapshots:
        """The snapshots of one restart.

        :param restart: which.
        :param after: steps that it was trained for before.
        :returns: in order.
        """
        return [
            Snapshot(after + one.step, {site: _row(probs, restart) for site, probs in one.marginals.items()})
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


def _row(probs: list[float] | list[list[float]], restart: int) -> list[float]:
    """The marginal of one restart."""
    row = probs[restart]
    assert isinstance(row, list)
    return row
