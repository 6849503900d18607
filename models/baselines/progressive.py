"""PNN: a column for each task that also looks, layer by layer, at the columns before it."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import dropout

from ntpt_pyro.models.baselines.baseline import DIGITS, EMBEDDING_SIZES, HIDDEN, Baseline, one_hot_integers
from ntpt_pyro.models.grid import CELLS, RANGE

LAYERS = (*pairwise(EMBEDDING_SIZES), *pairwise((CELLS * EMBEDDING_SIZES[-1], HIDDEN, HIDDEN, HIDDEN, RANGE)))
"""Inputs and outputs of every layer of a column: first those of one image, then those of all four."""
SCALE = 0.1
"""Of every lateral connection at first."""
EMBEDDED = len(EMBEDDING_SIZES) - 2
"""The layer that gives an image's embedding; it and the last are linear."""


class Progressive(Baseline):
    """A progressive neural network (Rusu et al. 2016; Gaunt et al. 2017, section 5.1, "PNN").

    Layer i of column k computes ``relu(W_i^k h_{i-1}^k + sum over j < k of U_i^{k:j} a_i^{k:j} h_{i-1}^j)``
    (Rusu et al., equation 1, with the learned scales ``a`` of their section 2, which start small: unscaled,
    what earlier columns say drowns what a task's own column learns from few examples). Training a task moves
    its own column with the laterals into it, and nothing else. Every column sees the whole input; where a
    task gives no integers, columns of tasks that do see zeros for them.

    :param integers: for each task, in the order in which they come, how many integers its examples give.
    :param image_dropout: see :func:`~ntpt_pyro.models.baselines.baseline.embedding`.

    >>> model = Progressive({"add2x2/top": 0, "apply2x2/top": 3})
    >>> model("apply2x2/top", torch.zeros(5, 4, 28, 28), torch.zeros(5, 3, dtype=torch.int64)).shape
    torch.Size([5, 19])
    """

    def __init__(
        self, integers: Mapping[str, int], *, image_dropout: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        super().__init__()
        self.columns = torch.nn.ModuleDict(
            {task: _Column(before, n, image_dropout) for before, (task, n) in enumerate(integers.items())}
        )

    def forward(
        self, task: str, grids: Float[Tensor, "grids 4 28 28"], integers: Int[Tensor, "grids n"] | None = None
    ) -> Float[Tensor, "grids 19"]:
        """See :meth:`Baseline.forward`."""
        before: list[list[Tensor]] = []
        for name, column in self.columns.items():
            if name == task:
                activations = column(grids, integers, before)
                break
            fits = integers is not None and column.integers == integers.shape[-1]
            with torch.no_grad():
                before.append(column(grids, integers if fits else None, before))
        logits: Tensor = activations[-1]
        return logits

    def specific(self, task: str) -> list[torch.nn.Parameter]:
        """The task's column, with the laterals into it."""
        return list(self.columns[task].parameters())

    def shared(self, task: str) -> list[torch.nn.Parameter]:
        """None."""
        return []


class _Column(torch.nn.Module):
    """One column, with the laterals into it.

    :param before: columns before it.
    :param integers: integers that its task gives.
    :param dropout: shares of pixels and of hidden units that its image layers drop in training mode.
    """

    def __init__(self, before: int, integers: int, dropout: tuple[float, float]) -> None:
        super().__init__()
        self.integers = integers
        self.dropout = dropout
        more = {EMBEDDED + 1: DIGITS * integers}
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(fan_in + more.get(layer, 0), fan_out)
            for layer, (fan_in, fan_out) in enumerate(LAYERS)
        )
        laterals = LAYERS[1:] if before else ()
        self.laterals = torch.nn.ModuleList(
            torch.nn.Linear(before * fan_in, fan_out, bias=False) for fan_in, fan_out in laterals
        )
        self.scales = torch.nn.ParameterList(torch.full((before,), SCALE) for _ in laterals)
        """Of what each layer but the first hears of each earlier column."""

    def forward(
        self, grids: Tensor, integers: Tensor | None, before: list[list[Tensor]]
    ) -> list[Float[Tensor, "grids *rest"]]:
        """What every layer puts out.

        :param grids: ``[grids, cell, 28, 28]``.
        :param integers: ``[grids, n]`` in 0..9; None puts zeros in their place.
        :param before: what the layers of earlier columns put out.
        :returns: for every layer its activations, the embeddings of four images side by side.
        """
        activations: list[Tensor] = []
        hidden = grids.flatten(-2)
        for layer, linear in enumerate(self.layers):
            if layer <= EMBEDDED:
                hidden = dropout(
                    hidden, self.dropout[min(layer, 1)], self.training and torch.is_grad_enabled()
                )
            if layer == EMBEDDED + 1 and self.integers:
                given = one_hot_integers(integers) if integers is not None else hidden.new_zeros(())
                hidden = torch.cat([hidden, given.expand(len(hidden), DIGITS * self.integers)], -1)
            hidden = linear(hidden)
            if layer > 0 and before:
                heard = zip(self.scales[layer - 1], before, strict=True)
                together = torch.cat([scale * column[layer - 1] for scale, column in heard], -1)
                hidden = hidden + self.laterals[layer - 1](together)
            if layer == EMBEDDED:
                hidden = hidden.flatten(-2)
            elif layer < len(self.layers) - 1:
                hidden = hidden.relu()
            activations.append(hidden)
        return activations
