"""``ntpt evaluate``: a learned program on one input, step by step."""

from pathlib import Path
from typing import Annotated

import typer

from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import DataFolder

app = options.command_app()


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="a folder that a command wrote to --out")],
    expression: Annotated[
        str | None, typer.Argument(help="an input as text, such as 3+4x2, for tasks that take one")
    ] = None,
    strip: Annotated[
        Path | None,
        typer.Option(help="an input as a PNG of symbols side by side, 28 pixels each way, white on black"),
    ] = None,
    length: Annotated[int | None, typer.Option(help="of a drawn input, in digits, or signs a side")] = None,
    seed: Annotated[int, typer.Option(help="of the draw of an input", min=0, max=2**63 - 1)] = 0,
    save: Annotated[Path | None, typer.Option(help="keep the drawn input as a PNG")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="draw what is read, and what the program does with it")
    ] = None,
    data: DataFolder = None,
    steps: Annotated[int | None, typer.Option(help="instructions executed at most", min=1)] = None,
) -> None:
    """Run a learned program once: what it reads, and what each step does."""
    from ntpt_pyro.cli.task_or_run import task_and_library_of_run
    from ntpt_pyro.report.demonstration_report import draw_demonstration, print_demonstration
    from ntpt_pyro.runs.run_folder import RunFolder
    from ntpt_pyro.tasks.demonstrations.demonstration import Asked

    folder = RunFolder(run)
    result = folder.program_result()
    task, library = task_and_library_of_run(folder, result, data=data)
    asked = Asked(seed, expression=expression, strip=strip, length=length, save=save, steps=steps)
    shown = task.demonstrate(result.choices, library, asked)
    if plot is not None:
        draw_demonstration(shown, plot)
    print_demonstration(session.console(), shown)
