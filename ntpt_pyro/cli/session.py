"""What commands do alike before they work: threads, device, the library, the console."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntpt_pyro.errors import UsageError

if TYPE_CHECKING:  # heavy; a command imports them when it runs
    from rich.console import Console

    from ntpt_pyro.language.library import Library
    from ntpt_pyro.tasks.task import Task


def set_threads(threads: int) -> None:
    """Set torch's threads.

    :param threads: how many.
    :raises UsageError: where there would be none.
    """
    import torch

    if threads < 1:
        raise UsageError("threads", expected="at least 1", got=str(threads), remedy="give more")
    torch.set_num_threads(threads)


def check_resumable(out: Path | None, *, resume: bool) -> None:
    """Check that a run to be gone on with has a folder.

    :param out: the folder.
    :param resume: whether to go on.
    :raises UsageError: where there is none.
    """
    if resume and out is None:
        raise UsageError("--resume", expected="--out with it", got="no --out", remedy="name the run's folder")


def device_named(name: str) -> str:
    """The torch device that a name stands for.

    :param name: auto, cpu or cuda.
    :returns: the device.
    :raises UsageError: where it is not to be had.
    """
    import torch

    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if name == "auto":
        return available[-1]
    if name not in available:
        raise UsageError(
            "device",
            expected=f"one of auto, {', '.join(available)}",
            got=repr(name),
            remedy="pick one",
        )
    return name


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
    from ntpt_pyro.runs.induce import induce

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
    print_kept(printed_to, out)


def console() -> "Console":
    """Where commands print to."""
    from rich.console import Console

    return Console(highlight=False)


def progress() -> bool:
    """Whether progress bars are shown: to a person, not to a file."""
    return sys.stderr.isatty()
