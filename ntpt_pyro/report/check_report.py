"""What a person sees of a text that was compiled only."""

from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.bounds import in_units
from ntpt_pyro.report.plain_console import print_line, print_table
from ntpt_pyro.report.program_text import print_rows
from ntpt_pyro.runs.strategy_reach import power_in_words
from ntpt_pyro.runs.text_check import Parameters, TextCheck

if TYPE_CHECKING:
    from rich.console import Console


def print_check(console: "Console", check: TextCheck, file: Path) -> None:
    """Print what a compiled text comes to, that it means the same as its interpreter first.

    :param console: where to.
    :param check: the text.
    :param file: that it is in.
    """
    from rich.table import Table
    from rich.text import Text

    agree = f"compiled text and interpreter agree on {check.compared:,} results"
    print_line(console, f"\n{file}: {agree}", style="bold", whole=True)
    print_line(console, f"\n{check.text} under hypers {check.setting!r}\n")
    print_rows(console, _figures(check))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("strategy", "", "cost"):
        table.add_column(title, no_wrap=title != "cost")
    for one in check.strategies:
        table.add_row(Text(one.strategy), Text(one.within), Text(one.cost))
    print_line(console)
    print_table(console, table)


def _figures(check: TextCheck) -> dict[str, str]:
    """The figures of a compiled text, a line each."""
    count, decided = (
        sum(one.count for one in check.parameters),
        sum(one.decided for one in check.parameters),
    )
    given = f", {decided:,} of them decided by the text" if decided else ""
    memory = f"{in_units(check.memory)} a restart"
    if check.restarts > 1:
        memory += f", {in_units(check.memory * check.restarts)} for {check.restarts:,}"
    return {
        "parameters": f"{count:,}{given}",
        **{f"  {one.name}": _in_words(one) for one in check.parameters},
        "programs": f"{power_in_words(check.log_programs)} joint settings",
        "statements": f"{check.statements:,}",
        "products": f"{check.products:,}",
        "levels": f"{check.levels:,}",
        "instances": f"{check.instances:,}",
        "observed": check.observed,
        "memory": memory,
    }


def _in_words(one: Parameters) -> str:
    least, most = one.ranges
    ranges = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    decided = f", {one.decided:,} decided by the text" if one.decided else ""
    return f"{one.count:,} of range {ranges}{decided}"
