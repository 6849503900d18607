"""The examples that a page plays: the worst first, with the commands that show the same."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from ntpt_pyro.errors import NtptError
from ntpt_pyro.language.library import Library
from ntpt_pyro.report.page.runs_part import ShownRun, failed_run, shown_run
from ntpt_pyro.runs.results import ProgramResult
from ntpt_pyro.runs.tried_examples import Tried, TriedExamples, tried_examples
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
from ntpt_pyro.tasks.task import Task

HINT = "Step with the buttons or with the arrow keys."


@dataclass(frozen=True)
class ExamplesPart:
    """The part of the page on examples.

    :param lead: what is shown.
    :param hint: how to play it; empty where there is nothing to play.
    :param shown: runs, the worst first.
    :param why_not: what cannot be shown, and why.
    """

    lead: str = ""
    hint: str = ""
    shown: list[ShownRun] = field(default_factory=list)
    why_not: str = ""


def examples_of(
    result: ProgramResult,
    task: Task | None,
    library: Library | None,
    command: Sequence[str],
    why_not: str,
) -> tuple[ExamplesPart, list[Demonstration]]:
    """Run a program on examples.

    :param result: of the run.
    :param task: that it was of; None where it cannot be found.
    :param library: the functions that its program calls.
    :param command: that runs it on one example, without the words for the example; none where the run was not
        kept.
    :param why_not: why there is no task.
    :returns: the contents, and the runs.
    """
    if task is None:
        return ExamplesPart(why_not=why_not), []
    if task.functions and library is None:
        why_not = "The run kept no library: the networks that the program calls are gone."
        return ExamplesPart(why_not=why_not), []
    try:
        other_data = _other_data(result, task)
        tried = tried_examples(task, result.choices, library)
    except NtptError as error:
        return ExamplesPart(why_not=str(error)), []
    shown = [_shown(number, one, task, command) for number, one in enumerate(tried.examples, start=1)]
    runs = [one.demonstration for one in tried.examples if one.demonstration is not None]
    played = any(one.moments for one in shown)
    return ExamplesPart(_lead(tried), HINT if played else "", shown, other_data), runs


def _shown(number: int, tried: Tried, task: Task, command: Sequence[str]) -> ShownRun:
    """A run as the page plays it."""
    one = tried.asked
    title = f"Input drawn by seed {one.seed}" if one.instance is None else f"Example {one.instance}"
    if one.instance is not None and task.has_tests:
        title = f"Test example {one.instance}"
    same = f"{shlex.join(command)} {tried.words}" if command else ""
    if tried.demonstration is None:
        return failed_run(number, title, tried.failure or "", same)
    return shown_run(number, title, tried.demonstration, same)


def _lead(tried: TriedExamples) -> str:
    """What was tried, and how it went."""
    some = "one example" if tried.tried == 1 else f"{tried.tried} examples"
    known = any(one.right is not None for one in tried.examples)
    wrong = f"; the result is wrong on {tried.wrong}" if tried.wrong else "; all results are right"
    failed = f"; on {tried.failed} there is none" if tried.failed else ""
    bad = tried.wrong or tried.failed
    first = " The worst come first." if bad and len(tried.examples) > 1 else ""
    return f"Tried on {some}{wrong if known else ''}{failed}.{first}"


def _other_data(result: ProgramResult, task: Task) -> str:
    """What is to be said where examples are of other data than the run's."""
    now = task.data_sources()
    if not result.data or now == dict(result.data):
        return ""
    then, here = ("; ".join(dict.fromkeys(of.values())) for of in (result.data, now))
    return f"The run was made with other data: {then}. What is shown here and below is of {here}."
