"""A task by its name, or the task of a run by the run's folder."""

from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.errors import DataError, TaskError, TerpretError
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.results import ProgramResult
from ntpt_pyro.runs.run_folder import LIBRARY, RunFolder, load_library
from ntpt_pyro.tasks.registry import NAMES, find_task
from ntpt_pyro.tasks.task import Task


def task_and_library(name: str, **parameters: Any) -> tuple[Task, Library | None]:
    """A task, and the functions that its run has trained.

    :param name: of a task, or a run's folder.
    :param parameters: that the task is made with.
    :returns: both; no library where a task is named, or its run kept none.
    :raises NtptError: where neither is found.
    """
    if not Path(name).is_dir():
        try:
            return find_task(name, **parameters), None
        except TaskError as error:
            if error.where != NAMES:
                raise
            expected = f"the folder of a run, or {error.expected}"
            raise TaskError(error.where, expected=expected, got=error.got, remedy=error.remedy) from error
    run = RunFolder(Path(name))
    task = task_of(run, run.program_result(), **parameters)
    return task, library_of_run(run, task)


def task_of(run: RunFolder, result: ProgramResult, **parameters: Any) -> Task:
    """The task that a run was of.

    :param run: its folder.
    :param result: its result.
    :param parameters: that the task is made with, where they are not the run's own.
    :returns: the task.
    :raises TaskError: where it cannot be found any more; the run can still be shown.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        return find_task(result.found_by, **{**result.parameters, **given})
    except (TaskError, DataError, TerpretError) as error:
        raise TaskError(
            str(run.folder),
            expected=f"the task {result.found_by}, which the run is of",
            got=f"none: {error.where}, {error.got}",
            remedy="go to the folder where it was learned (`ntpt show` needs no task)",
        ) from error


def task_and_library_of_run(
    run: RunFolder, result: ProgramResult, **parameters: Any
) -> tuple[Task, Library | None]:
    """The task that a run was of, and its functions, to run its program again.

    :param run: its folder.
    :param result: its result.
    :param parameters: see :func:`task_of`.
    :returns: both.
    :raises TaskError: see :func:`task_of`.
    :raises RunError: where the task has other choices now.
    """
    task = task_of(run, result, **parameters)
    library = library_of_run(run, task)
    if not task.checked:
        words = task.alternatives(library, task.draw(1, torch.Generator().manual_seed(0)))
        run.check_choices({s: len(w) for s, w in result.words.items()}, {s: len(w) for s, w in words.items()})
    return task, library


def library_of_run(run: RunFolder, task: Task) -> Library | None:
    """The functions that a run kept, or that are beside it: programs of a lifetime share one library.

    :param run: its folder.
    :param task: whose functions may be modules of one's own.
    :returns: the library; None where there is none.
    """
    folders = (run.folder, run.folder.resolve().parent) if task.functions else ()
    kept = [folder for folder in folders if (folder / LIBRARY).exists()]
    return load_library(kept[0], task.functions) if kept else None
