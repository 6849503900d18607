"""A task's program in a lifetime: searched with many restarts at first, then settled.

It is the recipe of :mod:`~ntpt_pyro.inference.training.restart_search`, a batch at a time. While searching,
restarts learn with the library's networks as they are; an untrained network that the task brings is each
restart's own. Examples that were held back choose the restart that is kept. It goes on alone and teaches the
network that it reads with.
"""

from collections.abc import Sequence
from dataclasses import asdict

import torch

from ntpt_pyro import Library, MeanFieldPosterior
from ntpt_pyro.experiments.lifetime_results import Searched
from ntpt_pyro.inference import (
    ChoiceGuide,
    Halving,
    Training,
    marginals,
    most_probable,
    program_of,
    strategy_named,
)
from ntpt_pyro.inference.training import restart_search
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.restart_search import Rounds, Verdict
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.tasks.examples import Examples


class TaskProgram:
    """What is known of a task's program.

    :param work: the task, its examples, the settings, and the networks to read with, which others may teach.
    :param trained: those of its networks that the program may choose.
    :param number: tasks met before it; with the lifetime's seed it decides all that is drawn.
    """

    def __init__(self, work: Work, trained: Sequence[str], number: int) -> None:
        self.work = work
        self.settings = work.settings
        self.strategy = strategy_named(str(work.settings.strategy))
        (self._function,) = work.task.functions
        self.reads = [*trained]
        """The networks that it chooses between, by index."""
        self.brings: str | None = None
        """The untrained network among them, while the search lasts."""
        if self._function.name not in trained:
            self.brings = self._function.name
            self.reads.append(self.brings)
        self.network: str | None = None
        """The network that it reads with, once settled."""
        self.searched: Searched | None = None
        """What the search found, once settled."""
        self.rounds = Rounds(work.settings.rounds)
        self._halvings = [] if work.settings.halve is None else [Halving(work.settings.halve)]
        self._seed = (work.settings.seed * 100 + number) * 10
        self.training, self._library = self._begin_search()

    def _begin_search(self) -> tuple[Training, Library]:
        """The next round's restarts, and the networks that they read with."""
        settings, seed = self.settings, self._seed + self.rounds.number
        own = self.brings is not None and settings.restarts > 1
        library = Library(seed=seed, copies=settings.restarts if own else None)
        library.share(self.work.library, [name for name in self.reads if name != self.brings])
        if self.brings is not None:
            library.add(self._function)
        library.teach([] if self.brings is None else [self.brings])
        training = Training(
            self.work.task.with_library(library),
            self.work.held_back.tensors,
            strategy=self.strategy,
            restarts=settings.restarts,
            library=None if self.brings is None else library[self.brings],
            choice_lr=settings.choice_lr,
            library_lr=settings.library_lr,
            init_scale=settings.init_scale,
            kl=settings.kl,
            generator=torch.Generator().manual_seed(seed),
        )
        steps = settings.search or 0
        training.record_from(max((one.last(training, steps) for one in self._halvings), default=0))
        return training, library

    def search(self, examples: Examples) -> Verdict | None:
        """Learn from a batch, of which nothing was held back, with all restarts.

        :returns: the verdict that ends the search, where this was its last batch: a restart explains the
            examples held back, at a look at them or at the search's end, or there have been rounds enough.
        """
        self.training.learn(*examples.tensors)
        for halving in self._halvings:
            halving(self.training)
        settings, step = self.settings, self.training.step
        assert settings.search is not None
        looks = settings.look is not None and step % settings.look == 0
        if not looks and step < settings.search:
            return None
        verdict = self.judge()
        if step < settings.search and not verdict.good_enough:
            return None
        if self.rounds.ended(verdict):
            return verdict
        self.training, self._library = self._begin_search()
        return None

    def judge(self) -> Verdict:
        """What the examples held back say of the restarts now."""
        model, held_back = self.work.task.with_library(self._library), self.work.held_back.tensors
        restarts, guide = self.training.restarts.size, self.training.guide
        return restart_search.judge(model, self.strategy, guide, held_back, restarts=restarts)

    def best_alone(self, verdict: Verdict) -> tuple[ChoiceGuide, Library]:
        """The choices and the networks of the best restart, without the others."""
        return restart_search.best_alone(self.training.guide, self._library, verdict.best)

    def settle(self, verdict: Verdict, best: ChoiceGuide, library: Library, adam: torch.optim.Adam) -> None:
        """Go on with the best restart alone.

        :param verdict: on the restarts.
        :param best: the choices of the best.
        :param library: the networks that it teaches from now on, by the optimiser ``adam``.
        """
        correct = verdict.count(lambda program, _: self.work.task.right(program))
        self.searched = Searched(correct, verdict.accuracy, self.rounds.number + 1)
        (network,) = self.work.task.taught(verdict.program, self._library)
        self._go_on(network, library, adam)
        self.training.guide.load_state_dict(best.state_dict())

    def _go_on(self, network: str, library: Library, adam: torch.optim.Adam) -> None:
        """Train one restart, which teaches ``library``, and read with the average from now on."""
        self.network, self.brings = network, None
        taught, self._library = Library(), Library()
        taught.share(library, self.reads)
        self._library.share(self.work.library, self.reads)
        self.training = Training(
            self.work.task.with_library(taught),
            self.work.held_back.tensors,
            strategy=self.strategy,
            choice_lr=self.settings.choice_lr,
            kl=1 / len(self.work.examples),
            shared=adam,
        )

    def program(self) -> dict[str, int]:
        """The most probable program now: every choice's integer by site."""
        if self.network is None:
            return self.judge().program
        model, some = self.work.task.with_library(self._library), self._some.tensors
        return program_of(most_probable(self.strategy, model, self.training.guide, some))

    def posterior(self) -> MeanFieldPosterior:
        """The posterior of its choices, once settled."""
        model = self.work.task.with_library(self._library)
        found = marginals(self.strategy, model, self.training.guide, self._some.tensors)
        return MeanFieldPosterior({site: probs[0] for site, probs in found.items()})

    def accuracy(self, examples: Examples) -> float:
        """The share of examples that the most probable program gets right, in [0, 1]."""
        library = self._library
        if self.network is None:
            verdict = self.judge()
            library, program = library.take(torch.tensor([verdict.best])), verdict.program
        else:
            program = self.program()
        return self.work.task.accuracy(program, library, examples)

    @property
    def _some(self) -> Examples:
        return self.work.held_back.split(restart_search.POSTERIOR_EXAMPLES)[0]

    def get_state(self) -> State:
        """Everything that learning changes, but for networks that others see too."""
        return {
            "reads": self.reads,
            "brings": self.brings,
            "network": self.network,
            "searched": None if self.searched is None else asdict(self.searched),
            "round": self.rounds.number,
            "training": self.training.get_state(),
        }

    def set_state(self, state: State, library: Library, adam: torch.optim.Adam | None) -> None:
        """Go on from a state that :meth:`get_state` gave; see :meth:`settle`."""
        self.reads, self.brings, self.rounds.number = state["reads"], state["brings"], state["round"]
        self.searched = None if state["searched"] is None else Searched(**state["searched"])
        if state["network"] is None:
            self.training, self._library = self._begin_search()
        else:
            assert adam is not None
            self._go_on(state["network"], library, adam)
        self.training.set_state(state["training"])
