"""The posterior over the programs of one model, as something one can ask questions.

A posterior is one of two: that of a mean-field guide (:class:`MeanFieldPosterior`), in which choices are
independent, or one over programs one by one (:class:`ProgramPosterior`), as exact enumeration gives it.
Both answer the same questions.
"""

import heapq
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError

Program = Mapping[str, int]
"""A program: one integer for each choice, by site."""
Event = Mapping[str, int | Collection[int]]
"""What some choices are asked to be, together: by site an integer, or several of which it is one."""
UNUSED = -1
"""Stands in a program for a choice that does not matter to it: every integer of it is the same program."""

Of = TypeVar("Of", bound="Posterior")


class Posterior(ABC):
    """What is believed of the choices of a program. Probabilities are not logs unless the name says so.

    :param log_evidence: see :attr:`log_evidence`.
    """

    def __init__(self, log_evidence: float | None) -> None:
        self.log_evidence = log_evidence
        """The log-probability of the data under the model, in nats: exact, a guide's lower bound, or None
        where it is not known."""

    @property
    @abstractmethod
    def marginals(self) -> Mapping[str, Float[Tensor, " size"]]:
        """By site the probability of each integer, ``[size]``."""

    @abstractmethod
    def programs(self) -> int:
        """How many programs are told apart."""

    @abstractmethod
    def entropy(self) -> float:
        """The entropy of the program, in nats, from 0 (one program) to ``log(programs())``."""

    @abstractmethod
    def mode(self) -> dict[str, int]:
        """The most probable program."""

    @abstractmethod
    def top(self, k: int) -> list[tuple[dict[str, int], float]]:
        """The most probable programs, best first.

        :param k: how many, at least 1 and at most :meth:`programs`.
        :returns: pairs of a program and its probability.
        :raises UsageError: where there are not so many programs.
        """

    @abstractmethod
    def sample(
        self, count: int, generator: torch.Generator | None = None
    ) -> dict[str, Int[Tensor, " count"]]:
        """Programs drawn from the posterior.

        :param count: how many.
        :param generator: source of the draw; torch's global one where None.
        :returns: by site ``[count]``.
        """

    @abstractmethod
    def probability(self, event: Event) -> float:
        """How probable it is that some choices are what is asked, jointly.

        :param event: by site an integer or several.
        :returns: the probability.
        :raises SiteError: where a site is no choice.
        """

    @abstractmethod
    def given(self: Of, event: Event) -> Of:
        """The posterior given that some choices are what is said; its evidence is that of data and event.

        :param event: by site an integer or several.
        :returns: a new posterior.
        :raises SiteError: where a site is no choice.
        :raises UsageError: where the event has probability zero.
        """

    def drawn(self, count: int, generator: torch.Generator | None = None) -> "ProgramPosterior":
        """The posterior as programs drawn from it, each as probable as its share of the draws.

        :param count: how many are drawn.
        :param generator: source of the draw; torch's global one where None.
        :returns: a posterior over the programs that came up, at most ``count``.

        >>> coin = MeanFieldPosterior({"flip": torch.tensor([0.0, 1.0])})
        >>> coin.drawn(100).top(1)
        [({'flip': 1}, 1.0)]
        """
        sample = self.sample(count, generator)
        programs, counts = torch.stack(list(sample.values()), -1).unique(dim=0, return_counts=True)
        columns = dict(zip(sample, programs.unbind(-1), strict=True))
        sizes = {site: len(probs) for site, probs in self.marginals.items()}
        return ProgramPosterior(columns, counts.double().log(), sizes, self.log_evidence)

    def entropies(self) -> dict[str, float]:
        """The entropy of each choice in nats, from 0 (decided) to ``log(size)`` (uniform)."""
        return {site: float(torch.special.entr(p).sum()) for site, p in self.marginals.items()}

    def numpy(self) -> dict[str, npt.NDArray[np.float64]]:
        """The marginals as arrays, ``[size]`` by site."""
        return {site: probs.double().cpu().numpy() for site, probs in self.marginals.items()}

    def distances(self, other: "Posterior") -> dict[str, float]:
        """How far two posteriors are apart in each choice: total variation, from 0 to 1.

        :param other: of the same choices.
        :returns: by site.
        :raises SiteError: where it is of other choices.
        """
        if {s: len(p) for s, p in self.marginals.items()} != {s: len(p) for s, p in other.marginals.items()}:
            raise SiteError(
                "posterior",
                expected=f"one of the choices {', '.join(self.marginals)}",
                got=f"one of {', '.join(other.marginals)}",
                remedy="compare posteriors of one model",
            )
        return {
            site: 0.5 * float((probs.double() - other.marginals[site].double()).abs().sum())
            for site, probs in self.marginals.items()
        }

    def as_json(self) -> dict[str, Any]:
        """What there is to know of each choice, as JSON can hold it."""
        entropies, mode = self.entropies(), self.mode()
        return {
            site: {"chosen": mode[site], "entropy": entropies[site], "probabilities": probs.tolist()}
            for site, probs in self.marginals.items()
        }

    def _checked(self, event: Event) -> dict[str, list[int]]:
        """An event, each site with the integers that it may be."""
        found = {}
        for site, wanted in event.items():
            if site not in self.marginals:
                raise SiteError(
                    f"posterior of {site!r}",
                    expected=f"one of {', '.join(self.marginals)}",
                    got=repr(site),
                    remedy="correct the name",
                )
            several = [wanted] if isinstance(wanted, int) else sorted(set(wanted))
            size = len(self.marginals[site])
            if not all(0 <= integer < size for integer in several):
                raise UsageError(
                    f"posterior of {site!r}",
                    expected=f"integers in 0..{size - 1}",
                    got=", ".join(map(str, several)),
                    remedy="ask for what it can be",
                )
            found[site] = several
        return found

    def _check_top(self, k: int) -> None:
        if not 1 <= k <= self.programs():
            raise UsageError(
                "top",
                expected=f"a number in 1..{self.programs()}, the number of programs",
                got=str(k),
                remedy="ask for as many as there are",
            )


