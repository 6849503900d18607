"""What commands do alike before they work: threads, device, the library, the console."""

import math
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntpt_pyro.bounds import check_count
from ntpt_pyro.cli.options import DATA
from ntpt_pyro.cli.outputs import Outputs, content_of, print_json
from ntpt_pyro.cli.streams import speaks
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.work.workers import ALONE, Workers

if TYPE_CHECKING:  # heavy; a command imports them when it runs
    from rich.console import Console

    from ntpt_pyro.language.library import Library
    from ntpt_pyro.runs.results import ProgramResult
    from ntpt_pyro.tasks.task import Task

MOST_THREADS = 1024
FEW_PROGRAMS = 10**6
"""Joint settings of the choices: up to so many an exact posterior is near."""


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
    outputs: Outputs,
    resume: bool,
    ask: bool = False,
    data: Path | None = None,
    workers: Workers = ALONE,
) -> None:
    """Induce a task's program, print it, and say where it is kept.

    :param task: the task.
    :param library: functions to begin with.
    :param settings: those that were given.
    :param out: the folder to keep the run in.
    :param outputs: where else it goes.
    :param resume: go on with the run there.
    :param ask: have the person answer a solver's questions.
    :param data: a folder of data that the task was found with.
    :param workers: who searches.
    """
    if ask and settings.get("strategy") != "solver":
        raise UsageError("--ask", expected="--strategy solver with it", got="another", remedy="add it")
    outputs.check(out, asks=ask)
    from ntpt_pyro.cli.asking import Person
    from ntpt_pyro.report.by_kind import print_kept, print_result
    from ntpt_pyro.report.plain_console import print_line
    from ntpt_pyro.runs.induce import induce

    if not speaks():
        outputs = Outputs(quiet=True)
    printed_to = outputs.console()
    found = induce(
        task,
        library=library,
        out=out,
        resume=resume,
        progress=outputs.progress,
        oracle=Person(task, printed_to) if ask else None,
        callbacks=outputs.loggers(anew=not resume),
        workers=workers,
        **settings,
    )
    outputs.draw(found.result, found.posterior, found.snapshots)
    if outputs.html is not None:
        from ntpt_pyro.cli.page_of_run import write_page_of_induced

        write_page_of_induced(found, task, outputs.html, out, data)
    if outputs.json:
        print_json(content_of(found.result))
    else:
        print_result(printed_to, found.result, found.posterior)
    _print_unread(printed_to, task, library, settings, data, found.result)
    if outputs.json:
        return
    if may_be_exact(task, found.result):
        named = shlex.quote(task.found_by if out is None else str(out))
        print_line(printed_to, f"the exact posterior: ntpt posterior {named}", style="dim", whole=True)
    outputs.print_files(printed_to)
    print_kept(printed_to, out)


def print_unread(console: "Console", who: str, unread: Iterable[str], why: str = "") -> None:
    """Name options that were given and that somebody does not look at.

    :param console: where to.
    :param who: does not look at them.
    :param unread: the settings that they are of.
    :param why: in words.
    """
    from ntpt_pyro.report.plain_console import print_line

    shown = " ".join(f"--{one.replace('_', '-')}" for one in unread)
    if shown:
        reason = f" ({why})" if why else ""
        print_line(console, f"not looked at by {who}: {shown}{reason}", style="dim", whole=True)


def _print_unread(
    console: "Console",
    task: "Task",
    library: "Library | None",
    settings: Mapping[str, Any],
    data: Path | None,
    result: "ProgramResult",
) -> None:
    """Name the options that neither the way of inference nor the task looks at."""
    from ntpt_pyro.inference.training.ranks import ranks_now
    from ntpt_pyro.runs.idle_settings import idle_settings
    from ntpt_pyro.runs.methods.method import untrained
    from ntpt_pyro.runs.methods.named import ignored_settings
    from ntpt_pyro.runs.settings import settings_of

    way = result.strategy
    of_task = [one for one in task.undrawn if one in settings]
    if data is not None and not task.takes_data and os.environ.get(DATA) != str(data):
        of_task.append("data")
    by_way = ignored_settings(way, settings, untrained(task, library))
    print_unread(console, way, by_way)
    idle = idle_settings(settings_of(result.options), shared=ranks_now() is not None)
    if getattr(result, "given_up", None):  # in one process, before it went on here
        idle.pop("halve", None)
    for name, why in idle.items():
        if name in settings and name not in by_way:
            print_unread(console, way, [name], why)
    print_unread(console, task.found_by, of_task)


def may_be_exact(task: "Task", result: "ProgramResult") -> bool:
    """Whether a guide's probabilities are shown where there are few programs, and nothing else to learn.

    :param task: the task.
    :param result: of its run.
    :returns: whether to say so.
    """
    from ntpt_pyro.runs.headings import GUIDE, heading_of

    settings = math.prod(map(len, result.words.values()))
    plain = not task.functions and not task.parameters
    return plain and settings <= FEW_PROGRAMS and heading_of(result) == GUIDE
