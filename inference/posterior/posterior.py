"""The posterior over the programs of one model: what all kinds of posteriors can tell.

There are two kinds: that of a mean-field guide (:class:`~ntpt_pyro.MeanFieldPosterior`), in which choices are
independent, and one with a probability for each of many programs (:class:`~ntpt_pyro.ProgramPosterior`), as
running every program gives it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from operator import index
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.posterior.posterior_drawing import Words, plot_marginals
from ntpt_pyro.inference.posterior.posterior_html import posterior_html
from ntpt_pyro.inference.posterior.posterior_tree import tree_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import DataTree

Event = Mapping[str, int | Collection[int]]
"""A condition on some choices, all of which must hold: by site an integer, or several of which it is one."""

Of = TypeVar("Of", bound="Posterior")


class Posterior(ABC):
    """A distribution over the programs of a model. Probabilities are not logs unless the name says so.

    :param log_evidence: see :attr:`log_evidence`.
    """

    words: Mapping[str, Sequence[str]] = MappingProxyType({})
    """By choice the word of each alternative, where they are known, as a run's are: what it is shown with."""

    def __init__(self, log_evidence: float | None) -> None:
        self.log_evidence = log_evidence
        """The log-probability of the data under the model, in nats: exact, a guide's lower bound, or None
        where it is not known."""

    def __repr__(self) -> str:
        """What it is over, in one line."""
        known = "unknown" if self.log_evidence is None else f"{self.log_evidence:.6g}"
        over = f"{in_digits(self.programs())} programs of {len(self.marginals)} choices"
        return f"<{type(self).__name__}: {over}, log-evidence {known}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return posterior_html(self)

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
        """The probability of an event.

        :param event: by site an integer or several.
        :returns: the probability.
        :raises SiteError: where a site is no choice.
        """

    @abstractmethod
    def given(self: Of, event: Event) -> Of:
        """The posterior given an event; its log-evidence is that of the data and the event together.

        :param event: by site an integer or several.
        :returns: a new posterior.
        :raises SiteError: where a site is no choice.
        :raises UsageError: where the event has probability zero.
        """

    @abstractmethod
    def drawn(self, count: int, generator: torch.Generator | None = None) -> "Posterior":
        """The posterior over programs that are drawn from it, each as probable as its share of the draws.

        :param count: how many are drawn.
        :param generator: source of the draw; torch's global one where None.
        :returns: a :class:`~ntpt_pyro.ProgramPosterior` over the programs that came up, at most ``count``.
        """

    def entropies(self) -> dict[str, float]:
        """The entropy of each choice in nats, from 0 (decided) to ``log(size)`` (uniform)."""
        return {site: float(torch.special.entr(p).sum()) for site, p in self.marginals.items()}

    def numpy(self) -> dict[str, npt.NDArray[np.float64]]:
        """The marginals as arrays, ``[size]`` by site."""
        return {site: probs.double().cpu().numpy() for site, probs in self.marginals.items()}

    def word(self, site: str, integer: int) -> str:
        """The word for an alternative of a choice.

        :param site: the choice.
        :param integer: the alternative.
        :returns: one of :attr:`words`; its number where none is known.
        """
        known = self.words.get(site, ())
        return known[integer] if integer < len(known) else str(integer)

    def worded(self: Of, words: Mapping[str, Sequence[str]]) -> Of:
        """The same posterior, shown with words.

        :param words: see :attr:`words`.
        :returns: a copy that shares its tensors.

        >>> from ntpt_pyro import MeanFieldPosterior
        >>> posterior = MeanFieldPosterior({"op": torch.tensor([0.75, 0.25])}).worded({"op": ["ADD", "MUL"]})
        >>> posterior.word("op", 1), posterior.given({"op": 0}).word("op", 0)
        ('MUL', 'ADD')
        """
        found = copy(self)
        found.words = {site: list(known) for site, known in words.items()}
        return found

    def plot(self, ax: "Axes | None" = None, *, words: Words | None = None) -> "Axes":
        """Draw the marginals: a row a choice, a cell an alternative, shaded by its probability.

        Nothing is shown and nothing of pyplot changes; a panel that is made here shows itself in a notebook,
        and ``panel.figure.savefig("file.png")`` writes it. (``plt.savefig`` would write an empty picture.)

        :param ax: the panel to draw on; None makes one of its own figure.
        :param words: ``(site, integer) -> text``, the word for an alternative, such as a task's ``word``;
            None takes :attr:`words`.
        :returns: the panel.

        >>> from ntpt_pyro import MeanFieldPosterior
        >>> axes = MeanFieldPosterior({"op": torch.tensor([0.75, 0.25])}).plot()
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['op']
        """
        return plot_marginals(
            self.numpy(), ax, words=words or self.word, title="probabilities of the choices"
        )

    def to_xarray(
        self, draws: int = 1000, *, chains: int = 4, seed: int = 0, words: Words | None = None
    ) -> "DataTree":
        """The posterior as a tree of data sets, which xarray reads and writes, and ArviZ takes.

        :param draws: programs of each chain, at least 1; all are independent of each other.
        :param chains: how many there are, at least 1; ArviZ compares them.
        :param seed: of the draw.
        :param words: see :meth:`plot`.
        :returns: group ``posterior``: by choice the integers of the programs drawn, ``[chain, draw]``, with
            the words in attribute ``alternatives``; in attributes the log-evidence in nats (where it is
            known), the entropy and the number of programs. Group ``marginals``: by choice the probability of
            each alternative, its words the coordinates. A slash in a choice's name becomes an underline.
        :raises UsageError: where xarray is not installed, or a number is out of its bounds.

        >>> from ntpt_pyro import MeanFieldPosterior
        >>> tree = MeanFieldPosterior({"op": torch.tensor([0.75, 0.25])}).to_xarray(draws=500)
        >>> dict(tree["posterior"].sizes), tree["marginals"]["op"].values.tolist()
        ({'chain': 4, 'draw': 500}, [0.75, 0.25])
        """
        return tree_of(self, draws, chains=chains, seed=seed, words=words or self.word)

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
        """Of each choice its integer in the mode, its entropy and its probabilities, as JSON can hold it."""
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
            several = _integers(site, wanted)
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
                expected=f"a number in 1..{in_digits(self.programs())}, the number of programs",
                got=str(k),
                remedy="ask for as many as there are",
            )


def _integers(site: str, wanted: object) -> list[int]:
    """The integers that a choice may be, of whatever type they are given."""
    given = wanted.reshape(-1).tolist() if isinstance(wanted, (Tensor, np.ndarray)) else wanted
    several: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    try:
        if any(isinstance(one, bool) for one in several):
            raise TypeError
        return sorted({index(one) for one in several})
    except TypeError as error:
        raise UsageError(
            f"posterior of {site!r}",
            expected="an integer, or several",
            got=f"{wanted!r:.60}",
            remedy="ask for what it can be",
        ) from error


def impossible(event: Event) -> UsageError:
    """The error of a posterior given an event of probability zero.

    :param event: what was said.
    :returns: the error, to be raised.
    """
    said = " and ".join(f"{site} = {wanted}" for site, wanted in event.items())
    return UsageError(
        f"posterior given {said}",
        expected="a condition that can hold",
        got="one of probability 0",
        remedy="leave out what contradicts the rest",
    )
