"""``ntpt learn``: a task's program, and the networks that it calls, from examples alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import (
    Ask,
    DataFolder,
    Download,
    Lines,
    Out,
    Resume,
    TaskName,
    Threads,
    TrainedLibrary,
)
from ntpt_pyro.runs.device_names import device_named
from ntpt_pyro.runs.settings import Settings

app = options.command_app()


@app.command()
@options.with_settings(Settings, leave_out=["own_networks", "tolerance", "memory", "prior"])
def learn(
    task: TaskName,
    settings: dict[str, Any],
    library: TrainedLibrary = None,
    data: DataFolder = None,
    download: Download = None,
    lines: Lines = None,
    threads: Threads = 1,
    device: Annotated[
        str,
        typer.Option(help="cpu, cuda, or auto: cuda where it is; it pays off with very many restarts"),
    ] = "cpu",
    ask: Ask = False,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Learn a task's program from examples alone.

    The defaults are those of a task that has none of its own: harder ones and texts have, and a run says what
    it took in its result.json, under options. Exhaustive searches and solvers take 64 examples.
    """
    session.check_resumable(out, resume=resume)
    session.set_threads(threads)
    import torch

    with torch.device(device_named(device)):
        _learn(
            task,
            settings,
            library,
            out,
            resume=resume,
            ask=ask,
            data=data,
            download=download,
            lines=lines,
        )


def _learn(
    name: str,
    settings: dict[str, Any],
    library: Path | None,
    out: Path | None,
    *,
    resume: bool,
    ask: bool,
    data: Path | None,
    **parameters: Any,
) -> None:
    from ntpt_pyro.tasks.registry import find_task

    task = find_task(name, data=data, **parameters)
    given = session.library_for(task, library)
    session.induce_and_print(task, given, settings, out, resume=resume, ask=ask, data=data)
