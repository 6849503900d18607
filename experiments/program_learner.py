"""NTPT in a lifetime: a program for every task, and one library of networks for all of them."""

from collections import Counter
from collections.abc import Callable

import torch

from ntpt_pyro import LearnedFunction, Library
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.experiments.lifetime import image_dropout
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.stream import Batch, Stream
from ntpt_pyro.experiments.task_program import TaskProgram
from ntpt_pyro.inference import follow
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.restart_search import Verdict
from ntpt_pyro.inference.training.split_adam import adam_state, fits_fused, set_adam_state
from ntpt_pyro.inference.training.without_compiler import Adam
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.runs.verdict import reading_accuracies
from ntpt_pyro.tasks.examples import Examples

EPSILON = 1e-3
"""Adam's, for networks that programs share. Far above the usual 1e-8, so that where a task is learned and
gradients are small steps are small too: scaled to full steps they would be noise to what other tasks need."""


class ProgramLearner:
    """Learns programs and the library that they share.

    A network is shared by identity: a settled program teaches the one that it reads with, whoever else reads
    with it. None is frozen, but while a program is still searched it teaches only an untrained network of its
    own: wrong programs would spoil a trained one.

    :raises LibraryError: where a second untrained network would join before the first can be trained.
    """

    def __init__(self, settings: LifetimeSettings, stream: Stream) -> None:
        _check_one_untrained(settings, stream)
        self.settings = settings
        self.stream = stream
        self.library = Library(seed=settings.seed)
        """What learns."""
        self.average = Library()
        """The average of its weights along the way: what new programs read with, what is judged and kept."""
        self.updates: dict[str, int] = {}
        """For each network the batches of settled programs that taught it."""
        self.programs: dict[str, TaskProgram] = {}
        self._adam: torch.optim.Adam | None = None

    def learn(self, batch: Batch) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        if batch.task not in self.programs:
            self.settle(lambda program: program.brings is not None)
            self.programs[batch.task] = self._meet(batch.task)
        program = self.programs[batch.task]
        if program.network is None:
            free = (batch.rows >= len(program.work.held_back)).nonzero()[:, 0]
            if not len(free):
                return
            # Batches of one size have steps recorded.
            again = torch.arange(len(batch.rows), device=free.device) % len(free)
            verdict = program.search(batch.examples.take(free[again]))
            if verdict is not None:
                self._settle(program, verdict)
        else:
            self.library.teach([program.network])
            program.training.learn(*batch.examples.tensors)
            self._follow(program.network)

    def settle(self, which: Callable[[TaskProgram], bool] = lambda _: True) -> None:
        """End searches of some programs before their time, with the best restarts so far."""
        for program in self.programs.values():
            if program.network is None and which(program):
                self._settle(program, program.judge())

    def _meet(self, name: str) -> TaskProgram:
        examples = self.stream.training[name]
        held_back, training = examples.split(len(examples) // 10)
        task, settings = self.stream.tasks[name], self.settings.of_a_program()
        work = Work(task, settings, self.average, examples, held_back, training)
        trained = [network for network, updates in self.updates.items() if updates]
        return TaskProgram(work, trained, number=len(self.programs))

    def _settle(self, program: TaskProgram, verdict: Verdict) -> None:
        """End a program's search, and take in the network that it has trained."""
        brings = program.brings
        best, networks = program.best_alone(verdict)
        if brings is not None:
            self._take_in(self.stream.functions[brings])
            for library in (self.library, self.average):
                library[brings].load_state_dict(networks[brings].state_dict())
        assert self._adam is not None
        program.settle(verdict, best, self.library, self._adam)

    def _take_in(self, function: LearnedFunction) -> None:
        """Make room in the library for a network that a search has trained."""
        name = function.name
        if name in self.updates:
            return
        for library in (self.library, self.average):
            library.add(function)
            library.steps[name] = self.settings.search
        self.average[name].eval()
        self.library[name].dropout = image_dropout(self.settings)
        self.updates[name] = 0
        weights = list(self.library[name].parameters())
        if self._adam is None:
            self._adam = Adam(weights, lr=self.settings.library_lr, eps=EPSILON, fused=fits_fused(weights))
        else:
            self._adam.add_param_group({"params": weights, "lr": self.settings.library_lr})

    def _follow(self, name: str) -> None:
        """Move the average of a network after a batch has taught it."""
        average, weights = self.average[name].parameters(), self.library[name].parameters()
        follow(average, weights, self.updates[name], decay=self.settings.averaging)
        self.updates[name] += 1
        for library in (self.library, self.average):
            library.steps[name] += 1

    def accuracy(self, task: str, examples: Examples) -> float | None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        return self.programs[task].accuracy(examples) if task in self.programs else None

    def readings(self) -> dict[str, float]:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        found = {}
        for name in self.average.steps:
            single = Library()
            single.share(self.average, [name])
            (reading,) = reading_accuracies(self.stream.readers[name], single).values()
            found[name] = reading.accuracy
        return found

    def get_state(self) -> State:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        return {
            "updates": dict(self.updates),
            "steps": dict(self.library.steps),
            "library": self.library.state_dict(),
            "average": self.average.state_dict(),
            "adam": {} if self._adam is None else adam_state(self._adam),
            "programs": {name: program.get_state() for name, program in self.programs.items()},
        }

    def set_state(self, state: State) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        for name in state["updates"]:
            self._take_in(self.stream.functions[name])
        self.updates.update(state["updates"])
        for library, weights in ((self.library, state["library"]), (self.average, state["average"])):
            library.load_state_dict(weights)
            library.steps.update(state["steps"])
        if self._adam is not None:
            set_adam_state(self._adam, state["adam"])
        for name, inner in state["programs"].items():
            self.programs[name] = self._meet(name)
            self.programs[name].set_state(inner, self.library, self._adam)


class AloneLearner:
    """Learns every task alone, with a library of its own; the batches are those of the lifetime."""

    def __init__(self, settings: LifetimeSettings, stream: Stream) -> None:
        self.learners = {name: ProgramLearner(settings, stream) for name in stream.tasks}

    def learn(self, batch: Batch) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        self.learners[batch.task].learn(batch)

    def accuracy(self, task: str, examples: Examples) -> float | None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        return self.learners[task].accuracy(task, examples)

    def readings(self) -> dict[str, float]:
        """None: there is a network of each name a task."""
        return {}

    def get_state(self) -> State:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        return {name: learner.get_state() for name, learner in self.learners.items()}

    def set_state(self, state: State) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        for name, learner in self.learners.items():
            learner.set_state(state[name])


def _check_one_untrained(settings: LifetimeSettings, stream: Stream) -> None:
    """Raise where a task brings an untrained network while another one's first search cannot be over."""
    seen: Counter[str] = Counter()
    brought: dict[str, str] = {}
    for position, name in enumerate(stream.names):
        (function,) = (one.name for one in stream.tasks[name].functions)
        if function not in brought:
            for other, bringer in brought.items():
                if seen[bringer] < settings.search:
                    raise LibraryError(
                        f"batch {position} of the schedule",
                        expected=f"{other} trained by {settings.search} batches of {bringer} first",
                        got=f"{name}, which brings {function}, after {seen[bringer]}",
                        remedy="live longer (--batches), search less (--search), or give the first task more "
                        "time (--schedule): a choice between untrained networks learns them as one that "
                        "cannot be split apart (Gaunt et al. 2017, 4.1)",
                    )
            brought[function] = name
        seen[name] += 1
