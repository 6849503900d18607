"""Printing a result by its kind: one function a kind, registered here."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntpt_pyro.bounds import check_count, counted
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.report.learned_report import print_learned
from ntpt_pyro.report.plain_console import print_heading, print_line
from ntpt_pyro.report.posterior_report import print_posterior
from ntpt_pyro.report.program_text import print_source
from ntpt_pyro.report.solved_report import print_solved
from ntpt_pyro.runs.results import LearnedResult, PosteriorResult, ProgramResult, SolvedResult

if TYPE_CHECKING:
    from rich.console import Console

Ranked = tuple[dict[str, int], float | None]
"""A program, and how probable it is where that is known."""
PRINTED: dict[type[ProgramResult], Callable[["Console", Any, Posterior, int], None]] = {
    LearnedResult: print_learned,
    PosteriorResult: print_posterior,
    SolvedResult: print_solved,
}
"""For each kind of result the function that prints it."""


def print_result(console: "Console", result: ProgramResult, posterior: Posterior, *, top: int = 0) -> None:
    """Print what a run ended with.

    :param console: where to.
    :param result: of the run.
    :param posterior: of its choices.
    :param top: behaviours to list, each with a program; 0 leaves that to the kind of result.
    """
    PRINTED[type(result)](console, result, posterior, top)


def top_behaviours(result: ProgramResult, k: int) -> list[dict[str, Any]]:
    """What programs of a run compute, as JSON can hold it, the most probable first.

    :param result: of the run.
    :param k: how many at most.
    :returns: by what :class:`~ntpt_pyro.runs.results.FoundBehaviour` has; of a solver, which does not know
        how probable a program is, the result's own program and the others.
    """
    if isinstance(result, SolvedResult):
        unknown = {"probability": None, "programs": None}
        kept = [(result.choices, result.program_correct, result.lines)]
        kept += [(one.choices, None, one.lines) for one in result.others]
        found = [
            {"choices": choices, **unknown, "right": right, "lines": [asdict(line) for line in lines]}
            for choices, right, lines in kept
        ]
    else:
        found = [asdict(one) for one in result.behaviours]
    return found[:k]


def ranked(result: ProgramResult, posterior: Posterior, k: int) -> Sequence[Ranked]:
    """The most probable single programs of a run; many of them may compute the same.

    :param result: of the run; an exact posterior keeps its programs in it.
    :param posterior: of its choices.
    :param k: how many at most.
    :returns: programs with their probabilities, where these are known, the most probable first.
    :raises UsageError: where less than one is asked for.
    """
    check_count("--programs", k, at_least=1)
    if isinstance(result, LearnedResult):
        return posterior.top(min(k, posterior.programs()))
    kept: list[Ranked] = []
    if isinstance(result, PosteriorResult):
        kept += [(one.choices, one.probability) for one in result.programs]
    if isinstance(result, SolvedResult):  # a solver does not know how probable a program is
        kept += [(result.choices, None), *((one.choices, None) for one in result.others)]
    return kept[:k]


def print_ranked(
    console: "Console",
    result: ProgramResult,
    programs: Sequence[Ranked],
    lines: Callable[[Program], list[Line]] | None,
) -> None:
    """Print the most probable programs.

    :param console: where to.
    :param result: of the run.
    :param programs: of :func:`ranked`.
    :param lines: the text of a program; None where the task cannot be found any more.
    """
    for rank, (program, probability) in enumerate(programs, start=1):
        known = "" if probability is None else f" probability {probability:.4g}"
        print_heading(console, f"{rank}.", known)
        written = [Line(f"{site} = {result.word(site, n)}") for site, n in program.items()]
        print_source(console, lines(program) if lines else written)


def print_few(console: "Console", result: ProgramResult, programs: Sequence[Ranked], k: int) -> None:
    """Say so where there are fewer programs than were asked for.

    :param console: where to.
    :param result: of the run.
    :param programs: of :func:`ranked`.
    :param k: how many were asked for.
    """
    if len(programs) < k:
        count = counted(len(programs), "program")
        no_more = "there are no more" if isinstance(result, LearnedResult) else "the run keeps no more"
        print_line(console, f"\n{count}: {no_more}", style="dim")


def print_kept(console: "Console", out: Path | None) -> None:
    """Say where a run is kept, and what shows it.

    :param console: where to.
    :param out: its folder.
    """
    kept = "not kept: give --out FOLDER to keep the run"
    if out is not None:
        kept = f"kept in {out}: ntpt show {shlex.quote(str(out))}"
    print_line(console, kept, style="dim", whole=True)
