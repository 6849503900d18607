"""A program as a person reads it: its text, how probable each word is, the marginals of its choices."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line
from ntpt_pyro.report.plain_console import bar_of, print_line, print_table
from ntpt_pyro.runs.headings import heading_of
from ntpt_pyro.runs.results import ProgramResult

if TYPE_CHECKING:  # rich draws from Python's random state when it is imported; importing this must not
    from rich.console import Console
    from rich.text import Text

BAR, SHORTEST_BAR = 20, 4
"""Characters of a full bar, and of one that is worth drawing."""
NUMBERS = 22
"""Columns that a table of marginals has beside names and bars."""
BELIEF = 24
"""Columns that what stands beside a line needs at least."""
ROOM = 30
"""Columns beside names in which a figure that is too long for one line goes on below itself."""
SURE = 0.9
"""Words of a program that are less probable are shown with what else might stand there."""


def print_source(console: "Console", lines: Sequence[Line]) -> None:
    """Print the text of a program, dead lines dimmed.

    :param console: where to.
    :param lines: of the text.
    """
    for line in lines:
        print_line(console, "    " + str(line), style="dim" if line.dead else "bold", whole=True)


def print_believed(console: "Console", result: ProgramResult, posterior: Posterior) -> None:
    """Print a program, with each live line how probable its words are, and what else might stand there.

    :param console: where to.
    :param result: whose program it is.
    :param posterior: of its choices.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    widest = max((len(str(line)) for line in result.lines), default=0) + 4
    beside = widest + BELIEF <= console.width
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for line in result.lines:
        belief = _belief(result, posterior, () if line.dead else line.sites)
        if beside:
            table.add_row(Text("    " + str(line), style="dim" if line.dead else "bold"), belief)
            continue
        print_source(console, [line])
        if belief:
            console.print(Padding(belief, (0, 0, 0, 8), expand=False))
    print_table(console, table)


def _belief(result: ProgramResult, posterior: Posterior, sites: Sequence[str]) -> "Text":
    """How probable the words of a line are."""
    from rich.text import Text

    words, program = Text(), result.choices
    least = min((float(posterior.marginals[site][program[site]]) for site in sites), default=0.0)
    if least >= SURE:  # a number for the line says it all
        words.append(f"{least:.2f}", style=_shade(least))
        return words
    for number, site in enumerate(sites):
        probs = posterior.marginals[site]
        said = float(probs[program[site]])
        name = f"{result.word(site, program[site])}: " if len(sites) > 1 else ""  # else the line says it
        words.append(f"{'  ' if number else ''}{name}{said:.2f}", style=_shade(said))
        rest = probs.clone()
        rest[program[site]] = 0
        if said < SURE and float(rest.max()) > 0:
            other = int(rest.argmax())
            words.append(f" (or {result.word(site, other)}: {float(rest[other]):.2f})", style="dim")
    return words


def _shade(probability: float) -> str:
    """The colour of a word by its probability."""
    return "green" if probability >= SURE else "yellow" if probability >= SURE / 2 else "red"


def print_marginals(console: "Console", result: ProgramResult, posterior: Posterior) -> None:
    """Print the most probable alternative of each choice by itself.

    :param console: where to; where names are long the bars are shorter, and names go on in a second line.
    :param result: whose program it is.
    :param posterior: of its choices.
    """
    from rich.table import Table
    from rich.text import Text

    best = {site: int(probs.argmax()) for site, probs in posterior.marginals.items()}
    words = {site: result.word(site, place) for site, place in best.items()}
    names = [max(map(len, ["choice", *words])), max(map(len, ["most probable", *words.values()]))]
    bar = min(BAR, console.width - sum(names) - NUMBERS)
    print_line(console, heading_of(result), style="italic")
    table = Table(box=None, pad_edge=False)
    table.add_column("choice", overflow="fold")
    table.add_column("most probable", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    if bar >= SHORTEST_BAR:
        table.add_column("", no_wrap=True)
    table.add_column("entropy", justify="right", no_wrap=True)
    entropies = posterior.entropies()
    for site, probs in posterior.marginals.items():
        probability = float(probs[best[site]])
        bars = [bar_of(console) * round(bar * probability)] if bar >= SHORTEST_BAR else []
        cells = [words[site], f"{probability:.3f}", *bars, f"{abs(entropies[site]):.3f}"]
        table.add_row(*map(Text, [site, *cells]))
    print_table(console, table)


def print_rows(console: "Console", rows: Mapping[str, str]) -> None:
    """Print figures, a line each, in one column; what is too long for a line goes on below.

    :param console: where to.
    :param rows: by what it is, the figure in words.
    """
    width = max(map(len, rows), default=0) + 2
    indent = width if console.width - width >= ROOM else 4
    for name, value in rows.items():
        line = f"{name:<{width}}{value}"
        parts = wrap(line, console.width, subsequent_indent=" " * indent, break_on_hyphens=False)
        for part in parts:
            print_line(console, part, whole=True)
