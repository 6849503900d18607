"""Exact posteriors of tasks whose networks a library has: a part of `exact_figures`.

Each posterior is found in a process of its own, so that its peak of memory is its own.
"""

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import torch

from ntpt_pyro import find_task
from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.experiments.recording import Figures
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.runs import load_library
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate
from ntpt_pyro.tasks import task_names

Found = TypeVar("Found")
EXAMPLES = {"add2x2": (64,), "math": (64,), "apply2x2": (16, 64)}
"""By kind of task how many examples posteriors are of."""
TOLERANCE = 1e-9
MANY = 10
"""Times as many seeds has MATH: the others are four tasks of a kind."""
LINES = 5
"""Of APPLY2X2 where programs are too many."""


@dataclass(frozen=True)
class Measured:
    """An exact posterior, and what it took.

    :param programs: that there are, those with the same text counted once.
    :param right: whether the most probable behaviour is right, by the task's own judge.
    :param probability: of that behaviour.
    :param hidden: a bound on the probability of all programs that were dropped.
    :param cubes: programs that are left, those that differ in what they do not read counted once.
    :param settings: how many joint settings of the choices these are.
    :param seconds: of the posterior, without loading data and without telling programs apart.
    :param megabytes: the peak of the process until the posterior was there, as much as the system says.
    :param loaded: the same before it was begun: data, library, and what Python and torch take.
    """

    task: str
    examples: int
    seed: int
    data: str
    programs: int
    right: bool
    probability: float
    behaviours: int
    hidden: float
    cubes: int
    settings: int
    seconds: float
    megabytes: int
    loaded: int


@dataclass(frozen=True)
class Summary:
    """Several of them."""

    right: Rate
    seconds: Spread
    megabytes: Spread
    probability: Spread
    hidden: Spread
    cubes: Spread
    settings: Spread


@dataclass(frozen=True)
class Refused:
    """What is said of programs that are too many.

    :param said: the error in words.
    :param seconds: until it was said.
    """

    task: str
    lines: int
    examples: int
    said: str | None
    seconds: float
    megabytes: int


def posterior_figures(data: Path | None, library: Path | None, seeds: Sequence[int]) -> Figures:
    """A posterior a task, a number of examples and a seed.

    :raises UsageError: where there is no library.
    """
    library = _checked(library)
    found: dict[str, Callable[[], Any]] = {}
    for kind, numbers in EXAMPLES.items():
        names = [name for name in task_names() if name.split("/")[0] == kind]
        repeats = range(MANY * len(seeds)) if len(names) == 1 else seeds
        for examples in numbers:
            for name in names:
                for seed in repeats:
                    figure = partial(alone, measured, name, examples, seed, data, library)
                    found[f"{name}, {examples} examples, seed {seed}"] = figure
    return found


def line_figures(data: Path | None, library: Path | None) -> Figures:
    """What is said of a line more than APPLY2X2 has.

    :raises UsageError: where there is no library.
    """
    library = _checked(library)
    figures = {
        f"apply2x2/top, {LINES} lines, {examples} examples": partial(
            alone, refused, "apply2x2/top", examples, data, library
        )
        for examples in EXAMPLES["apply2x2"]
    }
    return figures


def _checked(library: Path | None) -> Path:
    if library is None:
        raise UsageError("library", expected="trained networks", got="none", remedy="name it (--library)")
    return library


def alone(function: Callable[..., Found], *arguments: Any) -> Found:
    """What a function gives in a process of its own.

    :param function: of a module.
    :param arguments: of it.
    :returns: what it gives.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        return pool.submit(function, *arguments).result()


def megabytes() -> int:
    """The peak of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measured(name: str, examples: int, seed: int, data: Path | None, path: Path) -> Measured:
    """An exact posterior.

    :param name: of the task.
    :param examples: how many.
    :param seed: of their draw.
    :param data: folder of data.
    :param path: of the library.
    :returns: it, and what it took.
    """
    task = find_task(name, data=data)
    library = load_library(path, task.functions).eval()
    drawn = task.draw(examples, torch.Generator().manual_seed(seed))
    space, loaded = task.space(library, drawn), megabytes()
    model = task.with_library(library)
    exact = exact_posterior(model, drawn.tensors, space=space, tolerance=TOLERANCE)
    peak, posterior = megabytes(), exact.posterior
    groups = grouped(task, library, drawn, posterior)
    return Measured(
        task=name,
        examples=examples,
        seed=seed,
        data=task.data_sources()["train"],
        programs=space.size,
        right=bool(task.right(groups[0].program, library)),
        probability=groups[0].probability,
        behaviours=len(groups),
        hidden=posterior.hidden,
        cubes=posterior.programs(),
        settings=posterior.settings,
        seconds=round(exact.seconds, 2),
        megabytes=peak,
        loaded=loaded,
    )


def refused(name: str, examples: int, data: Path | None, path: Path) -> Refused:
    """What is said of a task with :data:`LINES` lines.

    :param name: of the task.
    :param examples: how many.
    :param data: folder of data.
    :param path: of the library.
    :returns: what is said; None where there is an answer.
    """
    task = find_task(name, lines=LINES, data=data)
    library = load_library(path, task.functions).eval()
    drawn = task.draw(examples, torch.Generator().manual_seed(0))
    began, said = time.monotonic(), None
    try:
        exact_posterior(task.with_library(library), drawn.tensors, space=task.space(library, drawn))
    except BudgetError as error:
        said = str(error)
    return Refused(name, LINES, examples, said, round(time.monotonic() - began, 2), megabytes())


def summaries(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Summary]:
    """Posteriors summed up by kind of task and number of examples.

    :param found: by name, as they were recorded.
    :returns: by kind and number.
    """
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for one in found.values():
        kinds.setdefault(f"{one['task'].split('/')[0]}, {one['examples']} examples", []).append(one)
    spreads = [one.name for one in fields(Summary) if one.name != "right"]
    return {
        kind: Summary(
            success_rate(sum(row["right"] for row in rows), len(rows)),
            **{name: spread([row[name] for row in rows]) for name in spreads},
        )
        for kind, rows in kinds.items()
    }
