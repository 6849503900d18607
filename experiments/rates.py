"""Success rates over seeds: tasks from scratch, and with the library that `add2x2/top` learned.

    python -m ntpt_pyro.experiments.rates --seeds 10 --data DATA --scratch top,right
        --transfer left,bottom,right --work WORK --out experiments/results/rates/mnist.json

With ``--library`` the tasks of ``--scratch`` begin with that library. A task without a scenario is one of
ADD2X2's. Every run is kept in a folder under ``--work`` and gone on from there, so that an interrupted
recording resumes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro._files import write_json
from ntpt_pyro.runs.learn import Options, learn
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.run_folder import Run
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.tasks.tasks import task_named, task_names

READINGS = ("digit_accuracy", "operator_accuracy", "sign_accuracy")
PAPER = {
    "2x2": "one ADD2X2 task alone, 1k grids: 40 +- 20 % (all models); in a lifetime 86-87 % (NTPT)",
    "path_len": "an illustration (Fig. 1), without figures",
    "math": "2 of 100 random restarts find the program; net_0 then reads 97.5 % of digits",
}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run every task over seeds and write what came out.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = _parse(arguments)
    torch.set_num_threads(1)
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    runs: dict[str, list[dict[str, Any]]] = {}
    needed = ["top"] if options.transfer else []
    for side in dict.fromkeys([*needed, *options.scratch]):
        begun = "from scratch" if options.library is None else "with the library of a lifetime"
        runs[f"{side}, {begun}"] = [_run(options, _task(side), seed, options.library) for seed in seeds]
    for side in options.transfer:
        runs[f"{side}, library from top"] = [
            _run(options, _task(side), seed, options.work / f"add2x2-top-{seed}") for seed in seeds
        ]
    recorded = {
        "command": _command(options),
        "commit": commit(),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "seeds": seeds,
        "data": next(iter(runs.values()))[0]["data"],
        "paper": PAPER.get(options.scratch[0], PAPER["2x2"]),
        "summary": {name: _summary(results) for name, results in runs.items()},
        "runs": runs,
    }
    write_json(options.out, recorded)
    for name, summary in recorded["summary"].items():
        print(name, summary)
    return recorded


def _command(options: argparse.Namespace) -> str:
    """The command that gives these results, folders by what they hold."""
    words = ["python -m ntpt_pyro.experiments.rates", f"--seeds {options.seeds}"]
    if options.first_seed:
        words.append(f"--first-seed {options.first_seed}")
    if options.data:
        words.append("--data DATA")
    words.append(f"--scratch {','.join(options.scratch)}")
    if options.transfer:
        words.append(f"--transfer {','.join(options.transfer)}")
    if options.library:
        words.append("--library LIBRARY")
    if options.set:
        words.append(f"--set {' '.join(options.set)}")
    return " ".join([*words, "--work WORK", "--out FILE"])


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--scratch", type=_sides, default=["top"])
    parser.add_argument("--transfer", type=_sides, default=[])
    parser.add_argument("--library", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="OPTION=VALUE", help="any other option of learn.Options"
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


def _task(name: str) -> str:
    return name if name in task_names() else f"add2x2/{name}"


def _sides(text: str) -> list[str]:
    return [side for side in text.split(",") if side]


def _run(options: argparse.Namespace, task: str, seed: int, library: Path | None) -> dict[str, Any]:
    """One run's result, from its folder where it is there already."""
    others = dict(task_named(task).defaults)
    for setting in options.set:
        name, value = setting.split("=", 1)
        others[name] = value if name == "strategy" else json.loads(value)
    what = Options(task, seed=seed, library=library, data=options.data, **others)
    folder = f"{task.replace('/', '-')}-{seed}"
    run = Run(options.work / (folder if library is None else f"{folder}-transfer"))
    run.begin(what.settings(), resume=True)
    result = run.result() if run.complete else learn(what, run=run).result
    kept = ["seed", "program_correct", "test_accuracy", *READINGS, "restarts_correct"]
    if "beyond" in result:
        kept.append("beyond")
    more = ("held_back_accuracy", "rounds", "steps", "seconds", "program", "data")
    print(f"{task} seed {seed}: {result['program_correct']} {result['test_accuracy']:.3f}", flush=True)
    return {name: result[name] for name in (*kept, *more)}


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    known = [name for name in READINGS if all(result[name] is not None for result in results)]
    columns = ("test_accuracy", *known, "restarts_correct", "rounds", "seconds")
    right = sum(result["program_correct"] for result in results)
    beyond = results[0].get("beyond", {})
    return {
        "right_programs": success_rate(right, len(results)),
        **{name: spread([result[name] for result in results]) for name in columns},
        **{f"on {name}": spread([result["beyond"][name] for result in results]) for name in beyond},
    }


if __name__ == "__main__":
    main()
