"""``ntpt generalize``: models of MATH on expressions of every length, the paper's Figure 8."""

from typing import Annotated, Any

import typer

from ntpt_pyro.cli import options
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import with_device
from ntpt_pyro.cli.options import DataFolder, OutNeeded, Resume, TrainedLibrary, whole_option
from ntpt_pyro.cli.outputs import Outputs, with_outputs
from ntpt_pyro.experiments.generalize_settings import GeneralizeSettings

app = options.command_app()


@app.command()
@with_outputs("json", "quiet")
@with_cores
@options.with_settings(GeneralizeSettings)
@with_device(shares=False)
def generalize(
    out: OutNeeded,
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    models: Annotated[
        str,
        typer.Option(
            help="separated by commas; lstm is told the results of all prefixes of an expression, lstm-last "
            "only its own, as the paper's"
        ),
    ] = "ntpt,lstm-last,lstm,neural-gpu",
    seeds: Annotated[int, whole_option("trainings a model, each of another seed")] = 1,
    first_seed: Annotated[int, whole_option("the others follow")] = 0,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    resume: Resume = False,
) -> None:
    """Learn MATH, train its baselines, and try all of them on expressions of every length."""
    cores.make_ready()
    from ntpt_pyro.experiments.experiment_reports import print_generalization
    from ntpt_pyro.experiments.generalize import generalize as try_all
    from ntpt_pyro.experiments.recording import seeds_of

    found = try_all(
        options.names(models),
        seeds_of(first_seed, seeds),
        GeneralizeSettings(**settings),
        out,
        library=library,
        data=data,
        resume=resume,
        progress=outputs.progress,
        workers=cores.workers,
    )
    outputs.tell(found, print_generalization, f"{out}: result.json, figure-8a.png, figure-8b.png")
