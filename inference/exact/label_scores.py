"""How well a result that a program came to explains what was observed."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.exact.contents import Ids
from ntpt_pyro.inference.exact.evaluation import Evaluation
from ntpt_pyro.inference.exact.model_record import Observed
from ntpt_pyro.inference.exact.nodes import Node


class Score:
    """The log-likelihood of one observed result, by what it came to.

    :param observed: it.
    :param certain: whether labels are certain: what fails one is impossible.
    """

    def __init__(self, observed: Observed, *, certain: bool) -> None:
        self.integers = observed.integers.long()
        value: Any = observed.value
        self.size = value.shape[-1]
        self.noise = 0.0 if certain else observed.noise
        if not 0 <= self.noise <= 1:
            raise UsageError(
                "exact posterior",
                expected="label noise in 0..1",
                got=f"{self.noise:g}",
                remedy="give observe a probability",
            )
        self._known = np.empty(0)

    def likely(self, labelled: Tensor) -> Tensor:
        """The probability of labels.

        :param labelled: the probability that the result is the label.
        :returns: with label noise.
        """
        noisy: Tensor = (1 - self.noise) * labelled + self.noise / self.size
        return noisy

    def of_contents(self, contents: Tensor) -> NDArray[np.float64]:
        """The log-likelihood of all examples.

        :param contents: ``[contents, examples, n]``.
        :returns: ``[contents]``, in nats.
        """
        return self.of_part(contents, 0, len(self.integers))

    def of_part(self, contents: Tensor, first: int, last: int) -> NDArray[np.float64]:
        """The log-likelihood of some examples.

        :param contents: ``[contents, examples, n]``, of all examples.
        :param first: of the examples.
        :param last: of the examples, not included.
        :returns: ``[contents]``, in nats.
        """
        flat = contents.reshape(len(contents), -1, self.size).expand(-1, len(self.integers), -1)
        flat = flat[:, first:last]
        labels = self.integers[first:last].reshape(1, -1, 1).expand(len(flat), -1, -1)
        labelled = flat.gather(-1, labels).squeeze(-1)
        found: NDArray[np.float64] = self.likely(labelled).double().log().sum(-1).numpy()
        return found

    def of_ids(self, node: Node, ids: Ids, evaluation: Evaluation) -> NDArray[np.float64]:
        """The log-likelihood of all examples.

        :param node: the result.
        :param ids: ``[programs]``, the numbers of its contents.
        :param evaluation: that has them.
        :returns: ``[programs]``, in nats.
        """
        kept = evaluation.contents(node)
        if len(self._known) < kept.size:
            self._known = np.concatenate([self._known, np.full(kept.size - len(self._known), np.nan)])
        wanted = np.unique(ids)
        new = wanted[np.isnan(self._known[wanted])]
        if len(new):
            self._known[new] = self.of_contents(kept[new])
        return self._known[ids]


def observed_log_likelihood(constant: Tensor, score: Score) -> float:
    """The log-likelihood where a result depends on no choice.

    :param constant: ``[examples, n]``.
    :param score: of the result.
    :returns: in nats.
    """
    return float(score.of_contents(torch.as_tensor(constant).expand(1, *constant.shape[-2:]))[0])
