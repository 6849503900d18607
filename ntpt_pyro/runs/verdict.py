"""How good a program is and what it was found with: the result of a run."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ntpt_pyro.bounds import as_json, counted
from ntpt_pyro.inference.posterior.behaviours import Behaviour
from ntpt_pyro.inference.posterior.exhaustive import ExactPosterior
from ntpt_pyro.inference.posterior.log_likelihoods import evidence_bound
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.training.restart_search import POSTERIOR_EXAMPLES
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.all_inputs import told_of_all_inputs
from ntpt_pyro.runs.behaviour_groups import grouped, told_apart_on
from ntpt_pyro.runs.methods.method import Found, Work
from ntpt_pyro.runs.open_choices import lines_of
from ntpt_pyro.runs.provenance import versions
from ntpt_pyro.runs.results import (
    DIGITS,
    FoundBehaviour,
    LearnedResult,
    PosteriorCost,
    PosteriorResult,
    ProgramResult,
    RankedProgram,
    Reading,
)
from ntpt_pyro.runs.solved import solved_result
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import BEHAVIOUR_EXAMPLES, Task

if TYPE_CHECKING:
    from ntpt_pyro.runs.induce import Ended

TRIAL_EXAMPLES = 500
"""Of each further test of a task, at most."""
DRAWN = 200
"""Programs drawn from a guide's posterior, to see what they compute and for a bound on the evidence."""
KEPT = 20
"""Programs and behaviours that are kept with a run, at most."""


def result_of(
    work: Work, found: Found, ended: "Ended", rounds: int, source: torch.Generator, *, seconds: float
) -> ProgramResult:
    """The result of a run.

    :param work: what the method was given.
    :param found: by its search.
    :param ended: after training on.
    :param rounds: searches.
    :param source: of the test examples.
    :param seconds: that the run took so far.
    :returns: a result of the kind that the method gives.
    """
    common = {
        **judged_on_tests(work, ended.program, ended.library, found.verdict.accuracy, source),
        **described(work, ended.program, ended.library, ended.posterior),
        "strategy": work.settings.to_json()["strategy"],
        "seed": work.settings.seed,
        "restarts": found.restarts,
        "restarts_correct": found.restarts_right,
        "steps": ended.steps,
        "seconds": round(seconds, 2),
        "versions": versions(),
    }
    if found.solution is not None:
        return solved_result(work, found, common)
    common["facts"] |= told_of_all_inputs(work, ended.program)
    if found.exact is not None:
        return _posterior_result(work, found.exact, common)
    return _learned_result(work, found, ended, rounds, common)


def described(
    work: Work, program: dict[str, int], library: Library, posterior: Posterior | None = None
) -> dict[str, Any]:
    """What a result says of its task and of the program's text.

    :param work: what the method was given.
    :param program: every choice's integer by site.
    :param library: the functions.
    :param posterior: that the program is of.
    :returns: fields of :class:`~ntpt_pyro.runs.results.ProgramResult`.
    """
    task, lines = work.task, lines_of(work.task, program, posterior)
    facts = task.facts(program, library)
    return {
        "task": task.name,
        "found_by": task.found_by,
        "parameters": task.parameters,
        "program": [line.text for line in lines],
        "choices": program,
        "lines": lines,
        "words": task.alternatives(library, work.examples),
        "domain": task.domain,
        "facts": {str(what): str(words) for what, words in facts.items()},
        "data": task.data_sources(),
        "options": {**task.parameters, **work.settings.to_json()},
    }


def judged_on_tests(
    work: Work, program: dict[str, int], library: Library, held_back: float, source: torch.Generator
) -> dict[str, Any]:
    """How a program and its functions do on test examples.

    :param work: what the method was given.
    :param program: every choice's integer by site.
    :param library: the functions.
    :param held_back: the share of the examples held back that it got right, where there are no others.
    :param source: of the draw.
    :returns: fields of :class:`~ntpt_pyro.runs.results.ProgramResult`.
    """
    task = work.task
    readings = reading_accuracies(task, library)
    digits = readings.get(DIGITS)
    return {
        "test_accuracy": task.test_accuracy(
            program, library, work.settings.test_examples, source, held_back=work.held_back
        ),
        "held_out": task.has_tests or work.held_back is not work.training,
        "trials": task.trial_accuracies(
            program, library, min(work.settings.test_examples, TRIAL_EXAMPLES), source
        ),
        "readings": readings,
        "digit_accuracy": None if digits is None else digits.accuracy,
        "program_correct": task.right(program, library),
    }


def reading_accuracies(task: Task, library: Library) -> dict[str, Reading]:
    """How well each function reads single symbols.

    :param task: that knows labelled images of what they read.
    :param library: the functions.
    :returns: by function, of those that there are labelled images for.
    """
    found = {}
    for name, symbols in task.labelled(library.steps).items():
        with torch.no_grad():
            read = library[name](symbols.images.to(torch.get_default_device())).argmax(-1)
        accuracy = float((read.cpu() == symbols.labels).float().mean())
        found[name] = Reading(symbols.what, accuracy)
    return found


