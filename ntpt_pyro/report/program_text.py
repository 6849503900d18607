"""A program as a person reads it: its text, how probable each word is, the marginals of its choices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line
from ntpt_pyro.runs.results import FoundBehaviour, ProgramResult

if TYPE_CHECKING:  # rich draws from Python's random state when it is imported; importing this must not
    from rich.console import Console
    from rich.text import Text

BAR = 20
"""Characters of a full bar."""
SURE = 0.9
"""Words of a program that are less probable are shown with what else might stand there."""
BEHAVIOURS = 5
"""What programs compute: so many of the most probable are listed."""
WRITTEN_OUT = 2
"""Of them so many are shown as programs."""


def print_source(console: "Console", lines: Sequence[Line]) -> None:
    """Print the text of a program, dead lines dimmed.

    :param console: where to.
    :param lines: of the text.
    """
    from rich.text import Text

    for line in lines:
        console.print(Text("    " + str(line), style="dim" if line.dead else "bold"))


def print_believed(console: "Console", result: ProgramResult, posterior: Posterior) -> None:
    """Print a program, beside each live line how probable its words are, and what else might stand there.

    :param console: where to.
    :param result: whose program it is.
    :param posterior: of its choices.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for line in result.lines:
        said_by = () if line.dead else line.sites
        text = Text("    " + str(line), style="dim" if line.dead else "bold")
        table.add_row(text, _belief(result, posterior, said_by))
    console.print(table)


def _belief(result: ProgramResult, posterior: Posterior, sites: Sequence[str]) -> "Text":
    """How probable the words of a line are."""
    from rich.text import Text

    words, program = Text(), result.choices
    least = min((float(posterior.marginals[site][program[site]]) for site in sites), default=0.0)
    if least >= SURE:  # a number for the line says it all
        words.append(f"{least:.2f}", style=_shade(least))
        return words
    for site in sites:
        probs = posterior.marginals[site]
        said = float(probs[program[site]])
        words.append(f"{result.word(site, program[site])} {said:.2f}", style=_shade(said))
        rest = probs.clone()
        rest[program[site]] = 0
        if said < SURE and float(rest.max()) > 0:
            other = int(rest.argmax())
            words.append(f" (or {result.word(site, other)} {float(rest[other]):.2f})", style="dim")
        words.append("  ")
    return words


def _shade(probability: float) -> str:
    """The colour of a word by its probability."""
    return "green" if probability >= SURE else "yellow" if probability >= SURE / 2 else "red"


def print_marginals(console: "Console", result: ProgramResult, posterior: Posterior) -> None:
    """Print the most probable alternative of each choice by itself.

    :param console: where to.
    :param result: whose program it is.
    :param posterior: of its choices.
    """
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="posterior of the choices", title_justify="left", box=None, pad_edge=False)
    table.add_column("choice")
    table.add_column("most probable")
    table.add_column("probability", justify="right")
    table.add_column("")
    table.add_column("entropy", justify="right")
    entropies = posterior.entropies()
    for site, probs in posterior.marginals.items():
        best = int(probs.argmax())
        probability = float(probs[best])
        table.add_row(
            escape(site),
            escape(result.word(site, best)),
            f"{probability:.3f}",
            "█" * round(BAR * probability),
            f"{abs(entropies[site]):.3f}",
        )
    console.print(table)


def print_behaviours(console: "Console", behaviours: Sequence[FoundBehaviour], domain: str) -> None:
    """Print what programs compute, the most probable first, and the first of them as programs.

    :param console: where to.
    :param behaviours: the most probable first.
    :param domain: what programs are judged on, in words.
    """
    from rich.markup import escape

    for rank, one in enumerate(behaviours[:BEHAVIOURS], start=1):
        verdict = f", right on {escape(domain)}" if one.right else ""
        programs = "one program" if one.programs == 1 else f"{one.programs:,} programs that compute it"
        console.print(f"[bold]{rank}.[/] probability {one.probability:.4g}, {programs}{verdict}")
        if rank <= WRITTEN_OUT:
            print_source(console, one.lines)


def print_rows(console: "Console", rows: Mapping[str, str]) -> None:
    """Print figures, a line each, in one column.

    :param console: where to.
    :param rows: by what it is, the figure in words.
    """
    width = max(map(len, rows), default=0) + 2
    for name, value in rows.items():
        console.print(f"{name:<{width}}{value}", markup=False)
