"""How often single restarts find a right program, by strategy, and what it costs: `ntpt restarts`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import torch

from ntpt_pyro import Library, Settings, Task
from ntpt_pyro.bounds import check_number
from ntpt_pyro.errors import TaskError, UsageError
from ntpt_pyro.experiments.recording import command_of, made_with
from ntpt_pyro.inference import Callback, Training, most_probable, program_of, strategy_named, train
from ntpt_pyro.inference.work.side_by_side import in_parallel
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.runs import RunFolder, Work
from ntpt_pyro.runs.induce import options_of, prepared
from ntpt_pyro.runs.methods.restart_networks import library_for
from ntpt_pyro.runs.methods.restarts_method import RestartsMethod, kl_weight
from ntpt_pyro.runs.results import Result
from ntpt_pyro.runs.statistics import Rate, success_rate
from ntpt_pyro.tasks.user_files import loaded_files

EVERY = 25
"""Training steps between two counts of the restarts that are right."""
NAMED = ("restarts", "steps", "examples", "batch_size", "choice_lr", "init_scale", "kl", "kl_start", "seed")
"""Settings that a recorded command names."""


@dataclass(frozen=True)
class Count:
    """Restarts that are right after so many training steps, and so many seconds of the processor."""

    step: int
    seconds: float
    right: int


@dataclass(frozen=True)
class StrategyRestarts(Result):
    """Restarts trained under one strategy, and how many are right: on the way, and at the end.

    :param right_since: for each restart the step after which it was right to the end.
    :param median_steps: of these.
    :param seconds: of the processor.
    :param at_equal_cost: restarts that were right when the strategy that took least time was done.
    """

    kind: ClassVar[str] = "restarts"
    strategy: str
    looks: list[Count]
    right: Rate
    right_since: list[int | None]
    median_steps: int | float | None
    seconds: float
    seconds_a_success: float | None
    data: str
    at_equal_cost: Rate | None = None


@dataclass(frozen=True)
class StrategyComparison(Result):
    """Restarts trained under several strategies, and the command and the settings that give them."""

    kind: ClassVar[str] = "strategies"
    command: str
    options: dict[str, Any]
    least_seconds: float
    strategies: dict[str, StrategyRestarts]
    versions: dict[str, str]
    commit: str | None


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
    workers: Workers = ALONE,
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
    :param workers: who trains them, a strategy each at a time.
    :returns: the comparison; also in ``out/result.json``.
    :raises UsageError: where no strategy or an unknown one is named, or the budget is not above 0.
    """
    if budget is not None:
        check_number("seconds", budget, above=0, below=1e9)
    if not strategies:
        raise UsageError("strategy", expected="at least one", got="none", remedy="name some")
    for name in strategies:
        strategy_named(name)
    wanted = {RunFolder(out / name): settings.changed({"strategy": name}) for name in strategies}
    with RunFolder(out).at_work({"runs": "restarts"}, resume=resume):
        for run, mine in wanted.items():
            run.begin({**options_of(task, mine, library), "budget": budget}, resume=resume)
        left = [(run, mine) for run, mine in wanted.items() if not run.complete]
        in_parallel(
            partial(_measured, task, library, budget=budget, progress=progress and workers.alone),
            left,
            workers=workers.opened_by(loaded_files),
            names=[str(mine.strategy) for _, mine in left],
            label="strategies" if progress else None,
        )
        found = {run.folder.name: run.result_of(StrategyRestarts) for run in wanted}
        result = _compared(task, settings, found, library, out, budget=budget)
        RunFolder(out).conclude(result)
    return result


def _measured(
    task: Task,
    library: Library | None,
    one: tuple[RunFolder, Settings],
    *,
    budget: float | None,
    progress: bool,
) -> None:
    """Train restarts under one strategy, and keep what was counted."""
    run, settings = one
    run.conclude(measure(task, settings, library, budget=budget, progress=progress))


def _compared(
    task: Task,
    settings: Settings,
    found: dict[str, StrategyRestarts],
    library: Library | None,
    out: Path,
    *,
    budget: float | None,
) -> StrategyComparison:
    """What was measured by strategy, at equal cost too, and the command that gives it."""
    least = min(one.seconds for one in found.values())
    named = {name: getattr(settings, name) for name in NAMED}
    named["seconds"] = None if budget is None else f"{budget:g}"
    named["library"] = None if library is None else Path("library")
    for name, one in found.items():
        counts = [count.right for count in one.looks if count.seconds <= least]
        equal = success_rate(counts[-1] if counts else 0, one.right.trials)
        found[name] = replace(one, at_equal_cost=equal)
    return StrategyComparison(
        command=command_of(f"ntpt restarts {task.found_by}", {"strategy": [*found], **named, "out": out}),
        options={k: v for k, v in options_of(task, settings, library).items() if k != "strategy"},
        least_seconds=least,
        strategies=found,
        **made_with(),
    )