def kept_behaviours(
    task: Task, library: Library, groups: Sequence[Behaviour], posterior: Posterior | None = None
) -> list[FoundBehaviour]:
    """The most probable behaviours.

    :param task: whose programs they are.
    :param library: the functions that they call.
    :param groups: its programs by what they compute, the most probable first.
    :param posterior: that they are of.
    :returns: those that are kept with a run.
    """
    return [
        FoundBehaviour(
            choices=group.program,
            probability=group.probability,
            programs=group.programs,
            right=task.right(group.program, library),
            lines=lines_of(task, group.program, posterior),
        )
        for group in groups[:KEPT]
    ]


def place_of(
    program: dict[str, int],
    behaviours: Sequence[FoundBehaviour],
    task: Task,
    library: Library,
    examples: Examples,
) -> int | None:
    """Which behaviour a program has.

    :param program: every choice's integer by site.
    :param behaviours: to look among.
    :param task: whose programs they are.
    :param library: the functions that they call.
    :param examples: that programs are told apart by, where the task knows no better way.
    :returns: its place; None where it is none of them.
    """
    own, *others = task.behaviours([program, *(one.choices for one in behaviours)], library, examples)
    return others.index(own) if own in others else None


def probability_of_right(task: Task, library: Library, groups: Sequence[Behaviour]) -> float | None:
    """The probability of all programs that are right.

    :param task: whose programs they are.
    :param library: the functions that they call.
    :param groups: its programs by what they compute.
    :returns: the probability; None where it is not known what is right.
    """
    verdicts = [(group.probability, task.right(group.program, library)) for group in groups]
    if any(right is None for _, right in verdicts):
        return None
    return math.fsum(probability for probability, right in verdicts if right)


def _learned_result(
    work: Work, found: Found, ended: "Ended", rounds: int, common: dict[str, Any]
) -> LearnedResult:
    task, library = work.task, ended.library
    some = work.examples.split(POSTERIOR_EXAMPLES)[0]
    drawing = torch.Generator().manual_seed(work.settings.seed)
    groups = grouped(task, library, some, ended.posterior.drawn(DRAWN, drawing))
    model, behaviours = task.with_library(library), kept_behaviours(task, library, groups)
    return LearnedResult(
        **common,
        behaviours=behaviours,
        log_evidence=evidence_bound(model, ended.posterior, some.tensors, draws=DRAWN, generator=drawing),
        rounds=rounds,
        held_back_accuracy=found.verdict.accuracy,
        held_back_log_likelihood=found.verdict.log_likelihood,
        search_steps=found.steps,
        search_seconds=round(found.seconds, 2),
        how=found.how,
        lost=ended.lost,
        evidence_examples=len(some),
        behaviour=place_of(ended.program, behaviours, task, library, some),
        told_apart_on=told_apart_on(task, some),
        given_up=found.given_up,
    )


def _posterior_result(work: Work, exact: ExactPosterior, common: dict[str, Any]) -> PosteriorResult:
    posterior, library = exact.posterior, work.library
    groups = grouped(work.task, library, work.examples, posterior)
    known = told_apart_on(work.task, work.examples)
    if exact.certain_labels:
        common["facts"] |= {"programs are told apart by": _told_apart_by(work, known)}
    behaviours = kept_behaviours(work.task, library, groups, posterior)
    judged = not (exact.certain_labels and work.task.told_apart_by)  # else right is what fits the examples
    return PosteriorResult(
        **common,
        behaviours=behaviours,
        log_evidence=posterior.log_evidence,
        hidden=posterior.hidden,
        entropy=posterior.entropy(),
        programs=[
            RankedProgram(program, probability)
            for program, probability in posterior.top(min(KEPT, posterior.programs()))
        ],
        right_behaviours=probability_of_right(work.task, library, groups) if judged else None,
        cost=cost_of(exact),
        settings=as_json(exact.posterior.settings),
        way=exact.way,
        certain_labels=exact.certain_labels,
        behaviour=place_of(common["choices"], behaviours, work.task, library, work.examples),
        told_apart_on=known,
    )


def _told_apart_by(work: Work, known: int | None) -> str:
    """What programs are told apart by, in words."""
    if work.task.told_apart_by is not None:
        return work.task.told_apart_by
    if known is None:
        return counted(len(work.task.tells_apart(work.examples)), "example")
    first = "first " if known == BEHAVIOUR_EXAMPLES else ""
    return "the given example only" if known == 1 else f"the {first}{known:,} given examples only"


def cost_of(exact: ExactPosterior) -> PosteriorCost:
    """What an exact posterior took.

    :param exact: the posterior.
    :returns: programs, examples, seconds as estimated and as they were, and how much was run.
    """
    cost = exact.cost
    return PosteriorCost(
        programs=as_json(cost.programs),
        examples=cost.examples,
        seconds_at_most=None if cost.seconds is None else round(cost.seconds, 1),
        seconds=round(exact.seconds, 2),
        evaluated=exact.evaluated,
        left=exact.posterior.programs(),
        bytes_each=cost.bytes_each,
    )
