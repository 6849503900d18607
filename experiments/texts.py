"""Success rates of the program texts in models/terpret, and what a training step of one costs.

    python -m ntpt_pyro.experiments.texts --out experiments/results/texts/cpu.json

For each task of a text a hundred restarts count singly; then runs of 64 restarts each, which succeed where
the restart with most evidence reproduces every instance; then, where there are not too many, all programs are
tried. What is measured is written after each task; it takes minutes.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from ntpt_pyro import models
from ntpt_pyro._files import write_json
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.inference import Training, strategy_named
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.settings import EXACT
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.runs.terpret import TerpretOptions, batches_of, learn_text

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
    """Measure every task and write what came out.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=TerpretOptions.steps)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    recorded: dict[str, Any] = {
        "command": f"python -m ntpt_pyro.experiments.texts --singles {options.singles} --runs {options.runs} "
        f"--steps {options.steps} --out FILE",
        "settings": _options("turing", "invert").settings(),
        "tasks": {},
        "step": {f"R={restarts}": _step(restarts) for restarts in (1, 64)},
        "terpret": TERPRET,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "commit": commit(),
    }
    for text, tasks in TASKS.items():
        for task in tasks:
            recorded["tasks"][f"{text} {task}"] = found = _measured(text, task, options)
            write_json(options.out, recorded)
            print(f"{text} {task}", found, flush=True)
    return recorded


def _options(text: str, task: str, **more: Any) -> TerpretOptions:
    return TerpretOptions(
        FOLDER / f"{text}.terpret", FOLDER / f"{text}.hypers.json", FOLDER / f"{text}.{task}.json", **more
    )


def _measured(text: str, task: str, options: argparse.Namespace) -> dict[str, Any]:
    """Restarts singly, and runs of many."""
    singly, _ = learn_text(_options(text, task, restarts=options.singles, steps=options.steps))
    runs = [
        learn_text(_options(text, task, steps=options.steps, seed=seed))[0]
        for seed in range(1, options.runs + 1)
    ]
    try:
        every, _ = learn_text(_options(text, task, strategy=EXACT))
        exact: dict[str, Any] = {name: every[name] for name in ("program_correct", "entropy", "cost")}
    except BudgetError as error:
        exact = {"out_of_reach": error.got}
    return {
        "exact": exact,
        "restarts": singly["restarts_rate"],
        "runs": success_rate(sum(run["program_correct"] for run in runs), len(runs)),
        "held_out": [run["test_accuracy"] for run in runs],
        "seconds_a_run": spread([run["seconds"] for run in runs]),
        "compiled": singly["compiled"],
        "instances": singly["data"]["train"],
    }


def _step(restarts: int, *, steps: int = 100) -> float:
    """Milliseconds of the processor that a training step of turing invert takes, median."""
    wanted = _options("turing", "invert")
    batch = batches_of(wanted)[0]
    strategy = strategy_named(wanted.strategy)
    training = Training(batch.model, batch.tensors, strategy=strategy, restarts=restarts)
    taken = []
    for _ in range(steps):
        began = time.process_time()
        training.learn(*batch.tensors)
        taken.append(1000 * (time.process_time() - began))
    return round(median(taken), 2)


if __name__ == "__main__":
    main()
