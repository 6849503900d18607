"""``ntpt restarts``: how often restarts find a right program, strategies compared at equal cost."""

from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import DataFolder, OutNeeded, Resume, TaskName, TrainedLibrary
from ntpt_pyro.runs.settings import Settings

app = options.command_app()


@app.command()
@options.with_settings(
    Settings, only=["examples", "batch_size", "choice_lr", "init_scale", "kl", "kl_start", "seed"]
)
def restarts(
    task: TaskName,
    out: OutNeeded,
    settings: dict[str, Any],
    strategy: Annotated[
        str, typer.Option(help="as for `ntpt learn`, several separated by commas")
    ] = "fmgd,marginal,relaxed,marginal-joint,relaxed-joint",
    restarts: Annotated[int, typer.Option(help="programs trained, all at once")] = 32,
    steps: Annotated[int, typer.Option(help="training steps of each, at most")] = 400,
    seconds: Annotated[
        float | None, typer.Option(help="of the processor, for each strategy (default: what the steps take)")
    ] = None,
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
    wanted = Settings().changed({**target.defaults, **settings, "restarts": restarts, "steps": steps})
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
