"""What learned functions yield on literals: a one-hot group for each reading, of its possible integers."""

from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.inference.solver.circuit import FALSE, Circuit, Literals


@dataclass
class Readings:
    """Makes a group of every reading; the same call in a further run with it gives the same groups.

    :param circuit: takes the groups.
    :param least: an integer is possible where its probability is at least so many times the largest one's:
        0 leaves all possible, 1 the most probable one only.
    :param free: functions of which every integer is possible, such as untrained ones.
    """

    circuit: Circuit
    least: float = 0.0
    free: Container[str] = ()
    known: dict[tuple[str, int], Literals] = field(default_factory=dict)
    """By function and number of its call the literals that it yielded, ``[*batch, n]``."""
    outside: list[NDArray[np.float64]] = field(default_factory=list)
    """For each call the probability of what was left out, ``[*batch]``."""
    unsure: list[NDArray[np.float64]] = field(default_factory=list)
    """For each call the probability that it is not the most probable integer, ``[*batch]``."""
    _calls: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin a run: the first call of a function is the first again."""
        self._calls = {}

    def __call__(self, name: str, probabilities: Tensor) -> Literals:
        """The literals of a function's readings.

        :param name: of the function.
        :param probabilities: ``[*batch, n]``.
        :returns: ``[*batch, n]``.
        """
        number = self._calls[name] = self._calls.get(name, -1) + 1
        if (name, number) not in self.known:
            self.known[name, number] = self._made(name, probabilities.detach().cpu().double().numpy())
        return self.known[name, number]

    def _made(self, name: str, probabilities: NDArray[np.float64]) -> Literals:
        *batch, size = probabilities.shape
        if name in self.free:
            return self.circuit.group(batch, size)
        flat = probabilities.reshape(-1, size)
        least = max(self.least, np.finfo(np.float64).tiny) * flat.max(-1, keepdims=True)
        possible = flat >= least
        if self.least >= 1:  # of several that are as probable the first, as in `mode`
            possible = np.eye(size, dtype=bool)[flat.argmax(-1)]
        found = np.full(flat.shape, FALSE)
        counts = possible.sum(-1)
        for count in np.unique(counts):  # readings with as many possible integers together
            rows = np.flatnonzero(counts == count)
            places = np.nonzero(possible[rows])[1].reshape(len(rows), count)
            found[rows[:, None], places] = self.circuit.group((len(rows),), int(count))
        self.outside.append(np.where(possible, 0.0, flat).sum(-1).reshape(batch))
        self.unsure.append((flat.sum(-1) - flat.max(-1)).reshape(batch))
        return found.reshape(probabilities.shape)

    def outside_of(self, examples: int) -> NDArray[np.float64]:
        """By how much at most an example has other readings than the possible ones.

        :param examples: how many there are, along the first axis of a call's result.
        :returns: ``[examples]``, a probability that may be above 1.
        """
        return _summed(self.outside, examples)

    def unsure_of(self, examples: int) -> NDArray[np.float64]:
        """By how much at most an example has other readings than the most probable ones.

        :param examples: see :meth:`outside_of`.
        :returns: see :meth:`outside_of`.
        """
        return _summed(self.unsure, examples)


def _summed(parts: list[NDArray[np.float64]], examples: int) -> NDArray[np.float64]:
    total = np.zeros(examples)
    for one in parts:
        along = one.ndim and one.shape[0] == examples
        total += one.reshape(examples, -1).sum(-1) if along else one.sum()
    return total
