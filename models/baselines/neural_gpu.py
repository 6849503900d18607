"""Neural GPU: gated convolutions over a mental image, as many steps as there are symbols."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import conv2d, dropout

from ntpt_pyro.models.baselines.sequence import FEATURES, SequenceBaseline
from ntpt_pyro.models.grid import RANGE

KERNEL = 3


class NeuralGPU(SequenceBaseline):
    """A Neural GPU (Kaiser and Sutskever 2016; 512 filters in Gaunt et al. 2017, section 5.1).

    The mental image ``s`` is ``[filters, width, symbols]``; its first row begins as the embedded symbols, the
    rest as zero. A step passes it through ``layers`` convolutional gated recurrent units::

        u, r = gate(U * s + B), gate(V * s + C)
        s'   = u s + (1 - u) tanh(W * (r s) + D)

    with 3x3 kernels, and ``gate(x) = clip(cutoff sigmoid(x) - (cutoff - 1) / 2, 0, 1)``, which can be exactly
    0 or 1. There are as many steps as symbols. The result is read from the first row where the last
    symbol was.

    In training there may be several sets of parameters, used in turn (parameter-sharing relaxation); a
    penalty, see :attr:`pull`, draws them together, and :meth:`unite` makes them one.

    :param filters: numbers in each cell of the image.
    :param width: rows of the image.
    :param layers: units in a step.
    :param sets: sets of parameters at first.
    :param cutoff: see above; 1 is the plain sigmoid.
    :param dropout: share of the new image that is dropped in training mode, divided among the steps of a tape
        of eight symbols: a step on ``n`` symbols drops ``min(8 / n, 1) * dropout``.

    >>> NeuralGPU(filters=8)(torch.zeros(5, 3, 14)).shape
    torch.Size([5, 19])
    """

    def __init__(
        self,
        *,
        filters: int = 512,
        width: int = 4,
        layers: int = 2,
        sets: int = 6,
        cutoff: float = 1.2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.cutoff = cutoff
        self.dropout = dropout
        self.pull = 0.0
        """Weight in the loss of the parameters' squared distance from the mean over sets."""
        self.embed = torch.nn.Linear(FEATURES, filters, bias=False)
        self.classify = torch.nn.Linear(filters, RANGE)
        bound = 1 / math.sqrt(filters * KERNEL**2)
        units = (sets, layers)
        kernel = (filters, KERNEL, KERNEL)
        self.gates_weight = torch.nn.Parameter(
            torch.empty(*units, 2 * filters, *kernel).uniform_(-bound, bound)
        )
        self.gates_bias = torch.nn.Parameter(torch.ones(*units, 2 * filters))
        self.candidates_weight = torch.nn.Parameter(
            torch.empty(*units, filters, *kernel).uniform_(-bound, bound)
        )
        self.candidates_bias = torch.nn.Parameter(torch.zeros(*units, filters))

    @property
    def _shared(self) -> list[torch.nn.Parameter]:
        """The parameters of which there are several sets, ``[set, layer, ...]``."""
        return [self.gates_weight, self.gates_bias, self.candidates_weight, self.candidates_bias]

    def forward(self, symbols: Float[Tensor, "tapes symbols 14"]) -> Float[Tensor, "tapes 19"]:
        """See :meth:`SequenceBaseline.forward`."""
        embedded = self.embed(symbols).tanh().movedim(-1, -2)
        image = embedded.new_zeros(*embedded.shape[:2], self.width, embedded.shape[-1])
        image[:, :, 0] = embedded
        steps = symbols.shape[-2]
        for step in range(steps):
            image = self._step(image, *(parameter[step % len(parameter)] for parameter in self._shared))
            image = dropout(image, self.dropout * min(8 / steps, 1), self.training)
        logits: Tensor = self.classify(image[:, :, 0, -1])
        return logits

    def _step(
        self,
        image: Float[Tensor, "tapes filters width symbols"],
        gates_weight: Tensor,
        gates_bias: Tensor,
        candidates_weight: Tensor,
        candidates_bias: Tensor,
    ) -> Float[Tensor, "tapes filters width symbols"]:
        """The image after one step."""
        for layer in range(len(gates_weight)):
            gates = conv2d(image, gates_weight[layer], gates_bias[layer], padding="same").sigmoid()
            gates = (self.cutoff * gates - (self.cutoff - 1) / 2).clamp(0, 1)
            update, reset = gates.chunk(2, 1)
            new = conv2d(reset * image, candidates_weight[layer], candidates_bias[layer], padding="same")
            image = update * image + (1 - update) * new.tanh()
        return image

    def loss(
        self, symbols: Float[Tensor, "tapes symbols 14"], results: Int[Tensor, "tapes digits"]
    ) -> Float[Tensor, ""]:
        """See :meth:`SequenceBaseline.loss`; plus what draws the sets of parameters together."""
        loss = super().loss(symbols, results)
        if self.pull:
            distances = [((one - one.mean(0, keepdim=True)) ** 2).sum() for one in self._shared]
            loss = loss + self.pull * torch.stack(distances).sum()
        return loss

    @torch.no_grad()
    def unite(self) -> None:
        """Make every set of parameters their mean; from then on use :attr:`pull` no more, but one set."""
        for parameter in self._shared:
            parameter.data = parameter.mean(0, keepdim=True)
            parameter.grad = None
