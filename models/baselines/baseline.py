"""What the baselines share: their interface, and the parts that a column is made of.

A column (section 5.1, Fig. 5(a)) embeds each image of the grid by one network of two layers of 256 neurons
to 10 numbers, lays the four embeddings and the one-hot given integers side by side, and maps them through
hidden layers of 128 neurons to 19 results.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import one_hot
from ntpt_pyro.models.grid import CELLS, RANGE

EMBEDDING_SIZES = (28 * 28, 256, 256, 10)
HIDDEN = 128
DIGITS = 10
"""Range of the integers that a task gives, as one-hot vectors."""


class Baseline(torch.nn.Module, ABC):
    """A purely neural model of a lifetime of tasks."""

    @abstractmethod
    def forward(
        self, task: str, grids: Float[Tensor, "grids 4 28 28"], integers: Int[Tensor, "grids n"] | None = None
    ) -> Float[Tensor, "grids 19"]:
        """Unnormalised log-probabilities of the results.

        :param task: the task that the examples are from.
        :param grids: ``[grids, cell, 28, 28]``, pixels in [0, 1].
        :param integers: ``[grids, n]``, each in 0..9; None where the task gives none.
        :returns: ``[grids, 19]``.
        """

    @abstractmethod
    def specific(self, task: str) -> list[torch.nn.Parameter]:
        """The parameters that only this task trains.

        :param task: the task.
        :returns: them.
        """

    @abstractmethod
    def shared(self, task: str) -> list[torch.nn.Parameter]:
        """The parameters that this task trains and other tasks too.

        :param task: the task.
        :returns: them, perhaps none.
        """


def embedding(image_dropout: tuple[float, float] = (0.0, 0.0)) -> torch.nn.Sequential:
    """The network that embeds an image, of the layout of ``net_0`` and ``net_1``.

    :param image_dropout: shares of pixels and of hidden units that it drops in training mode.
    :returns: it maps ``[*batch, 784]`` to ``[*batch, 10]``, linear at the end.
    """
    return perceptron(EMBEDDING_SIZES, image_dropout)


def perceptron(sizes: Iterable[int], dropout: tuple[float, float] = (0.0, 0.0)) -> torch.nn.Sequential:
    """A fully connected network, ReLU between layers.

    :param sizes: neurons in every layer, from inputs to outputs.
    :param dropout: shares of inputs and of hidden units dropped in training mode.
    :returns: the network.
    """
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [torch.nn.Dropout(dropout[bool(layers)]), torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def head(embeddings: int, integers: int, layers: int) -> torch.nn.Sequential:
    """The task-specific part: from embeddings of the four images to results.

    :param embeddings: numbers that each image is embedded to.
    :param integers: how many integers the task gives.
    :param layers: hidden layers.
    :returns: it maps ``[grids, 4 * embeddings + 10 * integers]`` to ``[grids, 19]``.
    """
    return perceptron((CELLS * embeddings + DIGITS * integers, *[HIDDEN] * layers, RANGE))


def side_by_side(
    embedded: Float[Tensor, "grids 4 n"], integers: Int[Tensor, "grids m"] | None
) -> Float[Tensor, "grids features"]:
    """A head's input: the embeddings of the four images, then the given integers as one-hot vectors.

    :param embedded: ``[grids, cell, n]``.
    :param integers: ``[grids, m]``, each in 0..9, or None.
    :returns: ``[grids, 4 * n + 10 * m]``.
    """
    features = embedded.flatten(-2)
    return features if integers is None else torch.cat([features, one_hot_integers(integers)], -1)


def one_hot_integers(integers: Int[Tensor, "grids m"]) -> Float[Tensor, "grids bits"]:
    """Given integers as one-hot vectors, side by side.

    :param integers: ``[grids, m]``, each in 0..9.
    :returns: ``[grids, 10 * m]``, of 0 and 1.
    """
    return one_hot(integers, DIGITS).flatten(-2)
