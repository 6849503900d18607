"""What learned functions might read: everything possible at once, or what is drawn."""

from collections.abc import Container

import numpy as np
import torch
from numpy.typing import NDArray

from ntpt_pyro.inference.handlers.other_readings import OtherReadings
from ntpt_pyro.inference.solver.circuit import Circuit, Literals
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.language.values import Value, one_hot


class Supports(OtherReadings):
    """Learned functions yield each integer that they may read with the same probability.

    :param least: an integer may be read where its probability is at least so many times the largest one's.
    :param free: functions that may read anything.

    >>> from ntpt_pyro import Library, Tensor, learn
    >>> @learn([Tensor(2)], 4)
    ... def read(image): "Anything."
    >>> library = Library([read], seed=0)
    >>> with Supports(0.1, free=["read"]):
    ...     library["read"](torch.ones(2)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, least: float, free: Container[str]) -> None:
        super().__init__()
        self.least = least
        self.free = free

    def instead_of(self, name: str, read: Value) -> Value:
        """See :class:`~ntpt_pyro.inference.handlers.other_readings.OtherReadings`."""
        least = 0.0 if name in self.free else self.least
        possible = (read >= least * read.amax(-1, keepdim=True)).to(read)
        return possible / possible.sum(-1, keepdim=True)


class DrawnVertices(OtherReadings):
    """Learned functions read what is drawn: any integer is as likely.

    :param seed: of the draw.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._source = np.random.default_rng(seed)

    def instead_of(self, name: str, read: Value) -> Value:
        """See :class:`~ntpt_pyro.inference.handlers.other_readings.OtherReadings`."""
        drawn = self._source.integers(read.shape[-1], size=read.shape[:-1])
        return one_hot(torch.from_numpy(np.asarray(drawn)), read.shape[-1]).to(read)


class SampledReadings(OtherReadings):
    """Learned functions yield vertices drawn from what they read, others in each restart.

    :param draws: restarts.
    """

    def __init__(self, draws: int) -> None:
        super().__init__()
        self.draws = draws

    def instead_of(self, name: str, read: Value) -> Value:
        """See :class:`~ntpt_pyro.inference.handlers.other_readings.OtherReadings`."""
        drawn = torch.distributions.Categorical(read, validate_args=False).sample((self.draws,))
        return one_hot(drawn, read.shape[-1])


class DrawnReadings(Readings):
    """The same draw on literals.

    :param circuit: that they are literals of.
    :param seed: of the draw.
    """

    def __init__(self, circuit: Circuit, seed: int) -> None:
        super().__init__(circuit)
        self._source = np.random.default_rng(seed)

    def _made(self, name: str, probabilities: NDArray[np.float64]) -> Literals:
        *batch, size = probabilities.shape
        drawn = self._source.integers(size, size=batch)
        found: Literals = np.eye(size, dtype=np.int64)[drawn]
        return found
