"""The page of a run: its parts put together, and written as one file that needs no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.library import Library
from ntpt_pyro.report.page.answer_part import Answer, answer_of
from ntpt_pyro.report.page.examples_part import ExamplesPart, examples_of
from ntpt_pyro.report.page.made_with_part import MadeWith, made_with
from ntpt_pyro.report.page.networks_part import NetworksPart, networks_of
from ntpt_pyro.report.page.rendering import rendered
from ntpt_pyro.report.page.training_part import TrainingPart, training_of
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.results import LearnedResult, PosteriorResult, ProgramResult, SolvedResult
from ntpt_pyro.tasks.task import Task

KINDS: dict[type[ProgramResult], str] = {
    LearnedResult: "a learned program",
    PosteriorResult: "an exact posterior over programs",
    SolvedResult: "a program that a solver found",
}
"""What each kind of run is about."""
MOST_BYTES = 3_000_000
"""Of a page; where it would have more, fewer examples are played."""


@dataclass(frozen=True)
class PagedRun:
    """What a page is made of.

    :param result: of the run.
    :param posterior: of its choices.
    :param snapshots: of its training.
    :param options: of its options.json; none where it was not kept.
    :param folder: that it is kept in, as it is named at the command line; empty where it was not kept.
    :param also: words that a command needs beside it, such as the folder of data.
    :param task: that it was of; None where that cannot be found.
    :param library: the functions that it ended with.
    :param why_not: why there is no task, or no library.
    """

    result: ProgramResult
    posterior: Posterior
    snapshots: Sequence[Snapshot] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    also: tuple[str, ...] = ()
    task: Task | None = None
    library: Library | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Page:
    """What a page shows.

    :param title: of the page.
    :param kind: of the run, in words.
    :param task: its name.
    :param parts: of the page, by where they are linked to.
    :param answer: what was found.
    :param runs: the program on examples.
    :param training: how it was trained.
    :param networks: what they see.
    :param made_with: what the run was made with.
    :param version: of this package.
    """

    title: str
    kind: str
    task: str
    parts: dict[str, str]
    answer: Answer
    runs: ExamplesPart
    training: TrainingPart
    networks: NetworksPart
    made_with: MadeWith
    version: str


def page_of(run: PagedRun) -> Page:
    """The contents of a page.

    :param run: what it is made of.
    :returns: all that it shows.
    """
    result = run.result
    kind = f"ntpt_pyro, {KINDS[type(result)]}"
    command = ("ntpt", "evaluate", run.folder, *run.also) if run.folder else ()
    runs, shown = examples_of(result, run.task, run.library, command, run.why_not)
    networks = networks_of(run.task, run.library, shown, run.why_not)
    parts = {"program": "Program", "runs": "At work", "training": "Training"}
    if networks.shown or networks.why_not:
        parts["networks"] = "Networks"
    return Page(
        title=f"{_name(result)}: {KINDS[type(result)]}",
        kind=kind,
        task=_name(result),
        parts={**parts, "made-with": "Made with"},
        answer=answer_of(result, run.posterior),
        runs=runs,
        training=training_of(result, run.snapshots),
        networks=networks,
        made_with=made_with(result, run.options, run.task),
        version=version("ntpt-pyro"),
    )


def _name(result: ProgramResult) -> str:
    """The task's name; of one that a file holds, without the folders."""
    return result.task.rsplit("/", 1)[-1] if ":" in result.task else result.task


def run_page(run: PagedRun) -> str:
    """The page of a run.

    :param run: what it is made of.
    :returns: HTML, one file.
    """
    page = page_of(run)
    text = _for_a_file(page)
    while len(text) > MOST_BYTES and len(page.runs.shown) > 1:  # of large images
        fewer = page.runs.shown[: len(page.runs.shown) // 2]
        page = replace(page, runs=replace(page.runs, shown=fewer))
        text = _for_a_file(page)
    return text.decode()


def _for_a_file(page: Page) -> bytes:
    """A page as a file holds it; half a character, as in names of files that are no UTF-8, as an escape."""
    return rendered(page).encode(errors="backslashreplace")


def write_page(run: PagedRun, file: Path) -> None:
    """Write the page of a run to a file; one that is there is replaced.

    :param run: what the page is made of.
    :param file: where to.
    :raises UsageError: where the file is a folder.
    """
    if file.is_dir():
        raise UsageError("--html", expected="a file", got=f"the folder {file}", remedy="name a file in it")
    write_bytes(file, run_page(run).encode())
