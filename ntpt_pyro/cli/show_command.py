"""``ntpt show``: a finished run, whether or not its task can still be found."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from ntpt_pyro.bounds import MOST_COUNTED, check_count
from ntpt_pyro.cli import options
from ntpt_pyro.cli.options import DataFolder, RunOf, whole_option
from ntpt_pyro.cli.outputs import Outputs, content_of, print_json, steps_of, with_outputs
from ntpt_pyro.errors import NtptError
from ntpt_pyro.tasks.demonstrations.demonstration import MOST_SEED, Asked

if TYPE_CHECKING:  # heavy; imported where a run is shown
    from ntpt_pyro.report.by_kind import Ranked
    from ntpt_pyro.runs.results import ProgramResult
    from ntpt_pyro.runs.run_folder import RunFolder
    from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
    from ntpt_pyro.tasks.task import Task

app = options.command_app()


@app.command()
@with_outputs("plot", "html", "json")
def show(
    run: RunOf,
    outputs: Outputs,
    top: Annotated[
        int, whole_option("list so many behaviours, the most probable ones, each with its shortest program")
    ] = 0,
    programs: Annotated[
        int,
        whole_option("also list so many single programs, the most probable ones; many may compute the same"),
    ] = 0,
    example: Annotated[
        int | None,
        whole_option(
            "also run the program on the K-th example, from 0; where a task draws examples, on the input "
            "drawn by seed K",
        ),
    ] = None,
    data: DataFolder = None,
) -> None:
    """Show a finished run: its program, whether it is right, how sure that is, and how well it does."""
    check_count("--top", top, at_least=0, at_most=MOST_COUNTED)
    check_count("--programs", programs, at_least=0, at_most=MOST_COUNTED)
    if example is not None:
        check_count("--example", example, at_least=0, at_most=MOST_SEED)
    outputs.check(run)
    from ntpt_pyro.report.by_kind import print_few, print_ranked, print_result, ranked
    from ntpt_pyro.report.demonstration_report import print_demonstration
    from ntpt_pyro.report.plain_console import print_heading, print_line
    from ntpt_pyro.runs.run_folder import RunFolder

    folder, console = RunFolder(run, incomplete=outputs.html is not None), outputs.console()
    result, posterior = folder.program_result(), folder.posterior()
    single = ranked(result, posterior, programs) if programs else []
    shown, on_input = _on_example(folder, result, example, data)
    outputs.draw(result, posterior, folder.snapshots())
    if outputs.html is not None:
        from ntpt_pyro.cli.page_of_run import write_page_of_run

        write_page_of_run(folder, outputs.html, data)
    if outputs.json:
        print_json({**content_of(result), **_more(result, top, single, shown)})
        return
    lines = None
    if single:
        from ntpt_pyro.cli.task_or_run import task_and_library_of_run

        with suppress(NtptError):  # else in the words that the run kept
            lines = task_and_library_of_run(folder, result, data=data)[0].lines
    print_result(console, result, posterior, top=top)
    print_ranked(console, result, single, lines)
    print_few(console, result, single, programs)
    if shown is not None:
        print_heading(console, on_input)
        print_demonstration(console, shown)
    if outputs.plot is not None or outputs.html is not None:
        print_line(console)
        outputs.print_files(console)


def _on_example(
    folder: "RunFolder", result: "ProgramResult", number: int | None, data: Any
) -> "tuple[Demonstration | None, str]":
    """The run of the program on the example that is asked for, and what that is in words."""
    if number is None:
        return None, ""
    from ntpt_pyro.cli.task_or_run import task_and_library_of_run

    task, library = task_and_library_of_run(folder, result, data=data)
    on_input, asked = _input_of(task, number)
    return task.demonstrate(result.choices, library, asked), on_input


def _more(
    result: "ProgramResult", top: int, single: "Sequence[Ranked]", shown: "Demonstration | None"
) -> dict[str, Any]:
    """What options add to the JSON of a run."""
    found: dict[str, Any] = {}
    if top:
        from ntpt_pyro.report.by_kind import top_behaviours

        found["top"] = top_behaviours(result, top)
    if single:
        found["ranked"] = [{"choices": dict(one), "probability": known} for one, known in single]
    if shown is not None:
        found["example"] = steps_of(shown)
    return found


def _input_of(task: "Task", number: int) -> tuple[str, Asked]:
    """The input of a number, in words and as it is asked for."""
    if task.numbered is None:
        return f"on the input drawn by seed {number}", Asked(seed=number)
    check_count("--example", number, at_least=0, at_most=task.numbered - 1)
    return f"on {'test ' if task.has_tests else ''}example {number}", Asked(instance=number)
