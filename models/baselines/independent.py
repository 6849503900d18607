"""Indep.: every task has a column of its own, and nothing passes between them."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.models.baselines.baseline import EMBEDDING_SIZES, Baseline, embedding, head, side_by_side


class Independent(Baseline):
    """A column for each task, three hidden layers in its head (Gaunt et al. 2017, section 5.1, "Indep.").

    :param integers: for each task, in the order in which they come, how many integers its examples give.
    :param image_dropout: see :func:`~ntpt_pyro.models.baselines.baseline.embedding`.

    >>> model = Independent({"add2x2/top": 0, "apply2x2/top": 3})
    >>> model("apply2x2/top", torch.zeros(5, 4, 28, 28), torch.zeros(5, 3, dtype=torch.int64)).shape
    torch.Size([5, 19])
    """

    def __init__(
        self, integers: Mapping[str, int], *, image_dropout: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        super().__init__()
        self.embeddings = torch.nn.ModuleDict({task: embedding(image_dropout) for task in integers})
        self.heads = torch.nn.ModuleDict(
            {task: head(EMBEDDING_SIZES[-1], given, layers=3) for task, given in integers.items()}
        )

    def forward(
        self, task: str, grids: Float[Tensor, "grids 4 28 28"], integers: Int[Tensor, "grids n"] | None = None
    ) -> Float[Tensor, "grids 19"]:
        """See :meth:`Baseline.forward`."""
        embedded = self.embeddings[task](grids.flatten(-2))
        logits: Tensor = self.heads[task](side_by_side(embedded, integers))
        return logits

    def specific(self, task: str) -> list[torch.nn.Parameter]:
        """The task's column."""
        return [*self.embeddings[task].parameters(), *self.heads[task].parameters()]

    def shared(self, task: str) -> list[torch.nn.Parameter]:
        """None."""
        return []
