"""``ntpt evaluate``: a learned program on one input, step by step."""

from pathlib import Path
from typing import Annotated

import typer

from ntpt_pyro.cli import options
from ntpt_pyro.cli.options import DataFolder, RunOf, new_file, path_option, whole_option
from ntpt_pyro.cli.outputs import Outputs, print_json, steps_of, with_outputs

app = options.command_app()


@app.command()
@with_outputs("json", about={"json": "print one JSON document: what was read, the steps, the result"})
def evaluate(
    run: RunOf,
    outputs: Outputs,
    expression: Annotated[
        str | None, typer.Argument(help="an input as text, such as 3+4x2, for tasks that take one")
    ] = None,
    strip: Annotated[
        Path | None,
        path_option("an input as a PNG of symbols side by side, 28 pixels each way, white on black"),
    ] = None,
    length: Annotated[int | None, whole_option("of a drawn input, in digits, or signs a side")] = None,
    seed: Annotated[int, whole_option("of the draw of an input")] = 0,
    instance: Annotated[
        int | None,
        whole_option("the number of an example, from 0, where there are certain ones, as a text has"),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(help="of a text's instances  [default: the first that it was not learned from]"),
    ] = None,
    save: Annotated[Path | None, path_option("keep the drawn input as a PNG", parser=new_file)] = None,
    plot: Annotated[
        Path | None, path_option("draw what is read, and what the program does with it", parser=new_file)
    ] = None,
    data: DataFolder = None,
    steps: Annotated[int | None, whole_option("instructions executed at most")] = None,
) -> None:
    """Run a learned program once: what it reads, and what each step does."""
    from ntpt_pyro.tasks.demonstrations.demonstration import Asked

    asked = Asked(
        seed,
        expression=expression,
        strip=strip,
        length=length,
        save=save,
        steps=steps,
        instance=instance,
        batch=batch,
    )
    from ntpt_pyro.cli.task_or_run import task_and_library_of_run
    from ntpt_pyro.report.demonstration_report import draw_demonstration, print_demonstration
    from ntpt_pyro.runs.run_folder import RunFolder

    folder = RunFolder(run)
    result = folder.program_result()
    task, library = task_and_library_of_run(folder, result, data=data)
    shown = task.demonstrate(result.choices, library, asked)
    if plot is not None:
        draw_demonstration(shown, plot)
    if outputs.json:
        print_json(steps_of(shown))
    else:
        print_demonstration(outputs.console(), shown)
