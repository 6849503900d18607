"""The answer of a run as it is printed, and the accuracies that it does not say."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ntpt_pyro.report.plain_console import print_line
from ntpt_pyro.runs.results import ProgramResult

if TYPE_CHECKING:
    from rich.console import Console


def print_answer(console: "Console", parts: Sequence[str]) -> None:
    """Print the answer, a paragraph below the program.

    :param console: where to.
    :param parts: its sentences; those that are empty are left out.
    """
    print_line(console)
    for line in wrap(" ".join(part for part in parts if part), console.width, break_on_hyphens=False):
        print_line(console, line, style="bold", whole=True)


def accuracies(result: ProgramResult, by: str) -> dict[str, str]:
    """The accuracies that the answer does not say, a line each.

    :param result: of the run.
    :param by: what was done with the examples that it was judged by, such as ``learned from``.
    :returns: by what it is, the figure in words.
    """
    rows = {}
    if result.test_accuracy is not None and not result.held_out:
        rows["accuracy"] = f"{result.test_accuracy:.1%} of the examples that it was {by}"
    return rows | {f"accuracy on {name}": f"{share:.1%}" for name, share in result.trials.items()}
