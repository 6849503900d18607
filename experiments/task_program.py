"""A task's program in a lifetime: searched with many restarts at first, then settled.

While searching, restarts learn with the library's networks as they are; an untrained network that the task
brings is each restart's own. Examples that were held back choose the restart that is kept. It goes on alone
and teaches the network that it reads with.
"""

from collections.abc import Sequence
from typing import Any

import torch

from ntpt_pyro import Library, MeanFieldPosterior
from ntpt_pyro.experiments.lifetime import LifetimeOptions
from ntpt_pyro.inference import (
    Training,
    decided,
    marginals,
    most_probable,
    program_of,
    programs_of,
    strategy_named,
)
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.runs.judging import GOOD_ENOUGH, POSTERIOR_EXAMPLES, Verdict, accuracy, judge
from ntpt_pyro.tasks.data.grid_examples import Examples
from ntpt_pyro.tasks.tasks import Task


class TaskProgram:
    """What is known of a task's program.

    :param task: the task.
    :param options: of the lifetime.
    :param training: its training examples; the search does not learn from the first tenth of them.
    :param library: the networks to look with, which others may be teaching.
    :param trained: those of its networks that the program may choose.
    :param number: tasks met before it; with the lifetime's seed it decides all that is drawn.
    """

    def __init__(
        self,
        task: Task,
        options: LifetimeOptions,
        training: Examples,
        library: Library,
        trained: Sequence[str],
        number: int,
    ) -> None:
        self.task = task
        self.options = options
        self.held_back, _ = training.split(len(training) // 10)
        """Training examples that choose the restart that is kept."""
        self.strategy = strategy_named(options.strategy)
        self.sees = [*trained]
        """The networks that it chooses between, by index."""
        self.brings: str | None = None
        """The untrained network among them, while the search lasts."""
        if task.function.name not in trained:
            self.brings = task.function.name
            self.sees.append(task.function.name)
        self.network: str | None = None
        """The network that it reads with, once settled."""
        self.searched: dict[str, Any] = {}
        """What the search found, once settled."""
        self.round = 0
        self._seed = (options.seed * 100 + number) * 10
        self._average = library
        self._settled_kl = 1 / len(training)
        self.training, self._looking = self._begin_search()

    def _begin_search(self) -> tuple[Training, Library]:
        """The next round's restarts, and the networks that they look with."""
        seed = self._seed + self.round
        own = self.brings is not None and self.options.restarts > 1
        library = Library(seed=seed, copies=self.options.restarts if own else None)
        library.share(self._average, [name for name in self.sees if name != self.brings])
        if self.brings is not None:
            library.add(self.task.function)
        library.teach([] if self.brings is None else [self.brings])
        training = Training(
            self.task.model(library),
            self.held_back.tensors,
            strategy=self.strategy,
            restarts=self.options.restarts,
            library=None if self.brings is None else library[self.brings],
            choice_lr=self.options.choice_lr,
            library_lr=self.options.library_lr,
            init_scale=self.options.init_scale,
            kl=self.options.kl,
            generator=torch.Generator().manual_seed(seed),
        )
        return training, library

    def search(self, examples: Examples) -> Verdict | None:
        """Learn from a batch with all restarts.

        :param examples: none of them held back.
        :returns: the verdict that ends the search, where this was its last batch: a restart explains the
            examples held back, or there have been rounds enough.
        """
        self.training.learn(*examples.tensors)
        if self.training.step < self.options.search:
            return None
        verdict = self.judge()
        if verdict.accuracy >= GOOD_ENOUGH or self.round + 1 == self.options.rounds:
            return verdict
        self.round += 1
        self.training, self._looking = self._begin_search()
        return None

    def judge(self) -> Verdict:
        """What the examples held back say of the restarts now."""
        guide, restarts = self.training.guide, self.options.restarts
        return judge(self.task, self._looking, self.strategy, guide, self.held_back, restarts=restarts)

    def found_network(self, verdict: Verdict) -> Library:
        """The networks of the best restart.

        :param verdict: on the restarts.
        :returns: a library without copies.
        """
        return self._looking.take(torch.tensor([verdict.best]))

    def settle(self, verdict: Verdict, library: Library, adam: torch.optim.Adam) -> None:
        """Go on with the best restart alone.

        :param verdict: on the restarts.
        :param library: the networks that it teaches from now on.
        :param adam: what trains them.
        """
        self.searched = {
            "restarts_correct": verdict.correct,
            "held_back_accuracy": verdict.accuracy,
            "rounds": self.round + 1,
        }
        best = self.training.guide.take(torch.tensor([verdict.best]))
        (network,) = verdict.networks
        self._go_on(self.sees[network], library, adam)
        self.training.guide.load_state_dict(best.state_dict())

    def _go_on(self, network: str, library: Library, adam: torch.optim.Adam) -> None:
        """Train one restart, which teaches ``library``, and look with the average from now on."""
        self.network, self.brings = network, None
        taught, self._looking = Library(), Library()
        taught.share(library, self.sees)
        self._looking.share(self._average, self.sees)
        self.training = Training(
            self.task.model(taught),
            self.held_back.tensors,
            strategy=self.strategy,
            choice_lr=self.options.choice_lr,
            kl=self._settled_kl,
            shared=adam,
        )

    def program(self) -> dict[str, int]:
        """The most probable program now: every choice's integer by site."""
        if self.network is None:
            return self.judge().program
        model, some = self.task.model(self._looking), self._some.tensors
        return program_of(most_probable(self.strategy, model, self.training.guide, some))

    def posterior(self) -> MeanFieldPosterior:
        """The posterior of its choices, once settled."""
        model = self.task.model(self._looking)
        found = marginals(self.strategy, model, self.training.guide, self._some.tensors)
        return MeanFieldPosterior({site: probs[0] for site, probs in found.items()})

    def accuracy(self, examples: Examples) -> float:
        """The share of examples that the most probable program gets right.

        :param examples: the examples.
        :returns: in [0, 1].
        """
        library = self._looking
        if self.network is None:
            verdict = self.judge()
            library, program = self.found_network(verdict), verdict.program
        else:
            program = self.program()
        model = decided(self.task.model(library), programs_of(program), self._some.tensors)
        return float(accuracy(model, examples)[0])

    @property
    def _some(self) -> Examples:
        return self.held_back.split(POSTERIOR_EXAMPLES)[0]

    def get_state(self) -> State:
        """Everything that learning changes, but for networks that others see too."""
        return {
            "sees": self.sees,
            "brings": self.brings,
            "network": self.network,
            "searched": self.searched,
            "round": self.round,
            "training": self.training.get_state(),
        }

    def set_state(self, state: State, library: Library, adam: torch.optim.Adam | None) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        :param library: see :meth:`settle`.
        :param adam: see :meth:`settle`.
        """
        self.sees, self.brings, self.round = state["sees"], state["brings"], state["round"]
        self.searched = state["searched"]
        if state["network"] is None:
            self.training, self._looking = self._begin_search()
        else:
            assert adam is not None
            self._go_on(state["network"], library, adam)
        self.training.set_state(state["training"])
