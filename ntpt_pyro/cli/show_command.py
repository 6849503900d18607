"""``ntpt show``: a finished run, whether or not its task can still be found."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import DataFolder, RunOf, new_file, path_option

app = options.command_app()


@app.command()
def show(
    run: RunOf,
    top: Annotated[int, typer.Option(help="also print the K most probable programs")] = 0,
    plot: Annotated[Path | None, path_option("also draw the posterior to a file", parser=new_file)] = None,
    example: Annotated[
        int | None, typer.Option(help="also run the program on the K-th input, see `ntpt evaluate`")
    ] = None,
    data: DataFolder = None,
) -> None:
    """Show a finished run: its program, the posterior of its choices, how well it does."""
    from ntpt_pyro.tasks.demonstrations.demonstration import Asked

    asked = None if example is None else Asked(seed=example)
    from ntpt_pyro.cli.task_or_run import task_and_library_of_run
    from ntpt_pyro.errors import NtptError
    from ntpt_pyro.report.by_kind import print_ranked, print_result, ranked
    from ntpt_pyro.report.demonstration_report import print_demonstration
    from ntpt_pyro.report.plain_console import print_heading, print_line
    from ntpt_pyro.report.posterior_figure import draw_posterior
    from ntpt_pyro.runs.run_folder import RunFolder

    folder, console = RunFolder(run), session.console()
    result, posterior = folder.program_result(), folder.posterior()
    programs = ranked(result, posterior, top) if top else []
    shown, lines = None, None
    if asked is not None:
        task, library = task_and_library_of_run(folder, result, data=data)
        shown = task.demonstrate(result.choices, library, asked)
    if plot is not None:
        draw_posterior(result, posterior, plot, snapshots=folder.snapshots())
    if programs:
        with suppress(NtptError):  # else in the words that the run kept
            lines = task_and_library_of_run(folder, result, data=data)[0].lines
    print_result(console, result, posterior)
    print_ranked(console, result, programs, lines)
    if shown is not None:
        print_heading(console, f"on input {example}")
        print_demonstration(console, shown)
    if plot is not None:
        print_line(console, f"\ndrawn to {plot}", style="dim", whole=True)
