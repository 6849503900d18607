"""What programs compute, as a list: programs of one behaviour are one answer."""

from typing import TYPE_CHECKING

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.report.plain_console import print_line
from ntpt_pyro.report.program_text import print_source
from ntpt_pyro.runs.results import FoundBehaviour, LearnedResult, PosteriorResult

if TYPE_CHECKING:  # rich draws from Python's random state when it is imported; importing this must not
    from rich.console import Console

BEHAVIOURS = 5
"""What programs compute: so many of the most probable are listed where no number is asked for."""
WRITTEN_OUT = 2
"""Of them so many are shown as programs."""


def print_behaviours(
    console: "Console", result: LearnedResult | PosteriorResult, top: int, title: str
) -> None:
    """Print what programs compute, the most probable first, each with its shortest program.

    :param console: where to.
    :param result: of the run.
    :param top: so many, all with their programs; 0 prints a few, and nothing where there is one.
    :param title: a line above.
    """
    known = result.behaviours
    if len(known) <= 1 and not top:  # it is what the program above computes
        return
    print_line(console, f"\n{title}")
    for place, one in enumerate(known[: top or BEHAVIOURS]):
        print_line(console, _in_words(one, place + 1, result.domain, own=place == result.behaviour))
        if top or place < WRITTEN_OUT:
            print_source(console, one.lines)
    print_few(console, len(known), top)


def print_few(console: "Console", known: int, top: int) -> None:
    """Say so where there are fewer behaviours than were asked for.

    :param console: where to.
    :param known: that a run keeps.
    :param top: that were asked for.
    """
    if known < top:
        print_line(console, f"\n{_count(known, 'behaviour')}: the run keeps no more", style="dim")


def _in_words(one: FoundBehaviour, rank: int, domain: str, *, own: bool) -> str:
    verdict = f", right on {domain}" if one.right else ", wrong" if one.right is False else ""
    programs = "one program" if one.programs == 1 else f"{in_digits(one.programs)} programs"
    above = "" if not own else ", the one above" if one.programs == 1 else ", the one above among them"
    return f"{rank}. probability {one.probability:.4g}, {programs}{above}{verdict}"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"
