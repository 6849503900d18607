"""Success rates over seeds: tasks from scratch, and with the library that `add2x2/top` learned.

    python -m ntpt_pyro.experiments.rates --seeds 10 --data DATA --scratch top,right
        --transfer left,bottom,right --work WORK --out experiments/results/rates/mnist.json

With ``--library`` the tasks of ``--scratch`` begin with that library. A task without a scenario is one of
ADD2X2's. Every run is kept in a folder under ``--work`` and gone on from there, so that an interrupted
recording resumes. With ``--jobs 4`` four seeds run side by side, with ``--cluster`` all workers of a cluster.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import find_task, induce
from ntpt_pyro.experiments.recording import main_of, parser_of, record, several, workers_of
from ntpt_pyro.inference.work.side_by_side import each
from ntpt_pyro.runs import LearnedResult, load_library
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.tasks import Task, task_names
from ntpt_pyro.tasks.user_files import loaded_files

READINGS = {"digit_accuracy": "net_0", "operator_accuracy": "net_1", "sign_accuracy": "LOOK"}
"""What is recorded of how well networks read."""
RECORDED = ["seed", "program_correct", "test_accuracy", "restarts_correct", "held_back_accuracy", "rounds"]
RECORDED += ["given_up", "steps", "seconds", "search_seconds", "program", "data"]
OLD_VALUES = {"strategy": {"exact": "em"}}
"""What settings in commands of older recordings are called now."""
PAPER = {
    "2x2": "one ADD2X2 task alone, 1k grids: 40 +- 20 % (all models); in a lifetime 86-87 % (NTPT)",
    "path_len": "an illustration (Fig. 1), without figures",
    "math": "2 of 100 random restarts find the program; net_0 then reads 97.5 % of digits",
}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run every task over seeds and write the rates.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    runs: dict[str, list[dict[str, Any]]] = {}
    begun = "from scratch" if options.library is None else "with the library of a lifetime"
    for name in dict.fromkeys([*(["top"] if options.transfer else []), *options.scratch]):
        runs[f"{name}, {begun}"] = _runs(options, name, dict.fromkeys(seeds, options.library))
    for name in options.transfer:
        taught = {seed: options.work / f"add2x2-top-{seed}" for seed in seeds}
        runs[f"{name}, library from top"] = _runs(options, name, taught)
    recorded = record(
        "rates",
        options,
        threads=torch.get_num_threads(),
        seeds=list(seeds),
        data=next(iter(runs.values()))[0]["data"],
        paper=PAPER.get(options.scratch[0], PAPER["2x2"]),
        summary={name: _summary(results) for name, results in runs.items()},
        runs=runs,
    )
    for name, summary in recorded["summary"].items():
        print(name, summary)
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, workers=True, seeds=10, first_seed=0)
    parser.add_argument("--scratch", type=several, default=["top"])
    parser.add_argument("--transfer", type=several, default=[])
    parser.add_argument("--library", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="SETTING=VALUE", help="any other setting")
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.set = [one for word in options.set for one in several(word)]
    return options


def settings_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from ``NAME=VALUE``, under their present names.

    >>> settings_of(["strategy=exact", "kl=0"])
    {'strategy': 'em', 'kl': 0}
    """
    found = dict(pair.split("=", 1) for pair in pairs)
    return {
        name: OLD_VALUES.get(name, {}).get(value, value) if name == "strategy" else json.loads(value)
        for name, value in found.items()
    }


def _runs(
    options: argparse.Namespace, name: str, libraries: Mapping[int, Path | None]
) -> list[dict[str, Any]]:
    """What is recorded of a task's runs, a library a seed; those that are there are not made again."""
    changes, found = settings_of(options.set), []
    name = name if name in task_names() else f"add2x2/{name}"
    parameters = {"data": options.data, "lines": changes.pop("lines", None)}
    made = each(
        _Runs(name, parameters, options.work, changes),
        libraries.items(),
        workers=workers_of(options).opened_by(loaded_files),
        names=[f"{name}, seed {seed}" for seed in libraries],
    )
    for run in made:
        print(f"{name} seed {run['seed']}: {run['program_correct']} {run['test_accuracy']:.3f}", flush=True)
        found.append(run)
    return found


@dataclass(frozen=True)
class _Runs:
    """What is recorded of a task's runs, each with a seed and, where there is one, a library."""

    name: str
    parameters: Mapping[str, Any]
    work: Path
    changes: Mapping[str, Any]

    @cached_property
    def task(self) -> Task:
        """The task, whose images are loaded once for all seeds."""
        return find_task(self.name, **self.parameters)

    def __call__(self, one: tuple[int, Path | None]) -> dict[str, Any]:
        seed, path = one
        library = None if path is None else load_library(path, self.task.functions)
        out = self.work / f"{self.name.replace('/', '-')}-{seed}{'' if path is None else '-transfer'}"
        result = induce(self.task, library=library, out=out, resume=True, seed=seed, **self.changes).result
        assert isinstance(result, LearnedResult)
        content, readings = result.to_json(), result.readings
        read = {key: readings[net].accuracy if net in readings else None for key, net in READINGS.items()}
        beyond = {"beyond": result.trials} if result.trials else {}
        return {**{key: content[key] for key in RECORDED}, **read, **beyond}


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    known = [name for name in READINGS if all(result[name] is not None for result in results)]
    columns = ("test_accuracy", *known, "restarts_correct", "given_up", "rounds", "search_seconds", "seconds")
    right, beyond = sum(result["program_correct"] for result in results), results[0].get("beyond", {})
    return {
        "right_programs": success_rate(right, len(results)),
        **{name: spread([result[name] for result in results]) for name in columns},
        **{f"on {name}": spread([one["beyond"][name] for one in results]) for name in beyond},
    }


if __name__ == "__main__":
    main_of(__spec__)
