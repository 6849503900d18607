"""How often single restarts find a right program, by strategy, and what it costs: `ntpt restarts`."""

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from ntpt_pyro._files import write_json
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Training, most_probable, program_of, strategy_named
from ntpt_pyro.runs.learn import Options, library_of
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.run_folder import Run
from ntpt_pyro.runs.statistics import success_rate
from ntpt_pyro.tasks.tasks import task_named

EVERY = 25
"""Training steps between two looks at the restarts' programs."""


def compare(
    options: Options,
    strategies: Sequence[str],
    out: Path,
    *,
    budget: float | None = None,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Train restarts under several strategies, all from the same initial programs and batches.

    :param options: what to learn and how; ``strategy`` is replaced, ``steps`` are all spent on the search.
    :param strategies: see :data:`~ntpt_pyro.inference.STRATEGIES`.
    :param out: folder to keep what was measured in, a strategy a folder.
    :param budget: processor seconds of training for each strategy, which ends at the first look after them;
        None for as many as the steps take.
    :param resume: take what is there.
    :param progress: show progress bars.
    :returns: for each strategy what :func:`measure` found, and ``at_equal_cost``: how many restarts were
        right when the strategy that took least time was done. Also written to ``out/result.json``.
    :raises UsageError: where no strategy or an unknown one is named, or the budget is not above 0.
    """
    if budget is not None and not budget > 0:
        raise UsageError("seconds", expected="a number above 0", got=f"{budget:g}", remedy="give more")
    if not strategies:
        raise UsageError("strategy", expected="at least one", got="none", remedy="name some")
    for name in strategies:
        strategy_named(name)
    runs = [Run(out / name) for name in strategies]
    wanted = [replace(options, strategy=name) for name in strategies]
    for one, run in zip(wanted, runs, strict=True):
        run.begin({**one.settings(), "budget": budget}, resume=resume)
    found: dict[str, dict[str, Any]] = {}
    for one, run in zip(wanted, runs, strict=True):
        if not run.complete:
            run.conclude(measure(one, budget=budget, progress=progress))
        found[one.strategy] = {k: v for k, v in run.result().items() if k != "format"}
    least = min(one["seconds"] for one in found.values())
    for measured in found.values():
        counts = [look["right"] for look in measured["looks"] if look["seconds"] <= least]
        measured["at_equal_cost"] = success_rate(counts[-1] if counts else 0, options.restarts)
    settings = {k: v for k, v in options.settings().items() if k != "strategy"}
    result = {
        "command": _command(options, strategies, budget),
        "options": settings,
        "least_seconds": least,
        "strategies": found,
        "versions": versions(),
        "commit": commit(),
    }
    write_json(out / "result.json", result)
    return result


def measure(options: Options, *, budget: float | None = None, progress: bool = False) -> dict[str, Any]:
    """Train restarts under one strategy, and count those whose most probable program the oracle calls right.

    :param options: what to learn and how.
    :param budget: see :func:`compare`.
    :param progress: show a progress bar.
    :returns: ``looks`` every :data:`EVERY` steps (steps, seconds of training so far, restarts right), the
        success rate at the end with its interval, for each restart the step after which it was right to the
        end, the median of these, the seconds of training, and seconds a success; all of the processor.
    """
    task, strategy = task_named(options.task, lines=options.lines), strategy_named(options.strategy)
    images = task.load("train", options.data, options.download)
    generator = torch.Generator().manual_seed(options.seed)
    examples = task.draw(images, options.examples, generator)
    library = library_of(task, options)
    library = deepcopy(library) if library.trained else library.copied(options.restarts, options.seed)
    library.teach(name for name, steps in library.steps.items() if not steps)
    some = examples.split(options.batch_size)[0].tensors
    looks: list[dict[str, Any]] = []
    since: list[int | None] = [None] * options.restarts
    seconds = 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        training = Training(
            task.model(library),
            some,
            strategy=strategy,
            restarts=options.restarts,
            library=library,
            choice_lr=options.choice_lr,
            library_lr=options.library_lr,
            init_scale=options.init_scale,
            kl=options.kl,
            generator=generator,
        )
        for step in tqdm(range(1, options.steps + 1), desc=options.strategy, disable=not progress):
            rows = torch.randint(options.examples, (options.batch_size,), generator=generator, device="cpu")
            began = time.process_time()
            training.learn(*examples.take(rows).tensors)
            seconds += time.process_time() - began
            if step % EVERY == 0 or step == options.steps:
                programs = most_probable(
                    strategy, task.model(library), training.guide, some, restarts=options.restarts
                )
                for r in range(options.restarts):
                    since[r] = (since[r] or step) if task.is_correct(program_of(programs, r)) else None
                count = sum(place is not None for place in since)
                looks.append({"step": step, "seconds": round(seconds, 2), "right": count})
                if budget is not None and seconds >= budget:
                    break
    known = [place for place in since if place is not None]
    return {
        "strategy": options.strategy,
        "looks": looks,
        "right": success_rate(len(known), options.restarts),
        "right_since": since,
        "median_steps": median(known) if known else None,
        "seconds": round(seconds, 2),
        "seconds_a_success": round(seconds / len(known), 2) if known else None,
        "data": " and ".join(one.source for one in images.values()),
    }


def _command(options: Options, strategies: Sequence[str], budget: float | None) -> str:
    """The command that measures this, files and folders by what they hold."""
    words = [f"ntpt restarts {options.task}", f"--strategy {','.join(strategies)}"]
    for name in ("restarts", "steps", "examples", "batch_size", "choice_lr", "init_scale", "kl", "seed"):
        words.append(f"--{name.replace('_', '-')} {getattr(options, name)}")
    if budget is not None:
        words.append(f"--seconds {budget:g}")
    words += [f"--{name} {name.upper()}" for name in ("library", "data") if getattr(options, name)]
    return " ".join([*words, "--out OUT"])
