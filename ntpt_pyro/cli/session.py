"""What commands do alike before they work: threads, device, the library, the console."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import UsageError

if TYPE_CHECKING:  # heavy; a command imports them when it runs
    from rich.console import Console

    from ntpt_pyro.language.library import Library
    from ntpt_pyro.tasks.task import Task

MOST_THREADS = 1024


def set_threads(threads: int) -> None:
    """Set torch's threads.

    :param threads: how many.
    :raises UsageError: where there would be none, or more than any machine has.
    """
    check_count("threads", threads, at_least=1, at_most=MOST_THREADS)
    import torch

    torch.set_num_threads(threads)


def check_resumable(out: Path | None, *, resume: bool) -> None:
    """Check that a run to be gone on with has a folder.

    :param out: the folder.
    :param resume: whether to go on.
    :raises UsageError: where there is none.
    """
    if resume and out is None:
        raise UsageError("--resume", expected="--out with it", got="no --out", remedy="name the run's folder")


def library_for(task: "Task", path: Path | None) -> "Library | None":
    """The library that a task is given on the command line.

    :param task: whose functions may be modules of one's own.
    :param path: run folder or file; None for none.
    :returns: the library.
    :raises LibraryError: where there is none of this version.
    """
    from ntpt_pyro.runs.run_folder import load_library

    return None if path is None else load_library(path, task.functions)


def induce_and_print(
    task: "Task",
    library: "Library | None",
    settings: Mapping[str, Any],
    out: Path | None,
    *,
    resume: bool,
    ask: bool = False,
) -> None:
    """Induce a task's program, print it, and say where it is kept.

    :param task: the task.
    :param library: functions to begin with.
    :param settings: those that were given.
    :param out: the folder to keep the run in.
    :param resume: go on with the run there.
    :param ask: have the person answer a solver's questions.
    """
    if ask and settings.get("strategy") != "solver":
        raise UsageError("--ask", expected="--strategy solver with it", got="another", remedy="add it")
    from ntpt_pyro.cli.asking import Person
    from ntpt_pyro.report.by_kind import print_kept, print_result
    from ntpt_pyro.report.plain_console import print_line
    from ntpt_pyro.runs.induce import induce
    from ntpt_pyro.runs.methods.method import untrained
    from ntpt_pyro.runs.methods.named import ignored_settings

    printed_to = console()
    found = induce(
        task,
        library=library,
        out=out,
        resume=resume,
        progress=progress(),
        oracle=Person(task, printed_to) if ask else None,
        **settings,
    )
    print_result(printed_to, found.result, found.posterior)
    if unread := ignored_settings(found.result.strategy, settings, untrained(task, library)):
        shown = " ".join(f"--{name.replace('_', '-')}" for name in unread)
        print_line(printed_to, f"not looked at by {found.result.strategy}: {shown}", style="dim")
    print_kept(printed_to, out)


def console() -> "Console":
    """Where commands print to."""
    from ntpt_pyro.report.plain_console import plain_console

    return plain_console()


def progress() -> bool:
    """Whether progress bars are shown: to a person, not to a file."""
    return sys.stderr.isatty()
