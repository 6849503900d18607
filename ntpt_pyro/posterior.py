"""The posterior over the choices of one program, as something one can look at."""

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.errors import UsageError

Program = Mapping[str, int]
"""A program: one integer for each choice, by site."""


@dataclass(frozen=True)
class ChoicePosterior:
    """Independent categoricals over the choices of a program.

    :param marginals: by site, ``[size]``, in probability space.

    >>> posterior = ChoicePosterior({"op": torch.tensor([0.75, 0.25]), "arg": torch.tensor([0.5, 0.5])})
    >>> round(posterior.entropies()["op"], 3)
    0.562
    >>> [(program["op"], round(p, 3)) for program, p in posterior.top(2)]
    [(0, 0.375), (0, 0.375)]
    """

    marginals: Mapping[str, Float[Tensor, " size"]]

    def entropies(self) -> dict[str, float]:
        """The entropy of each choice in nats, from 0 (decided) to ``log(size)`` (uniform)."""
        return {site: float(torch.special.entr(p).sum()) for site, p in self.marginals.items()}

    def mode(self) -> dict[str, int]:
        """The most probable integer of every choice."""
        return {site: int(p.argmax()) for site, p in self.marginals.items()}

    def programs(self) -> int:
        """How many programs there are: the product of the sizes."""
        return math.prod(len(p) for p in self.marginals.values())

    def top(self, k: int) -> list[tuple[dict[str, int], float]]:
        """The most probable programs, best first.

        :param k: how many, at least 1 and at most :meth:`programs`.
        :returns: pairs of a program and its probability, the product of its choices'.
        :raises UsageError: where there are not so many programs.
        """
        if not 1 <= k <= self.programs():
            raise UsageError(
                "top",
                expected=f"a number in 1..{self.programs()}, the number of programs",
                got=str(k),
                remedy="ask for as many as there are",
            )
        sites = list(self.marginals)
        ranked = [self.marginals[site].double().sort(descending=True) for site in sites]
        logs = [probs.log().tolist() for probs, _ in ranked]
        order = [indices.tolist() for _, indices in ranked]
        start = (0,) * len(sites)
        heap = [(-sum(site[0] for site in logs), start)]
        seen = {start}
        found: list[tuple[dict[str, int], float]] = []
        while len(found) < k:
            score, ranks = heapq.heappop(heap)
            program = {site: order[n][rank] for n, (site, rank) in enumerate(zip(sites, ranks, strict=True))}
            found.append((program, math.exp(-score)))
            for n, rank in enumerate(ranks):
                worse = (*ranks[:n], rank + 1, *ranks[n + 1 :])
                if rank + 1 < len(order[n]) and worse not in seen:
                    seen.add(worse)
                    total = sum(logs[i][r] for i, r in enumerate(worse))
                    heapq.heappush(heap, (-total, worse))
        return found
