"""What a training was like on its way: the marginals of the choices, and how well restarts did."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro._files import RUN, read_json, write_sealed_json
from ntpt_pyro.inference.training.ranks import ranks_now
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.runs.looks_at_training import LooksAtTraining

TAKEN = 25
"""Snapshots of a phase of the training, about."""
APART = 24
"""Steps between snapshots that tell of accuracies, at least: each takes a part of a step's time."""


@dataclass(frozen=True)
class Snapshot:
    """A training at one of its steps; numbers are rounded.

    :param step: of the training.
    :param marginals: by site ``[size]``, or a row a restart, in probability space.
    :param log_likelihoods: how well each restart explains what it is trained on, ``[restarts]``, see
        :meth:`~ntpt_pyro.runs.looks_at_training.LooksAtTraining.log_likelihoods`; none where it is not known.
    :param accuracies: the share that each restart's most probable program gets right of a few of the examples
        held back, ``[restarts]``, see there; none where it is not known, and between those that are.
    :param best: the restart that the marginals are of; None where they are of all.
    :param restarts: the numbers of the restarts, where some were given up before; none where all are there.
    """

    step: int
    marginals: dict[str, list[float] | list[list[float]]]
    log_likelihoods: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    best: int | None = None
    restarts: list[int] = field(default_factory=list)


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
    :param looks: tells how well restarts do; None leaves that out.
    """

    def __init__(self, steps: int, path: Path | None, looks: LooksAtTraining | None = None) -> None:
        self.every = max(1, steps // TAKEN)
        self.apart = self.every * -(-APART // self.every)
        self.last = steps // self.every * self.every
        self.path = path
        self.looks = looks
        ranks = ranks_now()
        self._taken: Snapshots = self._kept() if ranks is None else ranks.of_first(self._kept)

    def __call__(self, state: Training) -> None:
        """Take a snapshot, where it is time; a step that was seen before an interruption is the same again.

        :param state: of the training.
        """
        seen = self._taken[-1].step if self._taken else 0
        if state.step % self.every or state.step <= seen:
            return
        probabilities = state.guide.probabilities().items()
        marginals = {site: probs.reshape(-1, probs.shape[-1]) for site, probs in probabilities}
        taken = snapshot(state.step, marginals)
        if state.kept != [*range(len(state.kept))]:
            taken = replace(taken, restarts=state.kept)
        if self.looks is not None:
            time_for_it = state.step % self.apart == 0 or state.step == self.last
            taken = replace(
                taken,
                log_likelihoods=self.looks.log_likelihoods(state),
                accuracies=self.looks.shares_right(state) if time_for_it else [],
            )
        if state.share is not None:
            taken = _together(state.share.ranks.all_of(taken))
        self._taken.append(taken)
        if self.path is not None:
            write_snapshots(self.path, self._taken)

    def _kept(self) -> Snapshots:
        return read_snapshots(self.path) if self.path is not None and self.path.exists() else []

    def of(self, restart: int, *, after: int = 0) -> Snapshots:
        """The snapshots of one restart.

        :param restart: which.
        :param after: steps that it was trained for before.
        :returns: in order.
        """
        return [
            replace(
                one,
                step=after + one.step,
                marginals={site: _row(probs, _place(one, restart)) for site, probs in one.marginals.items()},
                best=restart,
            )
            for one in self._taken
        ]


def _place(one: Snapshot, restart: int) -> int:
    """Which row of a snapshot is of a restart."""
    return one.restarts.index(restart) if one.restarts else restart


def snapshot(step: int, marginals: Mapping[str, Float[Tensor, "*restarts size"]]) -> Snapshot:
    """A snapshot, rounded.

    :param step: of the training.
    :param marginals: of the choices by site, in probability space.
    :returns: the snapshot.
    """
    return Snapshot(
        step, {site: probs.double().round(decimals=4).tolist() for site, probs in marginals.items()}
    )


def _together(parts: Sequence[Snapshot]) -> Snapshot:
    """The snapshot of all restarts, of those that processes took of their own."""
    marginals: dict[str, list[float] | list[list[float]]] = {}
    for site in parts[0].marginals:
        rows = [row for one in parts for row in one.marginals[site] if isinstance(row, list)]
        marginals[site] = rows
    return replace(
        parts[0],
        marginals=marginals,
        log_likelihoods=[number for one in parts for number in one.log_likelihoods],
        accuracies=[number for one in parts for number in one.accuracies],
    )


def _row(probs: list[float] | list[list[float]], restart: int) -> list[float]:
    """The marginal of one restart."""
    row = probs[restart]
    assert isinstance(row, list)
    return row
