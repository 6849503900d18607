"""What the baselines of MATH share: their interface, and what they see of a tape."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ntpt_pyro import one_hot
from ntpt_pyro.models.apply2x2 import OPERATORS

DIGITS = 10
FEATURES = DIGITS + len(OPERATORS)
"""Numbers that a symbol is given as: a distribution over digits, then one over operators."""


class SequenceBaseline(torch.nn.Module, ABC):
    """A purely neural model of expressions of any length: symbols in, result out."""

    reads_prefixes = False
    """Whether :meth:`loss` looks at the results of all prefixes of a tape, not of the whole one only."""

    @abstractmethod
    def forward(self, symbols: Float[Tensor, "tapes symbols 14"]) -> Float[Tensor, "tapes 19"]:
        """Unnormalised log-probabilities of the results.

        :param symbols: ``[tapes, symbol, 14]``, an odd number of them, see :data:`FEATURES`.
        :returns: ``[tapes, 19]``.
        """

    def loss(
        self, symbols: Float[Tensor, "tapes symbols 14"], results: Int[Tensor, "tapes digits"]
    ) -> Float[Tensor, ""]:
        """What training makes small: cross-entropy, in nats a result.

        :param symbols: see :meth:`forward`.
        :param results: ``[tapes, digit]``, what the expression up to each digit comes to, in 0..18.
        :returns: the loss, differentiable.
        """
        return cross_entropy(self(symbols), results[:, -1])


def symbol_vectors(symbols: Int[Tensor, "tapes symbols"]) -> Float[Tensor, "tapes symbols 14"]:
    """Known symbols as one-hot vectors: of the digit at even places, of the operator at odd ones.

    :param symbols: ``[tapes, symbol]``, digits in 0..9 and codes of operators in 0..3, in turn.
    :returns: ``[tapes, symbol, 14]``, of 0 and 1.

    >>> symbol_vectors(torch.tensor([[3, 1, 4]])).argmax(-1)
    tensor([[ 3, 11,  4]])
    """
    places = torch.arange(symbols.shape[-1], device=symbols.device)
    return one_hot(symbols + DIGITS * (places % 2), FEATURES)


class Perceiving(torch.nn.Module):
    """A baseline that reads images, by networks that learn on with it (Gaunt et al. 2017, section 5.1).

    :param networks: of digits, then of operators; both see every image.
    :param model: what reads their probabilities, side by side.
    """

    def __init__(self, networks: Iterable[torch.nn.Module], model: SequenceBaseline) -> None:
        super().__init__()
        self.networks = torch.nn.ModuleList(networks)
        self.model = model

    def embedded(self, tapes: Float[Tensor, "tapes symbols 28 28"]) -> Float[Tensor, "tapes symbols 14"]:
        """What the networks make of a tape.

        :param tapes: ``[tapes, symbol, 28, 28]``, pixels in [0, 1].
        :returns: ``[tapes, symbol, 14]``, in probability space.
        """
        return torch.cat([network(tapes) for network in self.networks], -1)

    def forward(self, tapes: Float[Tensor, "tapes symbols 28 28"]) -> Float[Tensor, "tapes 19"]:
        """Unnormalised log-probabilities of the results.

        :param tapes: see :meth:`embedded`.
        :returns: ``[tapes, 19]``.
        """
        logits: Tensor = self.model(self.embedded(tapes))
        return logits

    def loss(
        self, tapes: Float[Tensor, "tapes symbols 28 28"], results: Int[Tensor, "tapes digits"]
    ) -> Float[Tensor, ""]:
        """See :meth:`SequenceBaseline.loss`."""
        return self.model.loss(self.embedded(tapes), results)
