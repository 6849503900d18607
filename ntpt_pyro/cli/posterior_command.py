"""``ntpt posterior``: the exact posterior over all programs of a task, or of a run's task."""

from typing import Any

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import with_device
from ntpt_pyro.cli.options import DataFolder, Lines, Out, Resume, TaskName, TrainedLibrary
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.errors import UsageError
from ntpt_pyro.runs.settings import Settings

app = options.command_app()
STRATEGIES = ("exhaustive", "solver")
ALTERNATIVES = 3
"""Programs of other behaviour that a solver looks for."""


@app.command()
@with_outputs("plot", "html", "json", "quiet")
@with_cores
@options.with_settings(
    Settings,
    only=[
        *("strategy", "examples", "prior", "tolerance", "memory", "seed", "test_examples"),
        *("seconds", "alternatives"),
    ],
    defaults={"strategy": "exhaustive", "examples": 64, "test_examples": 2000, "alternatives": ALTERNATIVES},
    values={"strategy": STRATEGIES},
)
@with_device(shares=False)
def posterior(
    task: TaskName,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    library: TrainedLibrary = None,
    lines: Lines = None,
    data: DataFolder = None,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Find the exact posterior over all programs. TASK may be a run's folder: then its task and library.

    With --strategy solver it finds the best program and others of other behaviour (--alternatives), with a
    proof, also where there are too many programs to try.
    """
    strategy = settings.get("strategy", "exhaustive")
    if strategy not in STRATEGIES:
        raise UsageError(
            "--strategy", expected="exhaustive or solver", got=repr(strategy), remedy="pick one, or use learn"
        )
    others = {"alternatives": ALTERNATIVES} if strategy == "solver" else {}
    session.check_resumable(out, resume=resume)
    cores.make_ready()
    from ntpt_pyro.cli.task_or_run import task_and_library

    target, trained = task_and_library(task, lines=lines, data=data)
    given = session.library_for(target, library) if library is not None else trained
    settings = {**others, **settings, "strategy": strategy}
    session.induce_and_print(
        target, given, settings, out, outputs=outputs, resume=resume, data=data, workers=cores.workers
    )
