"""Success rates of the program texts in models/terpret, by gradient and by a solver, and what a step costs.

    python -m ntpt_pyro.experiments.texts --out experiments/results/texts/cpu.json

Parts: `published_sizes`, machines as large as those that were published with TerpreT, beside its figures;
`other_sizes`; `step`, of turing invert at its published size. For each task a hundred restarts count singly;
then runs of 64 restarts each, which succeed where the most probable restart reproduces every instance; then
a solver, a seed after the other; then, where there are not too many, all programs are tried. What is measured
is written after each task; the same command goes on where it was interrupted.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from ntpt_pyro import Settings, induce, models
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.experiments.recording import Figures, main_of, parser_of, parts_of, record_parts, several
from ntpt_pyro.inference import Training, strategy_named
from ntpt_pyro.runs.results import PosteriorResult, SolvedResult
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.tasks.text_task import TextTask, text_task_named

FOLDER = Path(models.__file__).parent / "terpret"
PUBLISHED_SIZES = {
    "halting_turing": ("invert", "prepend", "decrement"),
    "circuit": ("swap",),
    "memory_blocks": ("access",),
}
"""Tasks of texts as large as TerpreT's own, with as many instances."""
TASKS = {
    "turing": ("invert", "prepend", "decrement"),
    "circuit": ("swap", "controlled_swap", "full_adder", "two_bit_adder"),
    "basic_block": ("access",),
}
"""Tasks of the texts whose sizes are ours, and swap."""
SETTINGS: dict[str, dict[str, Any]] = {"memory_blocks access": {"init_scale": 3.0, "kl": 0.03}}
"""What is set otherwise than for all texts, by task."""
TERPRET = {
    "halting_turing invert": "10 of 10 restarts",
    "halting_turing prepend": "6 of 10 restarts",
    "halting_turing decrement": "1 of 10 restarts",
    "circuit swap": "0 of 10 restarts",
    "memory_blocks access": "crashes",
    "step": "15 ms a step of turing invert on 5 instances, after 10 to 44 s of building",
}
"""TerpreT itself, measured with its own data and defaults."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure what is asked for, and write it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    parts = parts_of(options.part, {name: partial(made, options) for name, made in PARTS.items()})
    settings = Settings().changed(_task("halting_turing", "invert").defaults).to_json()
    about = {"settings": settings, "terpret": TERPRET, "threads": torch.get_num_threads()}
    return record_parts("texts", options, parts, **about)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, workers=True, singles=100, runs=10, solved=10, steps=800)
    parser.add_argument("--part", type=several, default=list(PARTS))
    return parser.parse_args(arguments)


def _published_sizes(options: argparse.Namespace) -> Figures:
    return _each(PUBLISHED_SIZES, options)


def _other_sizes(options: argparse.Namespace) -> Figures:
    """Those that are not in the other part."""
    others = {
        text: [name for name in names if name not in PUBLISHED_SIZES.get(text, ())]
        for text, names in TASKS.items()
    }
    return _each(others, options)


def _each(tasks: Mapping[str, Sequence[str]], options: argparse.Namespace) -> Figures:
    return {
        f"{text} {name}": partial(_measured, text, name, options)
        for text, names in tasks.items()
        for name in names
    }


def _steps(options: argparse.Namespace) -> Figures:
    del options  # a step is a step
    invert = _task("halting_turing", "invert")
    return {f"R={restarts}": partial(milliseconds_a_step, invert, restarts) for restarts in (1, 64)}


PARTS = {"published_sizes": _published_sizes, "other_sizes": _other_sizes, "step": _steps}


def _task(text: str, name: str) -> TextTask:
    return text_task_named(f"{FOLDER / text}.terpret:{name}")


def _measured(text: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Restarts singly, runs of many, a solver, and all programs."""
    began = time.monotonic()
    task = _task(text, name)
    compiled = time.monotonic() - began
    settings = {"steps": options.steps, **SETTINGS.get(f"{text} {name}", {})}
    singly = induce(task, restarts=options.singles, **settings).result
    assert singly.restarts_correct is not None
    runs = [induce(task, seed=seed, **settings).result for seed in range(1, options.runs + 1)]
    model = task.train.model
    return {
        "settings": settings,
        "restarts": success_rate(singly.restarts_correct, options.singles),
        "runs": success_rate(sum(bool(run.program_correct) for run in runs), len(runs)),
        "held_out": [run.test_accuracy for run in runs],
        "seconds_a_run": spread([run.seconds for run in runs]),
        "solver": _solved(task, options.solved),
        "exact": _exact(task),
        "compiled": {
            "seconds": round(compiled, 3),
            "statements": model.statements,
            "products": model.terms,
        },
        "instances": task.data_sources()["train"],
    }


def _solved(task: TextTask, seeds: int) -> dict[str, Any]:
    """Programs by a solver that are right and proved to be, of so many seeds."""
    found = [induce(task, strategy="solver", seed=seed).result for seed in range(1, seeds + 1)]
    proved = [one for one in found if isinstance(one, SolvedResult) and one.status == "optimal"]
    return {
        "proved": success_rate(sum(bool(one.program_correct) for one in proved), seeds),
        "held_out": [one.test_accuracy for one in found],
        "seconds": spread([one.seconds for one in found]),
    }


def _exact(task: TextTask) -> dict[str, Any]:
    """The most probable of all programs, where there are not too many."""
    try:
        every = induce(task, strategy="exhaustive").result
    except BudgetError as error:
        return {"out_of_reach": error.got}
    assert isinstance(every, PosteriorResult)
    return {name: every.to_json()[name] for name in ("program_correct", "entropy", "cost")}


def milliseconds_a_step(task: TextTask, restarts: int, *, steps: int = 100) -> float:
    """The time of the processor that a training step takes.

    :param task: a text; all its instances are one batch, its own strategy trains.
    :param restarts: programs trained at once.
    :param steps: that are timed.
    :returns: milliseconds, the median.
    """
    model, batch = task.with_library(None), task.train.tensors
    strategy = strategy_named(task.defaults["strategy"])
    training = Training(model, batch, strategy=strategy, restarts=restarts)
    taken = []
    for _ in range(steps):
        began = time.process_time()
        training.learn(*batch)
        taken.append(1000 * (time.process_time() - began))
    return round(median(taken), 2)


if __name__ == "__main__":
    main_of(__spec__)
