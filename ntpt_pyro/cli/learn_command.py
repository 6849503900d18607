"""``ntpt learn``: a task's program, and the networks that it calls, from examples alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.options import (
    Ask,
    DataFolder,
    Download,
    Lines,
    Out,
    Resume,
    TaskName,
    TrainedLibrary,
    beginning,
)
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.cli.ranks_of_command import goes_on, on_device
from ntpt_pyro.inference.work.workers import Workers
from ntpt_pyro.runs.device_names import DEVICES
from ntpt_pyro.runs.settings import Settings

app = options.command_app()


@app.command()
@with_outputs("plot", "html", "log", "json", "quiet")
@with_cores
@options.with_settings(Settings, leave_out=["own_networks", "tolerance", "memory", "prior"])
def learn(
    task: TaskName,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    download: Download = None,
    lines: Lines = None,
    device: Annotated[
        str,
        typer.Option(
            help="cpu, cuda, or auto: cuda where it is; it pays off with very many restarts",
            autocompletion=lambda incomplete: beginning(DEVICES, incomplete),
        ),
    ] = "cpu",
    ask: Ask = False,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Learn a task's program from examples alone.

    The defaults are those of a task that has none of its own: harder ones and texts have, and a run says what
    it took in its result.json, under options. Exhaustive searches and solvers take 64 examples.

    Under torchrun the restarts are shared among its processes, each on a GPU of its own with --device cuda.
    """
    session.check_resumable(out, resume=resume)
    cores.set_threads()
    with on_device(device):
        _learn(
            task,
            settings,
            library,
            out,
            outputs=outputs,
            resume=resume or goes_on(out),
            ask=ask,
            workers=cores.workers,
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
    outputs: Outputs,
    resume: bool,
    ask: bool,
    workers: Workers,
    data: Path | None,
    **parameters: Any,
) -> None:
    from ntpt_pyro.tasks.registry import find_task

    task = find_task(name, data=data, **parameters)
    given = session.library_for(task, library)
    session.induce_and_print(
        task, given, settings, out, outputs=outputs, resume=resume, ask=ask, data=data, workers=workers
    )
