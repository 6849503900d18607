"""``ntpt restarts``: how often restarts find a right program, strategies compared at equal cost."""

from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import with_device
from ntpt_pyro.cli.options import (
    DataFolder,
    OutNeeded,
    Resume,
    TaskName,
    TrainedLibrary,
    beginning,
)
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.runs.known_names import gradient_names
from ntpt_pyro.runs.settings import Settings

app = options.command_app()
DEFAULTS = {"restarts": 32, "steps": 400}
"""Settings of this command, whatever the task's."""


@app.command()
@with_outputs("json", "quiet")
@with_cores
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
@with_device(shares=False)
def restarts(
    task: TaskName,
    out: OutNeeded,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    strategy: Annotated[
        str,
        typer.Option(
            help=f"several, separated by commas, out of {', '.join(gradient_names())}",
            autocompletion=lambda incomplete: beginning(gradient_names(), incomplete),
        ),
    ] = "fmgd,marginal,relaxed,marginal-joint,relaxed-joint",
    library: TrainedLibrary = None,
    data: DataFolder = None,
    resume: Resume = False,
) -> None:
    """Measure how often restarts find a right program. A task may have defaults of its own."""
    cores.make_ready()
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
        progress=outputs.progress,
        workers=cores.workers,
    )
    outputs.tell(result, print_restarts, f"{out}: result.json")
