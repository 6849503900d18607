"""``ntpt learn``: a task's program, and the networks that it calls, from examples alone."""

from typing import Any

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import goes_on, with_device
from ntpt_pyro.cli.options import (
    Ask,
    DataFolder,
    Download,
    Lines,
    Out,
    Resume,
    TaskName,
    TrainedLibrary,
)
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.runs.settings import Settings

app = options.command_app()


@app.command()
@with_outputs("plot", "html", "log", "json", "quiet")
@with_cores
@options.with_settings(Settings, leave_out=["own_networks", "tolerance", "memory", "prior"])
@with_device(shares=True)
def learn(
    task: TaskName,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    download: Download = None,
    lines: Lines = None,
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
    cores.make_ready()
    from ntpt_pyro.tasks.registry import find_task

    found = find_task(task, data=data, download=download, lines=lines)
    session.induce_and_print(
        found,
        session.library_for(found, library),
        settings,
        out,
        outputs=outputs,
        resume=resume or goes_on(out, quiet=outputs.quiet),
        ask=ask,
        data=data,
        workers=cores.workers,
    )
