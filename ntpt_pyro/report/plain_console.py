"""The console of every report: what users call their folders, tasks and words is never markup."""

from shutil import get_terminal_size
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:  # rich draws from Python's random state when it is imported; importing this must not
    from rich.console import Console
    from rich.table import Table

NARROWEST, WIDEST = 40, 1000
"""Columns that are printed at least and at most: in fewer no table can be read, and a terminal breaks lines
by itself."""
USUAL = (80, 24)
"""Columns and lines where there is no terminal that tells."""
FULL, ASCII_FULL = "█", "#"
"""What a bar is made of, and what where it cannot be written."""


def plain_console(file: IO[str] | None = None) -> "Console":
    """A console that prints texts as they are: no markup, no emoji, nothing highlighted.

    :param file: where to; None is standard output.
    :returns: the console, as wide as the terminal, within :data:`NARROWEST` and :data:`WIDEST`.
    """
    from rich.console import Console

    class PlainConsole(Console):
        """Raises where its reader went away; rich would end the process."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    columns, lines = get_terminal_size(USUAL)
    width = min(max(columns, NARROWEST), WIDEST)
    return PlainConsole(file=file, width=width, height=lines, markup=False, emoji=False, highlight=False)


def print_line(console: "Console", line: str = "", *, style: str = "", whole: bool = False) -> None:
    """Print a line as it is, whatever rich might see in it.

    :param console: where to.
    :param line: the line.
    :param style: of rich.
    :param whole: leave a line longer than the console to the terminal: paths and programs can be copied then.
    """
    from rich.text import Text

    console.print(Text(line, style=style), soft_wrap=whole)


def print_heading(console: "Console", title: str, rest: str = "") -> None:
    """Print a line whose beginning stands out, after an empty one.

    :param console: where to.
    :param title: its beginning.
    :param rest: what follows.
    """
    from rich.text import Text

    console.print(Text.assemble("\n", (title, "bold"), rest))


def print_table(console: "Console", table: "Table") -> None:
    """Print a table, its rows without the blanks that fill the last column.

    :param console: where to.
    :param table: the table.
    """
    from rich.segment import Segment, Segments

    printed: list[Segment] = []
    for line in console.render_lines(table, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        if line:
            line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
        printed += [*line, Segment.line()]
    console.print(Segments(printed), end="")


def bar_of(console: "Console") -> str:
    """What a bar is made of.

    :param console: where it is printed.
    :returns: a letter that its encoding has.
    """
    try:
        FULL.encode(console.encoding)
    except (LookupError, UnicodeEncodeError):
        return ASCII_FULL
    return FULL
