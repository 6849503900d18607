"""How accurate baselines are under several settings, a lifetime each, so that each gets what suits it best.

``python -m ntpt_pyro.experiments.tuning --data DIR --out FILE --runs FOLDER``. Lifetimes are kept in
``FOLDER`` and not lived again when they are there, so that an interrupted recording resumes.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.experiments.lifelong import lifelong
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.recording import main_of, parser_of, record, several

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


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Live a lifetime for each of some settings.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written: for each its settings, seconds, and accuracy at the end by task.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    plain = LifetimeSettings(data=options.data, batches=options.batches, every=max(1, options.batches // 8))
    tried = [{"model": model, "baseline_lr": lr} for model, rates in RATES.items() for lr in rates]
    runs: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    for wanted in (*tried, *VARIANTS):
        changes = {name: value for name, value in wanted.items() if name != "model"}
        model = str(wanted["model"])
        if model not in options.only:
            continue
        folder = options.runs / "-".join([model, *(f"{key}={value}" for key, value in changes.items())])
        settings: LifetimeSettings = replace(plain, **changes)
        lived = lifelong(
            [model], [options.seed], settings, folder, references=False, resume=True, progress=True
        )
        ended = lived.models[model]
        accuracy = {task: measures["accuracy"].mean for task, measures in ended.tasks.items()}
        seconds = round(ended.seconds.mean)
        runs.append({"model": model, "settings": changes, "seconds": seconds, "accuracy": accuracy})
        about = {"data": lived.data, "commits": lived.commits}
    return record("tuning", options, seeds=[options.seed], **about, runs=runs)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, seed=0, batches=LifetimeSettings.batches)
    parser.add_argument("--only", type=several, default=list(RATES), help="baselines to try")
    parser.add_argument("--runs", type=Path, required=True, help="folder to keep lifetimes in")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main_of(__spec__)
