"""How often single restarts find a right program, by strategy, and what it costs: `ntpt restarts`."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from ntpt_pyro import Library, Task
from ntpt_pyro.errors import TaskError, UsageError
from ntpt_pyro.experiments.measures import rate
from ntpt_pyro.experiments.recording import command_of
from ntpt_pyro.experiments.restart_results import RightSoFar, StrategyComparison, StrategyRestarts
from ntpt_pyro.inference import Strategy, Training, most_probable, program_of, strategy_named, train
from ntpt_pyro.runs.induce import options_of, prepared
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.runs.methods.restarts_method import RestartsMethod, library_for
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.run_folder import RunFolder
from ntpt_pyro.runs.settings import Settings

EVERY = 25
"""Training steps between two counts of the restarts that are right."""
NAMED = ("restarts", "steps", "examples", "batch_size", "choice_lr", "init_scale", "kl", "seed")
"""Settings that a recorded command names."""


def compare(
    task: Task,
    settings: Settings,
    strategies: Sequence[str],
    out: Path,
    *,
    library: Library | None = None,
    budget: float | None = None,
    resume: bool = False,
    progress: bool = False,
) -> StrategyComparison:
    """Train restarts under several strategies, all from the same initial programs and batches.

    :param task: what to learn.
    :param settings: how; ``strategy`` is replaced, ``steps`` are all spent on the search.
    :param strategies: see :data:`~ntpt_pyro.inference.STRATEGIES`.
    :param out: folder to keep what was measured in, a strategy a folder.
    :param library: functions to begin with, which stay as they are where they are trained.
    :param budget: processor seconds of training for each strategy, which ends at the first count after them;
        None for as many as the steps take.
    :param resume: take what is there.
    :param progress: show progress bars.
    :returns: what :func:`measure` found for each strategy, also as it was when the strategy that took least
        time was done; written to ``out/result.json`` too.
    :raises UsageError: where no strategy or an unknown one is named, or the budget is not above 0.
    :raises TaskError: where the task has no judge.
    """
    if budget is not None and not budget > 0:
        raise UsageError("seconds", expected="a number above 0", got=f"{budget:g}", remedy="give more")
    if not strategies:
        raise UsageError("strategy", expected="at least one", got="none", remedy="name some")
    for name in strategies:
        strategy_named(name)
    wanted = [settings.changed({"strategy": name}) for name in strategies]
    runs = [RunFolder(out / name) for name in strategies]
    for one, run in zip(wanted, runs, strict=True):
        run.begin({**options_of(task, one, library), "budget": budget}, resume=resume)
    for one, run in zip(wanted, runs, strict=True):
        if not run.complete:
            run.conclude(measure(task, one, library, budget=budget, progress=progress))
    found = [run.result_of(StrategyRestarts) for run in runs]
    least = min(one.seconds for one in found)
    options = {name: getattr(settings, name) for name in NAMED}
    options |= {"seconds": None if budget is None else f"{budget:g}"}
    options |= {"library": None if library is None else Path("library")}
    result = StrategyComparison(
        command=command_of(f"ntpt restarts {task.found_by}", {"strategy": strategies, **options, "out": out}),
        options={k: v for k, v in options_of(task, settings, library).items() if k != "strategy"},
        least_seconds=least,
        strategies={one.strategy: _at_equal_cost(one, least) for one in found},
        versions=versions(),
        commit=commit(),
    )
    RunFolder(out).conclude(result)
    return result


def _at_equal_cost(found: StrategyRestarts, least: float) -> StrategyRestarts:
    counts = [count.right for count in found.looks if count.seconds <= least]
    return replace(found, at_equal_cost=rate(counts[-1] if counts else 0, found.right.trials))


def measure(
    task: Task,
    settings: Settings,
    library: Library | None = None,
    *,
    budget: float | None = None,
    progress: bool = False,
) -> StrategyRestarts:
    """Train restarts under one strategy, and count those whose most probable program is right.

    :param task: what to learn.
    :param settings: how.
    :param library: functions to begin with.
    :param budget: see :func:`compare`.
    :param progress: show a progress bar.
    :returns: what was found.
    :raises TaskError: where the task has no judge.
    """
    strategy = strategy_named(str(settings.strategy))
    source = torch.Generator().manual_seed(settings.seed)
    work = prepared(task, RestartsMethod(strategy), settings, library, source, progress=progress)
    _check_judged(work)
    mine = library_for(work, settings.seed)
    mine.teach(name for name, steps in mine.steps.items() if not steps)
    batch_size = settings.batch_size or len(work.examples)
    counts = _Counts(work, strategy, mine, batch_size, budget)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        training = Training(
            task.with_library(mine),
            work.examples.split(batch_size)[0].tensors,
            strategy=strategy,
            restarts=settings.restarts,
            library=mine,
            choice_lr=settings.choice_lr,
            library_lr=settings.library_lr,
            init_scale=settings.init_scale,
            kl=settings.kl,
            generator=source,
        )
        counts.began = time.process_time()
        train(
            training,
            work.examples.tensors,
            steps=settings.steps,
            batch_size=batch_size,
            source=source,
            callbacks=[counts],
            progress=work.label(str(settings.strategy)),
        )
    known = [step for step in counts.since if step is not None]
    return StrategyRestarts(
        strategy=str(settings.strategy),
        looks=counts.taken,
        right=rate(len(known), settings.restarts),
        right_since=counts.since,
        median_steps=median(known) if known else None,
        seconds=round(counts.seconds, 2),
        seconds_a_success=round(counts.seconds / len(known), 2) if known else None,
        data=task.data_sources()["train"],
    )


def _check_judged(work: Work) -> None:
    """Raise where the task cannot say of a program, any program, whether it is right."""
    task = work.task
    program = dict.fromkeys(task.alternatives(work.library, work.examples), 0)
    if task.right(program, work.library) is None:
        raise TaskError(
            f"task {task.name}",
            expected="one that says which programs are right",
            got="one without a judge, whose functions are learned",
            remedy="give it a judge: Task(..., judge=...)",
        )


class _Counts:
    """A callback that counts the restarts that are right, and ends the training when its time is over."""

    def __init__(
        self, work: Work, strategy: Strategy, library: Library, batch_size: int, budget: float | None
    ) -> None:
        self.work, self.strategy, self.library, self.budget = work, strategy, library, budget
        self.some = work.examples.split(batch_size)[0].tensors
        self.began = 0.0
        self.seconds = 0.0
        """Of the processor, counting not included."""
        self.taken: list[RightSoFar] = []
        self.since: list[int | None] = [None] * work.settings.restarts

    def __call__(self, training: Training) -> bool:
        self.seconds += time.process_time() - self.began
        settings, step = self.work.settings, training.step
        counted = step % EVERY == 0 or step == settings.steps
        if counted:
            self._count(training)
        self.began = time.process_time()
        return counted and self.budget is not None and self.seconds >= self.budget

    def _count(self, training: Training) -> None:
        task, restarts, step = self.work.task, self.work.settings.restarts, training.step
        model = task.with_library(self.library)
        programs = most_probable(self.strategy, model, training.guide, self.some, restarts=restarts)
        for restart in range(restarts):
            its_own = self.library.take(torch.tensor([restart])) if task.judged_with_functions else None
            right = task.right(program_of(programs, restart), its_own)
            self.since[restart] = (self.since[restart] or step) if right else None
        count = sum(step is not None for step in self.since)
        self.taken.append(RightSoFar(step, round(self.seconds, 2), count))
