"""``ntpt restarts``: how often restarts find a right program, strategies compared at equal cost."""

from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import DataFolder, OutNeeded, Resume, TaskName, TrainedLibrary
from ntpt_pyro.runs.settings import Settings

app = options.command_app()
DEFAULTS = {"restarts": 32, "steps": 400}
"""Settings of this command, whatever the task's."""


@app.command()
@options.with_settings(
    Settings,
    only=[
        *("examples", "restarts", "steps", "seconds", "batch_size"),
        *("choice_lr", "init_scale", "kl", "kl_start", "seed"),
    ],
    defaults={**DEFAULTS, "seconds": "what the steps take"},
    about={
        "restarts": "programs trained, all at once",
        "steps": "training steps of each, at most",
        "seconds": "of the processor, for each strategy",
    },
)
def restarts(
    task: TaskName,
    out: OutNeeded,
    settings: dict[str, Any],
    strategy: Annotated[
        str,
        typer.Option(help="of those of `ntpt tasks` that follow a gradient, several separated by commas"),
    ] = "fmgd,marginal,relaxed,marginal-joint,relaxed-joint",
    library: TrainedLibrary = None,
    data: DataFolder = None,
    resume: Resume = False,
) -> None:
    """Measure how often restarts find a right program. A task may have defaults of its own."""
    session.set_threads(1)
    from ntpt_pyro.experiments.experiment_reports import print_restarts
    from ntpt_pyro.experiments.restart_rates import compare
    from ntpt_pyro.tasks.registry import find_task

    target = find_task(task, data=data)
    seconds = settings.pop("seconds", None)
    wanted = Settings().changed({**target.defaults, **DEFAULTS, **settings})
    result = compare(
        target,
        wanted,
        options.names(strategy),
        out,
        library=session.library_for(target, library),
        budget=seconds,
        resume=resume,
        progress=session.progress(),
    )
    print_restarts(session.console(), result)
    print(f"kept in {out}: result.json")