def measure(
    task: Task,
    settings: Settings,
    library: Library | None = None,
    *,
    budget: float | None = None,
    callbacks: Sequence[Callback] = (),
    every: int = EVERY,
    progress: bool = False,
) -> StrategyRestarts:
    """Train restarts under one strategy, and count those whose most probable program is right.

    The parameters are those of :func:`compare`; ``callbacks`` are called after every step, and restarts
    that are right are counted ``every`` so many.

    :raises TaskError: where the task has no judge.
    """
    strategy = strategy_named(str(settings.strategy))
    source = torch.Generator().manual_seed(settings.seed)
    work = prepared(task, RestartsMethod(strategy), settings, library, source, progress=progress)
    _check_judged(work)
    mine = library_for(work, settings.seed)
    mine.teach(name for name, steps in mine.steps.items() if not steps)
    batch_size = settings.batch_size or len(work.examples)
    some = work.examples.split(batch_size)[0].tensors
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        training = Training(
            task.with_library(mine),
            some,
            strategy=strategy,
            restarts=settings.restarts,
            library=mine,
            choice_lr=settings.choice_lr,
            library_lr=settings.library_lr,
            init_scale=settings.init_scale,
            kl=kl_weight(settings, settings.steps),
            generator=source,
        )
        counts = _Counts(work, mine, some, budget, every)
        train(
            training,
            work.examples.tensors,
            steps=settings.steps,
            batch_size=batch_size,
            source=source,
            callbacks=[*callbacks, counts],
            progress=work.label(str(settings.strategy)),
        )
    known = [step for step in counts.since if step is not None]
    return StrategyRestarts(
        strategy=str(settings.strategy),
        looks=counts.taken,
        right=success_rate(len(known), settings.restarts),
        right_since=counts.since,
        median_steps=median(known) if known else None,
        seconds=round(counts.seconds, 2),
        seconds_a_success=round(counts.seconds / len(known), 2) if known else None,
        data=task.data_sources()["train"],
    )


def _check_judged(work: Work) -> None:
    """Raise where the task cannot say of a program, any program, whether it is right."""
    program = dict.fromkeys(work.task.alternatives(work.library, work.examples), 0)
    if work.task.right(program, work.library) is None:
        raise TaskError(
            f"task {work.task.name}",
            expected="one that says which programs are right",
            got="one without a judge, whose functions are learned",
            remedy="give it a judge: Task(..., judge=...)",
        )


class _Counts:
    """A callback that counts the restarts that are right, and ends the training when its time is over."""

    def __init__(
        self, work: Work, library: Library, some: Sequence[torch.Tensor], budget: float | None, every: int
    ) -> None:
        self.work, self.library, self.some, self.budget = work, library, some, budget
        self.every = every
        self.taken: list[Count] = []
        self.since: list[int | None] = [None] * work.settings.restarts
        self.seconds = 0.0
        """Of the processor, counting not included."""
        self._began = time.process_time()
        self._judged: dict[tuple[tuple[str, int], ...], bool | None] = {}

    def __call__(self, training: Training) -> bool:
        self.seconds += time.process_time() - self._began
        counted = training.step % self.every == 0 or training.step == self.work.settings.steps
        if counted:
            self.since = [
                (since or training.step) if right else None
                for since, right in zip(self.since, self._right(training), strict=True)
            ]
            count = sum(step is not None for step in self.since)
            self.taken.append(Count(training.step, round(self.seconds, 2), count))
        self._began = time.process_time()
        return counted and self.budget is not None and self.seconds >= self.budget

    def _right(self, training: Training) -> list[bool | None]:
        """Whether each restart's program is right; one is tried once, where no network comes with it."""
        task, restarts = self.work.task, self.work.settings.restarts
        model, guide = task.with_library(self.library), training.guide
        programs = most_probable(training.strategy, model, guide, self.some, restarts=restarts)
        found = []
        for restart in range(restarts):
            program = program_of(programs, restart)
            key = tuple(program.items())
            if task.functions or key not in self._judged:
                its_own = self.library.take(torch.tensor([restart])) if task.judged_with_functions else None
                self._judged[key] = task.right(program, its_own)
            found.append(self._judged[key])
        return found
