"""The posterior that a mean-field guide stands for: choices are independent of one another."""

import heapq
import math
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.posterior.posterior import Event, Posterior, impossible
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior


class MeanFieldPosterior(Posterior):
    """Independent categoricals over the choices of a program: the distribution of a mean-field guide.

    :param marginals: by site, ``[size]``, in probability space.
    :param log_evidence: see :class:`Posterior`.
    :raises SiteError: where a choice's probabilities have more axes, such as one of restarts.

    >>> posterior = MeanFieldPosterior({"op": torch.tensor([0.75, 0.25]), "arg": torch.tensor([0.5, 0.5])})
    >>> round(posterior.entropies()["op"], 3)
    0.562
    >>> [(program["op"], round(p, 3)) for program, p in posterior.top(2)]
    [(0, 0.375), (0, 0.375)]
    >>> posterior.probability({"op": 0, "arg": 1})
    0.375
    >>> posterior.given({"op": 1}).mode()
    {'op': 1, 'arg': 0}
    >>> posterior.given({"op": 1, "arg": 0}).drawn(100).top(1)
    [({'op': 1, 'arg': 0}, 1.0)]
    """

    def __init__(
        self, marginals: Mapping[str, Float[Tensor, " size"]], log_evidence: float | None = None
    ) -> None:
        super().__init__(log_evidence)
        for site, probs in marginals.items():
            if probs.ndim != 1:
                raise SiteError(
                    site,
                    expected="probabilities of shape [size]",
                    got=f"shape {[*probs.shape]}",
                    remedy="take those of one restart, as marginals(...)[site][restart] gives them",
                )
        self._marginals = {site: probs.cpu() for site, probs in marginals.items()}

    @property
    def marginals(self) -> Mapping[str, Float[Tensor, " size"]]:
        """See :class:`Posterior`."""
        return self._marginals

    def programs(self) -> int:
        """See :class:`Posterior`: the product of the sizes."""
        return math.prod(len(p) for p in self._marginals.values())

    def entropy(self) -> float:
        """See :class:`Posterior`."""
        return math.fsum(self.entropies().values())

    def mode(self) -> dict[str, int]:
        """See :class:`Posterior`: the most probable integer of every choice."""
        return {site: int(p.argmax()) for site, p in self._marginals.items()}

    def top(self, k: int) -> list[tuple[dict[str, int], float]]:
        """See :class:`Posterior`: found without making the others."""
        self._check_top(k)
        sites = list(self._marginals)
        ranked = [self._marginals[site].double().sort(descending=True) for site in sites]
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

    def sample(
        self, count: int, generator: torch.Generator | None = None
    ) -> dict[str, Int[Tensor, " count"]]:
        """See :class:`Posterior`."""
        return {
            site: torch.multinomial(probs, count, replacement=True, generator=generator)
            for site, probs in self._marginals.items()
        }

    def drawn(self, count: int, generator: torch.Generator | None = None) -> ProgramPosterior:
        """See :class:`Posterior`."""
        return ProgramPosterior.of_draws(self, count, generator)

    def probability(self, event: Event) -> float:
        """See :class:`Posterior`."""
        return math.prod(
            float(self._marginals[site].double()[several].sum())
            for site, several in self._checked(event).items()
        )

    def given(self, event: Event) -> "MeanFieldPosterior":
        """See :class:`Posterior`: only the choices that are named change."""
        probability = self.probability(event)
        if not probability > 0:
            raise impossible(event)
        marginals = dict(self._marginals)
        for site, several in self._checked(event).items():
            kept = torch.zeros_like(marginals[site])
            kept[several] = marginals[site][several]
            marginals[site] = kept / kept.sum()
        known = None if self.log_evidence is None else self.log_evidence + math.log(probability)
        return MeanFieldPosterior(marginals, known).worded(self.words)
