"""What a way of inducing a program is: it searches with the material it is given, and says what it found."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.posterior.exhaustive import ExactPosterior
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.solver.solution import Solution
from ntpt_pyro.inference.training.callbacks import Callback, in_phase
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.restart_search import Verdict
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.history import Snapshots
from ntpt_pyro.runs.settings import Settings
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import Task

if TYPE_CHECKING:
    from ntpt_pyro.runs.answers import Oracle

IMAGE_DROPOUT = (0.2, 0.3)
"""The shares of pixels and of hidden units that networks of images drop while they learn, where they drop any
(Hinton et al. 2012)."""


@dataclass(frozen=True)
class Work:
    """What a method is given.

    :param task: what is learned.
    :param settings: how.
    :param library: the functions to begin with, not to be changed; empty where the task has none.
    :param examples: all training examples.
    :param held_back: those that a search is judged by.
    :param training: those that it learns from.
    :param checkpoint: for the name of a phase the file that it is kept in; gives None where nothing is kept.
    :param history: for the name of a phase the file that its course is kept in; None where nothing is kept.
    :param progress: show progress bars.
    :param oracle: answers a solver's questions; None where nobody does.
    :param answers: the file that answers are kept in; None where nothing is kept.
    :param callbacks: called after every step of a training.
    :param workers: who does pieces of a search that do not depend on each other.
    """

    task: Task
    settings: Settings
    library: Library
    examples: Examples
    held_back: Examples
    training: Examples
    checkpoint: Callable[[str], Path | None] = lambda _: None
    history: Callable[[str], Path | None] = lambda _: None
    progress: bool = False
    oracle: "Oracle | None" = None
    answers: Path | None = None
    callbacks: tuple[Callback, ...] = ()
    workers: Workers = ALONE

    def callbacks_of(self, phase: str) -> list[Callback]:
        """What is called after every step of one training.

        :param phase: which of the run's trainings it is.
        :returns: the callbacks.
        """
        return [in_phase(one, phase) for one in self.callbacks]

    def label(self, text: str) -> str | None:
        """The label of a progress bar; None shows none."""
        return text if self.progress else None

    @property
    def seed(self) -> int:
        """Of the first search; where a run is nothing but a search, the run's own."""
        return self.settings.seed if self.settings.search is None else self.settings.seed * 1000


@dataclass(frozen=True)
class Found:
    """What a search found.

    :param verdict: on its restarts.
    :param library: the networks of all of them.
    :param steps: training steps that it took.
    :param restarts: programs trained at once.
    :param restarts_right: of those that were left in the end so many are right; None where it is not known.
    :param strategy: that the guide was trained with.
    :param guide: of the restarts, to be trained on; None where there is nothing to train on.
    :param posterior: where the search is all there is: over the programs that it found.
    :param exact: the exact posterior, where it found that.
    :param solution: what a solver proved.
    :param asked: how many examples were asked for on the way.
    :param snapshots: marginals of the best restart on the way.
    :param how: the way of the search in words, where it was another than training restarts.
    :param seconds: that all searches of the run took.
    :param given_up: restarts that were given up on the way.
    """

    verdict: Verdict
    library: Library
    steps: int
    restarts: int | None
    restarts_right: int | None
    strategy: Strategy
    guide: ChoiceGuide | None = None
    posterior: Posterior | None = None
    exact: ExactPosterior | None = None
    solution: Solution | None = None
    asked: int = 0
    snapshots: Snapshots = field(default_factory=list)
    how: str | None = None
    seconds: float = 0.0
    given_up: int = 0


OF_RESTARTS = frozenset({
    *("restarts", "search", "look", "halve", "init_scale", "kl", "kl_start", "own_networks")
})  # fmt: skip
"""Settings of a search by restarts."""
OF_TRAINING = frozenset({
    *("steps", "batch_size", "settle_batch", "choice_lr", "library_lr", "dropout", "averaging")
})  # fmt: skip
"""Settings of training, in a search or on what it found."""
OF_EXHAUSTIVE = frozenset({"tolerance", "memory", "prior"})
"""Settings of an exhaustive search."""
OF_SOLVER = frozenset({"seconds", "alternatives"})
"""Settings of a solver."""


def untrained(task: Task, library: Library | None) -> list[str]:
    """The functions that a task's programs may call and that nothing has taught yet.

    :param task: what is learned.
    :param library: functions to begin with.
    :returns: their names.
    """
    steps = {} if library is None else library.steps
    own = [function.name for function in task.functions]
    return [name for name in (steps if steps and task.chooses else own) if not steps.get(name)]


class Method(Protocol):
    """A way of inducing programs."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Settings that suit the method, whatever the task."""

    @property
    def ignored(self) -> Collection[str]:
        """Settings that it does not look at."""

    @property
    def holds_back(self) -> bool:
        """Whether it must not learn from the examples that it is judged by."""

    @property
    def spreads(self) -> bool:
        """Whether a search gives its work to the workers itself; several then follow each other."""

    def prepare(self, work: Work) -> None:
        """Refuse what the method cannot do, before any work is done.

        :param work: what it would be given.
        :raises NtptError: says what is missing.
        """

    def search(self, work: Work, number: int) -> Found:
        """Search once.

        :param work: what is given.
        :param number: of the search, from 0; each draws from a seed of its own.
        :returns: what was found.
        """
