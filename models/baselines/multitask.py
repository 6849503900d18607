"""MTNN: the embedding networks are shared by all tasks, the rest is the task's own."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.models.baselines.baseline import EMBEDDING_SIZES, Baseline, embedding, head, side_by_side


class Multitask(Baseline):
    """Two embedding networks shared by all tasks, a head for each (Gaunt et al. 2017, section 5.1, "MTNN").

    Symmetry between the networks is broken as it is for programs (section 4.1): the first task sees
    ``net_0`` alone, later tasks the embeddings of both, side by side.

    :param integers: for each task, in the order in which they come, how many integers its examples give.
    :param layers: for each task the hidden layers of its head: 3 for every task is the paper's MTNN-1; 1
        for ADD2X2 and 3 for APPLY2X2 is MTNN-2.
    :param image_dropout: see :func:`~ntpt_pyro.models.baselines.baseline.embedding`.

    >>> model = Multitask({"add2x2/top": 0, "apply2x2/top": 3}, {"add2x2/top": 1, "apply2x2/top": 3})
    >>> model("add2x2/top", torch.zeros(5, 4, 28, 28)).shape
    torch.Size([5, 19])
    """

    def __init__(
        self,
        integers: Mapping[str, int],
        layers: Mapping[str, int],
        *,
        image_dropout: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.net_0 = embedding(image_dropout)
        self.net_1 = embedding(image_dropout)
        self.first = next(iter(integers))
        """The task that sees ``net_0`` alone."""
        numbers = EMBEDDING_SIZES[-1]
        self.heads = torch.nn.ModuleDict(
            {
                task: head(numbers if task == self.first else 2 * numbers, given, layers=layers[task])
                for task, given in integers.items()
            }
        )

    def forward(
        self, task: str, grids: Float[Tensor, "grids 4 28 28"], integers: Int[Tensor, "grids n"] | None = None
    ) -> Float[Tensor, "grids 19"]:
        """See :meth:`Baseline.forward`."""
        pixels = grids.flatten(-2)
        embedded = torch.cat([net(pixels) for net in self._seen(task)], -1)
        logits: Tensor = self.heads[task](side_by_side(embedded, integers))
        return logits

    def _seen(self, task: str) -> list[torch.nn.Sequential]:
        return [self.net_0] if task == self.first else [self.net_0, self.net_1]

    def specific(self, task: str) -> list[torch.nn.Parameter]:
        """The task's head."""
        return list(self.heads[task].parameters())

    def shared(self, task: str) -> list[torch.nn.Parameter]:
        """The embedding networks that the task sees."""
        return [parameter for net in self._seen(task) for parameter in net.parameters()]
