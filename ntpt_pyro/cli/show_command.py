"""``ntpt show``: a finished run, whether or not its task can still be found."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ntpt_pyro.bounds import MOST_COUNTED, check_count
from ntpt_pyro.cli import options, session
from ntpt_pyro.cli.options import DataFolder, RunOf, new_file, path_option, whole_option
from ntpt_pyro.tasks.demonstrations.demonstration import MOST_SEED, Asked

if TYPE_CHECKING:  # heavy; imported where a run is shown
    from ntpt_pyro.tasks.task import Task

app = options.command_app()


@app.command()
def show(
    run: RunOf,
    top: Annotated[int, whole_option("also print so many programs, the most probable ones")] = 0,
    plot: Annotated[Path | None, path_option("also draw the posterior to a file", parser=new_file)] = None,
    example: Annotated[
        int | None,
        whole_option(
            "also run the program on the K-th example, from 0; where a task draws examples, on the input "
            "drawn by seed K",
        ),
    ] = None,
    data: DataFolder = None,
) -> None:
    """Show a finished run: its program, how probable its choices are, how well it does."""
    check_count("--top", top, at_least=0, at_most=MOST_COUNTED)
    if example is not None:
        check_count("--example", example, at_least=0, at_most=MOST_SEED)
    from ntpt_pyro.cli.task_or_run import task_and_library_of_run
    from ntpt_pyro.errors import NtptError
    from ntpt_pyro.report.by_kind import print_few, print_ranked, print_result, ranked
    from ntpt_pyro.report.demonstration_report import print_demonstration
    from ntpt_pyro.report.plain_console import print_heading, print_line
    from ntpt_pyro.report.posterior_figure import draw_posterior
    from ntpt_pyro.runs.run_folder import RunFolder

    folder, console = RunFolder(run), session.console()
    result, posterior = folder.program_result(), folder.posterior()
    programs = ranked(result, posterior, top) if top else []
    shown, lines, on_input = None, None, ""
    if example is not None:
        task, library = task_and_library_of_run(folder, result, data=data)
        on_input, asked = _input_of(task, example)
        shown = task.demonstrate(result.choices, library, asked)
    if plot is not None:
        draw_posterior(result, posterior, plot, snapshots=folder.snapshots())
    if programs:
        with suppress(NtptError):  # else in the words that the run kept
            lines = task_and_library_of_run(folder, result, data=data)[0].lines
    print_result(console, result, posterior)
    print_ranked(console, result, programs, lines)
    print_few(console, result, programs, top)
    if shown is not None:
        print_heading(console, on_input)
        print_demonstration(console, shown)
    if plot is not None:
        print_line(console, f"\ndrawn to {plot}", style="dim", whole=True)


def _input_of(task: "Task", number: int) -> tuple[str, Asked]:
    """The input of a number, in words and as it is asked for."""
    if task.numbered is None:
        return f"on the input drawn by seed {number}", Asked(seed=number)
    check_count("--example", number, at_least=0, at_most=task.numbered - 1)
    return f"on {'test ' if task.has_tests else ''}example {number}", Asked(instance=number)
