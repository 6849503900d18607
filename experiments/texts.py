"""Success rates of the program texts in models/terpret, and what a training step of one costs.

    python -m ntpt_pyro.experiments.texts --out experiments/results/texts/cpu.json

For each task of a text a hundred restarts count singly; then runs of 64 restarts each, which succeed where
the most probable restart reproduces every instance; then, where there are not too many, all programs are
tried. What is measured is written after each task; it takes minutes.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from ntpt_pyro import Settings, induce, models
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.experiments.recording import parser_of, record
from ntpt_pyro.inference import Training, strategy_named
from ntpt_pyro.runs.results import PosteriorResult
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.tasks.text_task import TextTask, text_task_named

FOLDER = Path(models.__file__).parent / "terpret"
TASKS = {
    "turing": ("invert", "prepend", "decrement"),
    "circuit": ("swap", "controlled_swap", "full_adder", "two_bit_adder"),
    "basic_block": ("access",),
}
TERPRET = {
    "turing invert": "10 of 10 restarts",
    "turing prepend": "6 of 10 restarts",
    "turing decrement": "1 of 10 restarts",
    "circuit swap": "0 of 10 restarts",
    "basic_block access": "crashes",
    "step": "15 ms a step of turing invert on 5 instances, after 10 to 44 s of building",
}
"""TerpreT itself, measured with its own data and defaults."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure every task and write the rates.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    settings, tasks = Settings().changed(_task("turing", "invert").defaults), dict[str, Any]()
    steps = {f"R={restarts}": _step(restarts) for restarts in (1, 64)}
    about = {"settings": settings.to_json(), "tasks": tasks, "step": steps, "terpret": TERPRET}
    recorded: dict[str, Any] = {}
    for text, names in TASKS.items():
        for name in names:
            tasks[f"{text} {name}"] = _measured(text, name, options)
            recorded = record("texts", options, **about, threads=torch.get_num_threads())
            print(f"{text} {name}", tasks[f"{text} {name}"], flush=True)
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, data=False, singles=100, runs=10, steps=800).parse_args(arguments)


def _task(text: str, name: str) -> TextTask:
    return text_task_named(f"{FOLDER / text}.terpret:{name}")


def _measured(text: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Restarts singly, and runs of many."""
    began = time.monotonic()
    task = _task(text, name)
    compiled = time.monotonic() - began
    singly = induce(task, restarts=options.singles, steps=options.steps).result
    assert singly.restarts_correct is not None
    runs = [induce(task, steps=options.steps, seed=seed).result for seed in range(1, options.runs + 1)]
    try:
        every = induce(task, strategy="exhaustive").result
        assert isinstance(every, PosteriorResult)
        exact = {name: every.to_json()[name] for name in ("program_correct", "entropy", "cost")}
    except BudgetError as error:
        exact = {"out_of_reach": error.got}
    model = task.train.model
    return {
        "exact": exact,
        "restarts": success_rate(singly.restarts_correct, options.singles),
        "runs": success_rate(sum(bool(run.program_correct) for run in runs), len(runs)),
        "held_out": [run.test_accuracy for run in runs],
        "seconds_a_run": spread([run.seconds for run in runs]),
        "compiled": {
            "seconds": round(compiled, 3),
            "statements": model.statements,
            "products": model.terms,
        },
        "instances": task.data_sources()["train"],
    }


def _step(restarts: int, *, steps: int = 100) -> float:
    """Milliseconds of the processor that a training step of turing invert takes, median."""
    task = _task("turing", "invert")
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
    main()
