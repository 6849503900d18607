"""LSTM: symbol after symbol into a state, the result read from the last one."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ntpt_pyro.models.baselines.sequence import FEATURES, SequenceBaseline
from ntpt_pyro.models.grid import RANGE


class LSTM(SequenceBaseline):
    """A stack of LSTMs with dropout between them (Gaunt et al. 2017, section 5.1: three of 1024).

    The state after a digit is that of the expression which ends there, so a training tape can teach the
    results of all its prefixes at once, which the paper does not speak of.

    :param hidden: numbers in the state of each layer.
    :param layers: LSTMs on top of each other.
    :param dropout: share of a layer's outputs that the next one does not see in training mode.
    :param prefixes: whether training looks at the results of all prefixes of a tape, or at its last only.

    >>> LSTM(hidden=8)(torch.zeros(5, 3, 14)).shape
    torch.Size([5, 19])
    """

    def __init__(
        self, *, hidden: int = 1024, layers: int = 3, dropout: float = 0.2, prefixes: bool = True
    ) -> None:
        super().__init__()
        self.reads_prefixes = prefixes
        self.cells = torch.nn.LSTM(
            FEATURES, hidden, layers, dropout=dropout if layers > 1 else 0.0, batch_first=True
        )
        self.classify = torch.nn.Linear(hidden, RANGE)

    def forward(self, symbols: Float[Tensor, "tapes symbols 14"]) -> Float[Tensor, "tapes 19"]:
        """See :meth:`SequenceBaseline.forward`."""
        logits: Tensor = self.classify(self.cells(symbols)[0][:, -1])
        return logits

    def loss(
        self, symbols: Float[Tensor, "tapes symbols 14"], results: Int[Tensor, "tapes digits"]
    ) -> Float[Tensor, ""]:
        """See :meth:`SequenceBaseline.loss`; with prefixes the mean over them."""
        if not self.reads_prefixes:
            return super().loss(symbols, results)
        after_digits = self.cells(symbols)[0][:, 0::2]
        return cross_entropy(self.classify(after_digits).flatten(0, 1), results.flatten())