def _impossible(event: Event) -> UsageError:
    said = " and ".join(f"{site} = {wanted}" for site, wanted in event.items())
    return UsageError(
        f"posterior given {said}",
        expected="a condition that can hold",
        got="one of probability 0",
        remedy="leave out what contradicts the rest",
    )


class MeanFieldPosterior(Posterior):
    """Independent categoricals over the choices of a program: what a mean-field guide believes.

    :param marginals: by site, ``[size]``, in probability space.
    :param log_evidence: see :class:`Posterior`.

    >>> posterior = MeanFieldPosterior({"op": torch.tensor([0.75, 0.25]), "arg": torch.tensor([0.5, 0.5])})
    >>> round(posterior.entropies()["op"], 3)
    0.562
    >>> [(program["op"], round(p, 3)) for program, p in posterior.top(2)]
    [(0, 0.375), (0, 0.375)]
    >>> posterior.probability({"op": 0, "arg": 1})
    0.375
    >>> posterior.given({"op": 1}).mode()
    {'op': 1, 'arg': 0}
    """

    def __init__(
        self, marginals: Mapping[str, Float[Tensor, " size"]], log_evidence: float | None = None
    ) -> None:
        super().__init__(log_evidence)
        self._marginals = dict(marginals)

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
            raise _impossible(event)
        marginals = dict(self._marginals)
        for site, several in self._checked(event).items():
            kept = torch.zeros_like(marginals[site])
            kept[several] = marginals[site][several]
            marginals[site] = kept / kept.sum()
        known = None if self.log_evidence is None else self.log_evidence + math.log(probability)
        return MeanFieldPosterior(marginals, known)


