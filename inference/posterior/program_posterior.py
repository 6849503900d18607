"""A posterior over programs one by one: exact, or of programs that were drawn."""

import math
from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.inference.posterior.posterior import Event, Posterior, impossible

UNUSED = -1
"""Stands in a program for a choice that does not matter to it: every integer of it is the same program."""


class ProgramPosterior(Posterior):
    """A probability for each of many programs.

    Programs that differ only in choices that do not matter to them are one: there the choice is
    :data:`UNUSED`, and is every integer with its prior probability.

    :param columns: by site, ``[programs]``, the integer of each program or :data:`UNUSED`.
    :param log_probs: ``[programs]``, float64, in nats; they are normalised.
    :param sizes: by site the number of alternatives.
    :param log_evidence: see :class:`Posterior`.
    :param hidden: a bound on the probability of all programs that are not there.
    :param unused: by site the prior probability of each integer, ``[size]``; uniform where None.

    >>> columns = {"op": torch.tensor([0, 1, 1]), "arg": torch.tensor([UNUSED, 0, 1])}
    >>> posterior = ProgramPosterior(columns, torch.tensor([0.5, 0.4, 0.1]).log(), {"op": 2, "arg": 2})
    >>> posterior.marginals["arg"]
    tensor([0.6500, 0.3500], dtype=torch.float64)
    >>> posterior.settings  # two of the first program
    4
    >>> round(posterior.probability({"op": 1, "arg": 0}), 3)
    0.4
    >>> posterior.given({"op": 1}).mode()
    {'op': 1, 'arg': 0}
    """

    def __init__(
        self,
        columns: Mapping[str, Int[Tensor, " programs"]],
        log_probs: Float[Tensor, " programs"],
        sizes: Mapping[str, int],
        log_evidence: float | None = None,
        hidden: float = 0.0,
        unused: Mapping[str, Float[Tensor, " size"]] | None = None,
    ) -> None:
        super().__init__(log_evidence)
        log_probs, order = log_probs.double().cpu().sort(descending=True, stable=True)
        self.columns = {site: column.cpu()[order] for site, column in columns.items()}
        """By site, ``[programs]``, the integer of each program or :data:`UNUSED`; most probable first."""
        self.log_probs = log_probs - log_probs.logsumexp(0)
        """``[programs]``, in nats."""
        self.sizes = dict(sizes)
        """By site the number of alternatives."""
        self.hidden = hidden
        """A bound on the probability of all programs that are not there; 0 where all are."""
        self.unused = {
            site: unused[site] if unused else torch.full((size,), 1 / size, dtype=torch.float64, device="cpu")
            for site, size in sizes.items()
        }
        """By site the probability of each integer where the choice does not matter."""

    def __repr__(self) -> str:
        """What it is over, in one line, and how probable other programs are at most."""
        others = f", others at most {self.hidden:.2g}" if self.hidden else ""
        return f"{super().__repr__()[:-1]}{others}>"

    @classmethod
    def of_draws(
        cls, posterior: Posterior, count: int, generator: torch.Generator | None = None
    ) -> "ProgramPosterior":
        """The posterior over programs drawn from another one: what its ``drawn`` returns.

        :param posterior: the one to draw from.
        :param count: how many are drawn.
        :param generator: source of the draw; torch's global one where None.
        :returns: a posterior over the programs that came up, at most ``count``.
        """
        sample = posterior.sample(count, generator)
        programs, counts = torch.stack(list(sample.values()), -1).unique(dim=0, return_counts=True)
        columns = dict(zip(sample, programs.unbind(-1), strict=True))
        sizes = {site: len(probs) for site, probs in posterior.marginals.items()}
        drawn = cls(columns, counts.double().log(), sizes, posterior.log_evidence)
        return drawn.worded(posterior.words)

    @property
    def marginals(self) -> Mapping[str, Float[Tensor, " size"]]:
        """See :class:`Posterior`."""
        probs, found = self.log_probs.exp(), {}
        for site, column in self.columns.items():
            sums = torch.zeros(self.sizes[site] + 1, dtype=torch.float64, device="cpu")
            sums = sums.index_add(0, torch.where(column < 0, self.sizes[site], column), probs)
            found[site] = sums[:-1] + sums[-1] * self.unused[site]
        return found

    def programs(self) -> int:
        """See :class:`Posterior`; programs that differ only in choices that do not matter to them are one."""
        return len(self.log_probs)

    @property
    def settings(self) -> int:
        """How many joint settings of the choices all programs are together."""
        if not self.columns:
            return len(self.log_probs)
        used = np.stack([(column < 0).numpy() for column in self.columns.values()], -1)
        patterns, counts = np.unique(used, axis=0, return_counts=True)
        sizes = [int((self.unused[site] > 0).sum()) for site in self.columns]
        each = [prod(size for size, free in zip(sizes, one, strict=True) if free) for one in patterns]
        return sum(int(count) * one for count, one in zip(counts, each, strict=True))

    def entropy(self) -> float:
        """See :class:`Posterior`; choices that do not matter add nothing."""
        return float(torch.special.entr(self.log_probs.exp()).sum())

    def mode(self) -> dict[str, int]:
        """See :class:`Posterior`; a choice that does not matter is as is most probable before any data."""
        return self.program(0)

    def program(self, rank: int) -> dict[str, int]:
        """One of the programs.

        :param rank: 0 for the most probable one.
        :returns: its integers; of a choice that does not matter see :meth:`mode`.
        """
        return self._written(rank, rank + 1)[0]

    def _written(self, first: int, last: int) -> list[dict[str, int]]:
        """Programs by rank; of a choice that does not matter see :meth:`mode`."""
        columns = [
            torch.where(column[first:last] < 0, self.unused[site].argmax(), column[first:last])
            for site, column in self.columns.items()
        ]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [dict(zip(self.columns, integers, strict=True)) for integers in rows]

    def top(self, k: int) -> list[tuple[dict[str, int], float]]:
        """See :class:`Posterior`."""
        self._check_top(k)
        return list(zip(self._written(0, k), self.log_probs[:k].exp().tolist(), strict=True))

    def sample(
        self, count: int, generator: torch.Generator | None = None
    ) -> dict[str, Int[Tensor, " count"]]:
        """See :class:`Posterior`; choices that do not matter are drawn too."""
        drawn = torch.multinomial(self.log_probs.exp(), count, replacement=True, generator=generator)
        found = {}
        for site, column in self.columns.items():
            free = torch.multinomial(self.unused[site], count, replacement=True, generator=generator)
            found[site] = torch.where(column[drawn] < 0, free, column[drawn])
        return found

    def drawn(self, count: int, generator: torch.Generator | None = None) -> "ProgramPosterior":
        """See :class:`Posterior`."""
        return ProgramPosterior.of_draws(self, count, generator)

    def probability(self, event: Event) -> float:
        """See :class:`Posterior`."""
        return float((self.log_probs.exp() * self._share(event)).sum())

    def _share(self, event: Event) -> Float[Tensor, " programs"]:
        """Of each program the part of its probability for which an event holds."""
        share = torch.ones(len(self.log_probs), dtype=torch.float64, device="cpu")
        for site, several in self._checked(event).items():
            wanted = torch.zeros(self.sizes[site], dtype=torch.float64, device="cpu")
            wanted[several] = 1
            free = (wanted * self.unused[site]).sum()
            column = self.columns[site]
            share *= torch.where(column < 0, free, wanted[column.clamp_min(0)])
        return share

    def given(self, event: Event) -> "ProgramPosterior":
        """See :class:`Posterior`."""
        share = self._share(event)
        kept = share.nonzero().squeeze(-1)
        log_probs = (self.log_probs[kept].exp() * share[kept]).log()
        if not len(kept) or log_probs.max() == -math.inf:
            raise impossible(event)
        probability = float(log_probs.logsumexp(0).exp())
        known = None if self.log_evidence is None else self.log_evidence + math.log(probability)
        columns = {site: column[kept] for site, column in self.columns.items()}
        hidden = self.hidden / (self.hidden + (1 - self.hidden) * probability)  # were it all in the event
        unused = dict(self.unused)
        for site, several in self._checked(event).items():
            allowed = torch.zeros(self.sizes[site], dtype=torch.float64, device="cpu")
            allowed[several] = self.unused[site][several]
            if allowed.any():  # else no program that is left leaves it open
                unused[site] = allowed / allowed.sum()
        return ProgramPosterior(columns, log_probs, self.sizes, known, hidden, unused).worded(self.words)
