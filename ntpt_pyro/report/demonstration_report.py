"""One run of a program on one input: its table of steps, its result, its picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.errors import UsageError
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.report.plain_console import print_line, print_table
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration

if TYPE_CHECKING:
    from rich.console import Console


def print_demonstration(console: "Console", shown: Demonstration) -> None:
    """Print what a program read, what each of its steps did, and the result.

    :param console: where to.
    :param shown: the run.
    """
    for line in shown.before:
        print_line(console, line)
    if shown.steps:
        _print_steps(console, shown)
    else:
        print_line(console, shown.no_steps, style="dim")
    print_line(console, f"{shown.what:<8}{shown.verdict}{shown.remark}")


def _print_steps(console: "Console", shown: Demonstration) -> None:
    """Print the table of steps."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(shown.columns):
        numbers = all(row[number].lstrip("-").isdigit() or not row[number] for row in shown.steps)
        table.add_column(Text(column), justify="right" if numbers else "left")
    for row in shown.steps:
        table.add_row(*map(Text, row))
    print_table(console, table)


def draw_demonstration(shown: Demonstration, file: Path) -> None:
    """Draw a run to a file.

    :param shown: the run.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :raises UsageError: where the run has no picture, or the ending is no format.
    """
    if shown.picture is None:
        raise UsageError(
            "--plot", expected="a run that has a picture", got="one without", remedy="leave it out"
        )
    figure, _ = empty_figure(shown.picture.width, *shown.picture.heights)
    shown.picture.draw(figure)
    write_figure(figure, file)
