"""``ntpt lifelong``: lifetimes of eight tasks, the paper's Figures 6 and 7."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import with_device
from ntpt_pyro.cli.options import DataFolder, OutNeeded, Resume, path_option, whole_option
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings

app = options.command_app()


@app.command()
@with_outputs("json", "quiet")
@with_cores
@options.with_settings(
    LifetimeSettings,
    leave_out=["model", "seed", "schedule", "data", "rounds", "choice_lr", "init_scale", "kl"],
)
@with_device(shares=False)
def lifelong(
    out: OutNeeded,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    models: Annotated[str, typer.Option(help="separated by commas")] = "ntpt,indep,pnn,mtnn-1,mtnn-2",
    seeds: Annotated[int, whole_option("lifetimes a model, each of another seed")] = 1,
    first_seed: Annotated[int, whole_option("the others follow")] = 0,
    references: Annotated[
        bool, typer.Option(help="also live the models that forward transfer is measured against")
    ] = True,
    schedule: Annotated[
        Path | None,
        path_option(
            "JSON: {knots: [{at: share of the lifetime, tasks: {name: probability}}]}  [default: every task "
            "in turn, once]"
        ),
    ] = None,
    data: DataFolder = None,
    resume: Resume = False,
) -> None:
    """Live lifetimes of eight tasks: programs that share a library, and purely neural baselines."""
    cores.make_ready()
    from ntpt_pyro.experiments.experiment_reports import print_lifelong
    from ntpt_pyro.experiments.lifelong import lifelong as live_all
    from ntpt_pyro.experiments.lifelong import unread_settings
    from ntpt_pyro.experiments.recording import seeds_of
    from ntpt_pyro.experiments.schedule import load_schedule
    from ntpt_pyro.inference import strategy_named

    if schedule is not None:
        settings["schedule"] = load_schedule(schedule)
    wanted = LifetimeSettings(data=data, **settings)
    strategy_named(wanted.strategy)
    named = options.names(models)
    found = live_all(
        named,
        seeds_of(first_seed, seeds),
        wanted,
        out,
        references=references,
        resume=resume,
        progress=outputs.progress,
        workers=cores.workers,
    )
    pictures = ", ".join(f"figure-6{part}.png" for part in "abc")
    outputs.tell(found, print_lifelong, f"{out}: result.json, table-7.csv, transfer.csv, {pictures}")
    for who, why, unread in unread_settings(named, wanted, settings):
        session.print_unread(outputs.console(), who, unread, why)
