"""The page of a run, written to a file: what of it cannot be found any more, the page says."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.cli.options import DATA
from ntpt_pyro.cli.task_or_run import task_and_library_of_run
from ntpt_pyro.errors import NtptError
from ntpt_pyro.report.page.run_page import PagedRun, write_page
from ntpt_pyro.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from ntpt_pyro.runs.induced import Induced
    from ntpt_pyro.tasks.task import Task


def write_page_of_run(folder: RunFolder, file: Path, data: Path | None) -> None:
    """Write the page of a finished run.

    :param folder: of the run.
    :param file: where to.
    :param data: a folder of data for its task.
    :raises RunError: where the run is not finished, damaged or of another version.
    """
    result, posterior = folder.program_result(), folder.posterior()
    task, library, why_not = None, None, ""
    try:
        task, library = task_and_library_of_run(folder, result, data=data)
    except NtptError as error:
        why_not = str(error)
    page = PagedRun(
        result=result,
        posterior=posterior,
        snapshots=folder.snapshots(),
        options=folder.options(),
        folder=str(folder.folder),
        also=_also(data),
        task=task,
        library=library,
        why_not=why_not,
    )
    write_page(page, file)


def write_page_of_induced(
    found: "Induced", task: "Task", file: Path, out: Path | None, data: Path | None
) -> None:
    """Write the page of a run that has just ended.

    :param found: what it ended with.
    :param task: that it was of.
    :param file: where to.
    :param out: the folder that it is kept in.
    :param data: a folder of data that the task was found with.
    """
    page = PagedRun(
        result=found.result,
        posterior=found.posterior,
        snapshots=found.snapshots,
        options={} if out is None else RunFolder(out).options(),
        folder="" if out is None else str(out),
        also=_also(data),
        task=task,
        library=found.library,
    )
    write_page(page, file)


def _also(data: Path | None) -> tuple[str, ...]:
    """What a command needs to find the same data."""
    return () if data is None or os.environ.get(DATA) == str(data) else ("--data", str(data))