class ProgramPosterior(Posterior):
    """A probability for each of many programs.

    Programs that differ only in choices that do not matter to them are one: there the choice is
    :data:`UNUSED`, and every integer that it may be is as likely.

    :param columns: by site, ``[programs]``, the integer of each program or :data:`UNUSED`.
    :param log_probs: ``[programs]``, float64, in nats; they are normalised.
    :param sizes: by site the number of alternatives.
    :param log_evidence: see :class:`Posterior`.
    :param hidden: a bound on the probability of all programs that are not there.

    >>> columns = {"op": torch.tensor([0, 1, 1]), "arg": torch.tensor([UNUSED, 0, 1])}
    >>> posterior = ProgramPosterior(columns, torch.tensor([0.5, 0.4, 0.1]).log(), {"op": 2, "arg": 2})
    >>> posterior.marginals["arg"]
    tensor([0.6500, 0.3500], dtype=torch.float64)
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
    ) -> None:
        super().__init__(log_evidence)
        log_probs, order = log_probs.double().sort(descending=True, stable=True)
        self.columns = {site: column[order] for site, column in columns.items()}
        """By site, ``[programs]``, the integer of each program or :data:`UNUSED`; most probable first."""
        self.log_probs = log_probs - log_probs.logsumexp(0)
        """``[programs]``, in nats."""
        self.sizes = dict(sizes)
        """By site the number of alternatives."""
        self.hidden = hidden
        """A bound on the probability of all programs that are not there; 0 where all are."""
        self._allowed = {site: torch.ones(size, dtype=torch.bool) for site, size in sizes.items()}

    @property
    def marginals(self) -> Mapping[str, Float[Tensor, " size"]]:
        """See :class:`Posterior`."""
        probs, found = self.log_probs.exp(), {}
        for site, column in self.columns.items():
            allowed = self._allowed[site].double()
            sums = torch.zeros(self.sizes[site] + 1, dtype=torch.float64)
            sums = sums.index_add(0, torch.where(column < 0, self.sizes[site], column), probs)
            found[site] = sums[:-1] + sums[-1] * allowed / allowed.sum()
        return found

    def programs(self) -> int:
        """See :class:`Posterior`."""
        return len(self.log_probs)

    def entropy(self) -> float:
        """See :class:`Posterior`; choices that do not matter add nothing."""
        return float(torch.special.entr(self.log_probs.exp()).sum())

    def mode(self) -> dict[str, int]:
        """See :class:`Posterior`; a choice that does not matter is the first integer that it may be."""
        return self.program(0)

    def program(self, rank: int) -> dict[str, int]:
        """One of the programs.

        :param rank: 0 for the most probable one.
        :returns: its integers; of a choice that does not matter the first that it may be.
        """
        return self._written(rank, rank + 1)[0]

    def _written(self, first: int, last: int) -> list[dict[str, int]]:
        """Programs by rank; of a choice that does not matter the first integer that it may be."""
        columns = [
            torch.where(column[first:last] < 0, self._allowed[site].int().argmax(), column[first:last])
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
            free = torch.multinomial(
                self._allowed[site].double(), count, replacement=True, generator=generator
            )
            found[site] = torch.where(column[drawn] < 0, free, column[drawn])
        return found

    def probability(self, event: Event) -> float:
        """See :class:`Posterior`."""
        return float((self.log_probs.exp() * self._share(event)).sum())

    def _share(self, event: Event) -> Float[Tensor, " programs"]:
        """Of each program the part of its probability for which an event holds."""
        share = torch.ones(len(self.log_probs), dtype=torch.float64)
        for site, several in self._checked(event).items():
            wanted = torch.zeros(self.sizes[site], dtype=torch.float64)
            wanted[several] = 1
            free = wanted[self._allowed[site]].mean()
            column = self.columns[site]
            share *= torch.where(column < 0, free, wanted[column.clamp_min(0)])
        return share

    def given(self, event: Event) -> "ProgramPosterior":
        """See :class:`Posterior`."""
        share = self._share(event)
        kept = share.nonzero().squeeze(-1)
        log_probs = (self.log_probs[kept].exp() * share[kept]).log()
        if not len(kept) or log_probs.max() == -math.inf:
            raise _impossible(event)
        probability = float(log_probs.logsumexp(0).exp())
        known = None if self.log_evidence is None else self.log_evidence + math.log(probability)
        columns = {site: column[kept] for site, column in self.columns.items()}
        hidden = self.hidden / (self.hidden + (1 - self.hidden) * probability)  # were it all in the event
        found = ProgramPosterior(columns, log_probs, self.sizes, known, hidden)
        for site, several in self._checked(event).items():
            allowed = torch.zeros(self.sizes[site], dtype=torch.bool)
            allowed[several] = True
            found._allowed[site] = self._allowed[site] & allowed
        for site in set(self.sizes) - set(event):
            found._allowed[site] = self._allowed[site]
        return found
