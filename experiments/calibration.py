"""Does the posterior mean what it says? Exact posteriors and mean-field guides on few examples.

    python -m ntpt_pyro.experiments.calibration --tasks add2x2/top,add2x2/right --examples 1,2,4,8,16,64
        --libraries RUN,RUN --seeds 5 --data DATA --work WORK --out experiments/results/posterior/add2x2.json

For each task, library, seed and number of examples: the exact posterior over what programs compute, its
probability on what is right, and the probability that it claims for what it holds most probable, against
whether that is right. Beside it the same of a mean-field guide, the best of 16 restarts, fitted to the same
examples with the same library, which learns nothing (``--no-guide`` leaves it out). Every measurement is kept
under ``--work`` and taken from there, so that an interrupted recording resumes.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from tqdm import tqdm

from ntpt_pyro import MeanFieldPosterior
from ntpt_pyro._files import write_json
from ntpt_pyro.inference import fit, marginal, marginals, mean_log_likelihood, most_probable
from ntpt_pyro.report.plots import plot_calibration
from ntpt_pyro.runs.exact import (
    ExactOptions,
    grouped,
    posterior_of,
    probability_of_right,
    trained_library,
)
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.tasks.tasks import task_named

RESTARTS = 16
STEPS = 300
TRIED = 200
"""Test examples that the most probable program of an exact posterior is tried on."""
DRAWN = 300
"""Programs drawn from a guide to see what they compute."""
Measured = dict[str, Any]
"""For one posterior: ``claimed``, the probability of the most probable behaviour; ``right``, whether that one
is; ``mass``, the probability of right programs; ``seconds``."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure everything and write what came out.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = _parse(arguments)
    torch.set_num_threads(1)
    wanted = [
        ExactOptions(
            task,
            library,
            examples=examples,
            seed=seed,
            data=options.data,
            test_examples=TRIED,
        )
        for examples in options.examples
        for library in options.libraries
        for task in options.tasks
        for seed in range(options.seeds)
    ]
    rows = []
    for one in tqdm(wanted, desc="posteriors"):
        name = f"{one.task.replace('/', '-')}-{one.library.name}-{one.examples}-{one.seed}.json"
        path = options.work / name
        if not path.exists():
            write_json(path, _row(one, guide=options.guide))
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    recorded = {
        "command": _command(options),
        "summary": {
            str(n): _summary([row for row in rows if row["examples"] == n]) for n in options.examples
        },
        "rows": rows,
        "data": rows[0]["data"],
        "versions": versions(),
        "commit": commit(),
    }
    write_json(options.out, recorded)
    if options.guide:
        plot_calibration(recorded["summary"], options.out.with_suffix(".png"))
    for examples, summary in recorded["summary"].items():
        print(examples, summary)
    return recorded


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    def several(text: str) -> list[str]:
        return [part for part in text.split(",") if part]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=several, required=True)
    parser.add_argument("--examples", type=lambda text: [int(n) for n in several(text)], required=True)
    parser.add_argument("--libraries", type=lambda text: [Path(p) for p in several(text)], required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--guide", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


def _command(options: argparse.Namespace) -> str:
    """The command that gives these results, folders by what they hold."""
    numbers = ",".join(map(str, options.examples))
    data = " --data DATA" if options.data else ""
    guide = "" if options.guide else " --no-guide"
    return (
        f"python -m ntpt_pyro.experiments.calibration --tasks {','.join(options.tasks)} --examples {numbers} "
        f"--libraries {','.join(library.name for library in options.libraries)} --seeds {options.seeds}"
        f"{guide}{data} --work WORK --out FILE"
    )


def _row(options: ExactOptions, *, guide: bool) -> dict[str, Any]:
    """Both posteriors on the same examples."""
    result, posterior = posterior_of(options)
    best = result["behaviours"][0]
    row = {
        "task": options.task,
        "library": options.library.name,
        "examples": options.examples,
        "seed": options.seed,
        "exact": {
            "claimed": best["probability"],
            "right": best["right"],
            "mass": result["right_behaviours"],
            "seconds": result["cost"]["seconds"],
        },
        "entropy": posterior.entropy(),
        "left": posterior.programs(),
        "hidden": result["hidden"],
        "cost": result["cost"],
        "program_correct": result["program_correct"],
        "test_accuracy": result["test_accuracy"],
        "data": result["data"]["train"],
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return row | ({"guide": _guide(options)} if guide else {})


def _guide(options: ExactOptions) -> Measured:
    """A mean-field guide, fitted to the examples that the exact posterior was given."""
    began = time.monotonic()
    task = task_named(options.task)
    library = trained_library(task, options.library)
    library.teach([])
    images = {"train": task.load("train", options.data)}
    source = torch.Generator().manual_seed(options.seed)
    data = task.draw(images["train"], options.examples, source).tensors
    model, strategy = task.model(library), marginal()
    training = fit(
        model,
        data,
        strategy=strategy,
        restarts=RESTARTS,
        steps=STEPS,
        batch_size=len(data[0]),
        seed=options.seed,
    )
    modes = most_probable(strategy, model, training.guide, data, restarts=RESTARTS)
    best = int(mean_log_likelihood(model, modes, data).argmax())
    found = marginals(strategy, model, training.guide, data, restarts=RESTARTS)
    posterior = MeanFieldPosterior({site: probs[best].detach() for site, probs in found.items()})
    groups = grouped(task, posterior.drawn(DRAWN, source))
    return {
        "claimed": groups[0].probability,
        "right": task.is_correct(groups[0].program),
        "mass": probability_of_right(task, groups),
        "seconds": round(time.monotonic() - began, 2),
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the measurements of one number of examples."""
    found: dict[str, Any] = {}
    for kind in ("exact", "guide"):
        measured = [row[kind] for row in rows if kind in row]
        if measured:
            found[kind] = {
                "claimed": mean(one["claimed"] for one in measured),
                "right": success_rate(sum(one["right"] for one in measured), len(measured)),
                "mass": mean(one["mass"] for one in measured),
                "brier": mean((one["claimed"] - one["right"]) ** 2 for one in measured),
                "seconds": spread([one["seconds"] for one in measured]),
            }
    rates = [row["cost"]["programs"] * row["cost"]["examples"] / row["cost"]["seconds"] for row in rows]
    return found | {
        "right_programs": success_rate(sum(row["program_correct"] for row in rows), len(rows)),
        "programs_times_examples_a_second": spread(rates),
        "peak_megabytes": max(row["peak_megabytes"] for row in rows),
        "hidden": max(row["hidden"] for row in rows),
    }


if __name__ == "__main__":
    main()
