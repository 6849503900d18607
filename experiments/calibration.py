"""Does the posterior mean what it says? Exact posteriors and mean-field guides on few examples.

    python -m ntpt_pyro.experiments.calibration --tasks add2x2/top,add2x2/right --examples 1,2,4,8,16,64
        --libraries RUN,RUN --seeds 5 --data DATA --work WORK --out experiments/results/posterior/add2x2.json

For each task, library, seed and number of examples: the exact posterior over what programs compute, its
probability of what is right, and the probability that it claims for what it holds most probable, against
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

from ntpt_pyro import Library, MeanFieldPosterior, Task, find_task, induce
from ntpt_pyro._files import write_json
from ntpt_pyro.experiments.recording import parser_of, record, several
from ntpt_pyro.inference import fit, marginal, marginals, mean_log_likelihood, most_probable
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.runs import PosteriorResult, load_library
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.statistics import spread, success_rate
from ntpt_pyro.runs.verdict import probability_of_right

RESTARTS = 16
STEPS = 300
TRIED = 200
"""Test examples that the most probable program of an exact posterior is tried on."""
DRAWN = 300
"""Programs drawn from a guide to see what they compute."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure everything and write it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    tasks = {name: find_task(name, data=options.data) for name in options.tasks}
    wanted = [
        (tasks[name], library, examples, seed)
        for examples in options.examples
        for library in options.libraries
        for name in options.tasks
        for seed in range(options.seeds)
    ]
    rows = []
    for task, library, examples, seed in tqdm(wanted, desc="posteriors"):
        path = options.work / f"{task.name.replace('/', '-')}-{library.name}-{examples}-{seed}.json"
        if not path.exists():
            write_json(path, _row(task, library, examples, seed, guide=options.guide))
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    summary = {str(n): _summary([row for row in rows if row["examples"] == n]) for n in options.examples}
    recorded = record("calibration", options, summary=summary, rows=rows, data=rows[0]["data"])
    if options.guide:
        _draw(recorded["summary"], options.out.with_suffix(".png"))
    for number, found in recorded["summary"].items():
        print(number, found)
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, seeds=5)
    parser.add_argument("--tasks", type=several, required=True)
    parser.add_argument("--examples", type=lambda text: [int(n) for n in several(text)], required=True)
    parser.add_argument("--libraries", type=lambda text: [Path(p) for p in several(text)], required=True)
    parser.add_argument("--guide", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--work", type=Path, required=True)
    return parser.parse_args(arguments)


def _row(task: Task, path: Path, examples: int, seed: int, *, guide: bool) -> dict[str, Any]:
    """Both posteriors on the same examples.

    For each the probability of the most probable behaviour (``claimed``), whether that is ``right``, and the
    probability of all right programs (``mass``).
    """
    library = load_library(path, task.functions)
    chosen: dict[str, Any] = {"examples": examples, "seed": seed, "test_examples": TRIED}
    result = induce(task, library=library, strategy="exhaustive", **chosen).result
    assert isinstance(result, PosteriorResult)
    content, best = result.to_json(), result.behaviours[0]
    row = {
        "task": task.name,
        "library": path.name,
        "examples": examples,
        "seed": seed,
        "exact": {
            "claimed": best.probability,
            "right": best.right,
            "mass": result.right_behaviours,
            "seconds": result.cost.seconds,
        },
        "left": result.cost.left,
        **{name: content[name] for name in ("entropy", "hidden", "cost", "program_correct", "test_accuracy")},
        "data": result.data["train"],
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return row | ({"guide": _guide(task, library.eval(), examples, seed)} if guide else {})


def _guide(task: Task, library: Library, count: int, seed: int) -> dict[str, Any]:
    """A mean-field guide, fitted to the examples that the exact posterior was given."""
    began = time.monotonic()
    library.teach([])
    source = torch.Generator().manual_seed(seed)
    examples = task.draw(count, source)
    model, data, strategy = task.with_library(library), examples.tensors, marginal()
    training = fit(
        model, data, strategy=strategy, restarts=RESTARTS, steps=STEPS, batch_size=len(examples), seed=seed
    )
    modes = most_probable(strategy, model, training.guide, data, restarts=RESTARTS)
    best = int(mean_log_likelihood(model, modes, data).argmax())
    found = marginals(strategy, model, training.guide, data, restarts=RESTARTS)
    posterior = MeanFieldPosterior({site: probs[best].detach() for site, probs in found.items()})
    groups = grouped(task, library, examples, posterior.drawn(DRAWN, source))
    return {
        "claimed": groups[0].probability,
        "right": task.right(groups[0].program, library),
        "mass": probability_of_right(task, library, groups),
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


def _draw(summary: dict[str, Any], file: Path) -> None:
    """Draw what posteriors claim against how often they are right, by number of examples."""
    figure, (axes,) = empty_figure(6.4, 4.2)
    numbers = [int(examples) for examples in summary]
    for kind, colour, name in (("exact", "C0", "exact posterior"), ("guide", "C3", "mean-field guide")):
        measured = [summary[str(number)][kind] for number in numbers]
        claimed, right = ([one["claimed"] for one in measured], [one["right"]["rate"] for one in measured])
        axes.plot(numbers, claimed, "o--", color=colour, label=f"{name}: claimed")
        axes.plot(numbers, right, "s-", color=colour, label=f"{name}: right")
        low, high = zip(*(one["right"]["interval"] for one in measured), strict=True)
        axes.fill_between(numbers, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set(xticks=numbers, xticklabels=numbers, ylim=(0, 1.03), xlabel="examples", ylabel="probability")
    axes.set_title("what is held most probable, and how often it is right", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    write_figure(figure, file)


if __name__ == "__main__":
    main()
