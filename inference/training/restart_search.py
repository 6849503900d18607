"""The recipe of a search with many restarts: train them all, judge them by examples held back, keep the best.

A wrong program whose network learned its examples by heart explains none that were held back. A search that
ends without a restart that explains them is followed by another one, from a seed of its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.posterior.accuracy import program_accuracy
from ntpt_pyro.inference.posterior.choice_marginals import most_probable
from ntpt_pyro.inference.posterior.decided_programs import decided, program_of
from ntpt_pyro.inference.posterior.log_likelihoods import mean_log_likelihood
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.ranks import Share
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program

GOOD_ENOUGH = 0.5
"""Share of the examples held back that the best restart must get right to end the search for a program."""
POSTERIOR_EXAMPLES = 32
"""Examples that enumerated choices are conditioned on; more would only cost memory."""


@dataclass(frozen=True)
class Verdict:
    """What examples that were held back say of the restarts of a search.

    :param best: the restart that explains them best.
    :param accuracy: its share of them that is right.
    :param programs: every choice's integer by site, ``[restarts]``.
    :param log_likelihood: of an example held back under the best restart's program, mean, in nats; None where
        it was not asked for.
    """

    best: int
    accuracy: float
    programs: dict[str, Int[Tensor, " restarts"]]
    log_likelihood: float | None = None

    @property
    def program(self) -> dict[str, int]:
        """The best restart's program."""
        return program_of(self.programs, self.best)

    @property
    def good_enough(self) -> bool:
        """Whether the search may end."""
        return self.accuracy >= GOOD_ENOUGH

    def count(
        self, right: Callable[[Program, int], bool | None], among: Iterable[int] | None = None
    ) -> int | None:
        """How many restarts found a right program; nothing depends on it.

        :param right: whether the program of a restart, given with its number, is right.
        :param among: numbers of the restarts that are asked about; all where it is not given.
        :returns: the number; None where it is not known.
        """
        numbers = range(len(next(iter(self.programs.values())))) if among is None else among
        verdicts = [right(program_of(self.programs, number), number) for number in numbers]
        return None if None in verdicts else sum(map(bool, verdicts))


def judge(
    model: Model,
    strategy: Strategy,
    guide: ChoiceGuide,
    held_back: Sequence[Tensor],
    *,
    restarts: int,
    share: Share | None = None,
) -> Verdict:
    """Find the best restart: the one whose most probable program gives examples the highest likelihood.

    :param model: a Pyro program, not wrapped, with networks that may have a copy for each restart.
    :param strategy: the one that the guide was trained with.
    :param guide: the trained guide.
    :param held_back: examples that it was not trained on, as the model's arguments.
    :param restarts: of the training.
    :param share: where these are the restarts of one of several processes, which judge together.
    :returns: the verdict, on the restarts of all of them.
    """
    some = [tensor[:POSTERIOR_EXAMPLES] for tensor in held_back]
    programs = most_probable(strategy, model, guide, some, restarts=restarts)
    likelihoods = mean_log_likelihood(model, programs, held_back)
    right = program_accuracy(decided(model, programs, held_back), held_back)
    if share is not None:
        programs = {site: share.whole(own) for site, own in programs.items()}
        likelihoods, right = share.whole(likelihoods), share.whole(right)
    best = int(likelihoods.argmax())
    return Verdict(best, float(right[best]), programs, float(likelihoods[best]))


@dataclass
class Rounds:
    """Searches that follow each other until one explains the examples held back.

    :param most: searches at most.
    """

    most: int
    number: int = 0
    """Of the search that is under way, from 0."""

    def ended(self, verdict: Verdict, *, same_again: bool = False) -> bool:
        """Whether the search that was under way was the last; else the next one begins.

        :param verdict: on its restarts.
        :param same_again: whether another search would only find the same.
        :returns: True where it was.
        """
        if verdict.good_enough or same_again or self.number + 1 >= self.most:
            return True
        self.number += 1
        return False


def best_alone(guide: ChoiceGuide, library: Library, best: int) -> tuple[ChoiceGuide, Library]:
    """The guide and the networks of one restart, to be trained on alone.

    :param guide: of all restarts.
    :param library: with a copy of each network for each restart, or shared by all.
    :param best: the restart.
    :returns: copies for a single restart.
    """
    only = torch.tensor([best])
    return guide.take(only), library.take(only)
