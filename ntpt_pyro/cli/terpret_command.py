"""``ntpt terpret``: the parameters of a program text, learned as any other task."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.cores import Cores, with_cores
from ntpt_pyro.cli.device_option import goes_on, with_device
from ntpt_pyro.cli.options import Ask, Out, Resume, TrainedLibrary
from ntpt_pyro.cli.outputs import Outputs, print_json, with_outputs
from ntpt_pyro.runs.settings import Settings
from ntpt_pyro.tasks.text_defaults import shown_defaults

if TYPE_CHECKING:  # heavy; imported where a text is checked
    from ntpt_pyro.language.library import Library
    from ntpt_pyro.tasks.text_task import TextTask

app = options.command_app()


@app.command()
@with_outputs("plot", "html", "log", "json", "quiet")
@with_cores
@options.with_settings(
    Settings,
    only=[
        *("strategy", "restarts", "steps", "choice_lr", "init_scale", "kl", "kl_start", "seed", "library_lr"),
        *("seconds", "alternatives"),
    ],
    defaults=shown_defaults(),
)
@with_device(shares=True)
def terpret(
    model: Annotated[Path, typer.Argument(help="a program text in TerpreT")],
    hypers: Annotated[Path, typer.Argument(help="JSON: {setting: {hyper: integer}}")],
    instances: Annotated[
        Path, typer.Argument(metavar="DATA", help="JSON: [{batch_name, hypers, instances}]")
    ],
    settings: dict[str, Any],
    outputs: Outputs,
    cores: Cores,
    library: TrainedLibrary = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="only compile the text, compare it with its interpreter, and say what it costs"
        ),
    ] = False,
    ask: Ask = False,
    out: Out = None,
    resume: Resume = False,
) -> None:
    """Learn the parameters of a program text in TerpreT from instances of it.

    A step is of all instances, or of 64 where functions are learned.
    """
    session.check_resumable(out, resume=resume)
    cores.make_ready()
    from ntpt_pyro.tasks.text_task import text_task

    task = text_task(model, hypers, instances)
    given = session.library_for(task, library)
    if check:
        _check(task, given, settings, model, outputs)
        return
    session.induce_and_print(
        task,
        given,
        settings,
        out,
        outputs=outputs,
        resume=resume or goes_on(out, quiet=outputs.quiet),
        ask=ask,
        workers=cores.workers,
    )


def _check(
    task: "TextTask", library: "Library | None", settings: dict[str, Any], model: Path, outputs: Outputs
) -> None:
    from ntpt_pyro.report.check_report import print_check
    from ntpt_pyro.runs.text_check import check_text

    found = check_text(task, library, settings)
    if outputs.json:
        print_json(asdict(found))
    else:
        print_check(outputs.console(), found, model)
