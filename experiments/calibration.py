"""Does the posterior mean what it says? Exact posteriors under several priors, and mean-field guides.

    python -m ntpt_pyro.experiments.calibration --examples 1,2,4,8,16,64 --libraries RUN,RUN --seeds 50
        --data DATA --work WORK --out experiments/results/posterior/add2x2.json

For each task, seed and number of examples, and under each prior: the probability that the exact posterior
claims for the behaviour that it holds most probable, whether that is right, and its probability of what is
right. Each trial draws examples of its own; trials take the libraries in turn, which learn nothing. Beside
it:

- ``drawn``: the same where the program is drawn from the prior instead, and its labels from the model. Then
  claims must come true as often as they say.
- ``guide``: a mean-field guide, the best of 16 restarts, fitted to the same examples, in the first trials
  only (``--no-guide`` leaves it out).

Every trial is kept under ``--work`` and taken from there, so that an interrupted recording resumes.
"""

import argparse
import json
import resource
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from ntpt_pyro import Library, MeanFieldPosterior, Task, find_task
from ntpt_pyro._files import write_json
from ntpt_pyro.experiments.calibration_judge import PRIORS, Judge
from ntpt_pyro.experiments.calibration_summary import draw, summary
from ntpt_pyro.experiments.recording import main_of, parser_of, record, several
from ntpt_pyro.inference import fit, marginal, marginals, mean_log_likelihood, most_probable
from ntpt_pyro.runs import load_library
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.runs.verdict import probability_of_right
from ntpt_pyro.tasks.examples import Examples

TASKS = "add2x2/top,add2x2/left,add2x2/bottom,add2x2/right"
GUIDES = 9
"""Seeds of each task that guides are fitted for: a guide takes as long as fifty posteriors."""
RESTARTS = 16
STEPS = 300
PROGRAMS = 300
"""Programs drawn from a guide to see what they compute."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure everything and write it.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    tasks = [find_task(name, data=options.data) for name in options.tasks]
    judge = lru_cache(maxsize=None)(_judge)
    wanted = [
        (number, task, seed)
        for number in options.examples
        for task in range(len(tasks))
        for seed in range(options.seeds)
    ]
    rows = []
    for number, place, seed in tqdm(wanted, desc="trials"):
        task, library = tasks[place], options.libraries[seed % len(options.libraries)]
        path = options.work / f"{task.name.replace('/', '-')}-{library.name}-{number}-{seed}.json"
        if not path.exists():
            guide = options.guide and seed < GUIDES
            row = {"task": task.name, "library": library.name, "examples": number, "seed": seed}
            draw_seed = seed * len(tasks) + place  # so that no two tasks see the same images
            write_json(path, row | _trial(judge(task, library), number, draw_seed, guide=guide))
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    summaries = {str(n): summary([row for row in rows if row["examples"] == n]) for n in options.examples}
    about = {"data": tasks[0].data_sources()["train"], "priors": PRIORS}
    recorded = record("calibration", options, **about, summary=summaries, rows=rows)
    draw(recorded["summary"], options.out.with_suffix(".png"))
    for number, found in recorded["summary"].items():
        print(number, found)
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, seeds=50)
    parser.add_argument("--tasks", type=several, default=several(TASKS))
    parser.add_argument("--examples", type=_numbers, required=True)
    parser.add_argument("--libraries", type=_paths, required=True)
    parser.add_argument("--guide", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--work", type=Path, required=True)
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in several(text)]


def _paths(text: str) -> list[Path]:
    return [Path(path) for path in several(text)]


def _judge(task: Task, path: Path) -> Judge:
    return Judge(task, load_library(path, task.functions).eval())


def _trial(judge: Judge, number: int, seed: int, *, guide: bool) -> dict[str, Any]:
    """Everything that is measured on the same images."""
    examples = judge.task.draw(number, torch.Generator().manual_seed(seed))
    sizes = judge.task.space(judge.library, examples).sizes
    exact, drawn = {}, {}
    for place, name in enumerate(PRIORS):
        prior, source = judge.prior(name, sizes), torch.Generator().manual_seed(len(PRIORS) * seed + place)
        exact[name] = judge.found(prior, examples)
        drawn[name] = judge.found(prior, *judge.drawn(prior, examples, source))
    row: dict[str, Any] = {"draw": seed, "exact": exact, "drawn": drawn}
    if guide:
        row["guide"] = _guide(judge.task, judge.library, examples, seed)
    return row | {"peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def _guide(task: Task, library: Library, examples: Examples, seed: int) -> dict[str, Any]:
    """A mean-field guide, fitted to the examples that the exact posteriors were given."""
    began = time.monotonic()
    library.teach([])
    model, data, strategy = task.with_library(library), examples.tensors, marginal()
    training = fit(
        model, data, strategy=strategy, restarts=RESTARTS, steps=STEPS, batch_size=len(examples), seed=seed
    )
    modes = most_probable(strategy, model, training.guide, data, restarts=RESTARTS)
    best = int(mean_log_likelihood(model, modes, data).argmax())
    found = marginals(strategy, model, training.guide, data, restarts=RESTARTS)
    posterior = MeanFieldPosterior({site: probs[best].detach() for site, probs in found.items()})
    source = torch.Generator().manual_seed(seed)
    groups = grouped(task, library, examples, posterior.drawn(PROGRAMS, source))
    mass = probability_of_right(task, library, groups)
    assert mass is not None
    return {
        "claimed": groups[0].probability,
        "right": bool(task.right(groups[0].program, library)),
        "mass": mass,
        "seconds": round(time.monotonic() - began, 2),
    }


if __name__ == "__main__":
    main_of(__spec__)
