"""What settings of the baselines are worth: a lifetime for each, so that each gets what it does best with.

``python -m ntpt_pyro.experiments.tuning --data DIR --out FILE --runs FOLDER``. Lifetimes are kept in
``FOLDER`` and not lived again when they are there, so that an interrupted recording resumes.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro._files import write_json
from ntpt_pyro.experiments.lifelong import lifelong
from ntpt_pyro.experiments.lifetime import LifetimeOptions

RATES = {
    "indep": (1e-3, 3e-3, 1e-2),
    "pnn": (1e-3, 3e-3),
    "mtnn-1": (3e-3, 1e-2),
    "mtnn-2": (1e-2, 3e-2),
}
"""Learning rates tried for each baseline."""
VARIANTS: tuple[dict[str, Any], ...] = (
    {"model": "indep", "dropout": False},
    {"model": "indep", "operator_examples": 1000},
    {"model": "indep", "examples": 4000},
    {"model": "mtnn-2", "shared_ratio": 10.0, "baseline_lr": 3e-3},
)
"""Other settings, each beside the baseline as it is."""


def main() -> None:
    """Record what a command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of data; default: the small sets at hand")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batches", type=int, default=LifetimeOptions.batches)
    parser.add_argument("--only", nargs="*", default=list(RATES), help="baselines to try")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--runs", type=Path, required=True, help="folder to keep lifetimes in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plain = LifetimeOptions(
        data=arguments.data, batches=arguments.batches, every=max(1, arguments.batches // 8)
    )
    tried = [{"model": model, "baseline_lr": lr} for model, rates in RATES.items() for lr in rates]
    wanted = [changes for changes in (*tried, *VARIANTS) if changes["model"] in arguments.only]
    write_json(arguments.out, record(wanted, plain, arguments.seed, arguments.runs))


def record(wanted: list[dict[str, Any]], plain: LifetimeOptions, seed: int, folder: Path) -> dict[str, Any]:
    """Live a lifetime for each of some settings.

    :param wanted: for each lifetime its model and the options that differ from ``plain``.
    :param plain: the options of all.
    :param seed: of every lifetime.
    :param folder: to keep them in.
    :returns: for each its settings, seconds, and accuracy at the end by task.
    """
    runs, found = [], {}
    for changes in wanted:
        settings = {name: value for name, value in changes.items() if name != "model"}
        name = "-".join([changes["model"], *(f"{key}={value}" for key, value in settings.items())])
        options = replace(plain, **settings)
        found = lifelong(
            [changes["model"]], [seed], options, folder / name, references=False, resume=True, progress=True
        )
        ended = found["models"][changes["model"]]
        runs.append(
            {
                "model": changes["model"],
                "settings": settings,
                "seconds": round(ended["seconds"]["mean"]),
                "accuracy": {task: one["accuracy"]["mean"] for task, one in ended["tasks"].items()},
            }
        )
    return {
        "command": f"python -m ntpt_pyro.experiments.tuning --seed {seed} --batches {plain.batches} "
        f"{'--data DATA ' if plain.data else ''}--out FILE --runs FOLDER",
        "seeds": [seed],
        "data": found["data"],
        "versions": found["versions"],
        "commits": found["commits"],
        "runs": runs,
    }


if __name__ == "__main__":
    main()
