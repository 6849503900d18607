"""Printing a result by its kind: one function a kind, registered here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.report.learned_report import print_learned
from ntpt_pyro.report.posterior_report import print_posterior
from ntpt_pyro.report.program_text import print_source
from ntpt_pyro.report.solved_report import print_solved
from ntpt_pyro.runs.results import LearnedResult, PosteriorResult, ProgramResult, SolvedResult

if TYPE_CHECKING:
    from rich.console import Console

PRINTED: dict[type[ProgramResult], Callable[["Console", Any, Posterior], None]] = {
    LearnedResult: print_learned,
    PosteriorResult: print_posterior,
    SolvedResult: print_solved,
}
"""For each kind of result the function that prints it."""


def print_result(console: "Console", result: ProgramResult, posterior: Posterior) -> None:
    """Print what a run ended with.

    :param console: where to.
    :param result: of the run.
    :param posterior: of its choices.
    """
    PRINTED[type(result)](console, result, posterior)


def ranked(result: ProgramResult, posterior: Posterior, k: int) -> list[tuple[dict[str, int], float]]:
    """The most probable programs of a run.

    :param result: of the run; an exact posterior keeps its programs in it.
    :param posterior: of its choices.
    :param k: how many.
    :returns: programs with their probabilities, the most probable first.
    :raises UsageError: where there are not so many.
    """
    if not isinstance(result, PosteriorResult):
        return posterior.top(k)
    if not 1 <= k <= len(result.programs):
        raise UsageError(
            "top",
            expected=f"a number in 1..{len(result.programs)}, of programs kept",
            got=str(k),
            remedy="ask for fewer",
        )
    return [(one.choices, one.probability) for one in result.programs[:k]]


def print_ranked(
    console: "Console",
    result: ProgramResult,
    programs: Sequence[tuple[dict[str, int], float]],
    lines: Callable[[Program], list[Line]] | None,
) -> None:
    """Print the most probable programs.

    :param console: where to.
    :param result: of the run.
    :param programs: of :func:`ranked`.
    :param lines: the text of a program; None where the task cannot be found any more.
    """
    for rank, (program, probability) in enumerate(programs, start=1):
        console.print(f"\n[bold]{rank}.[/] probability {probability:.4g}")
        written = [Line(f"{site} = {result.word(site, n)}") for site, n in program.items()]
        print_source(console, lines(program) if lines else written)


def print_kept(console: "Console", out: Path | None) -> None:
    """Say where a run is kept.

    :param console: where to.
    :param out: its folder.
    """
    kept = f"kept in {out}" if out is not None else "not kept: give --out FOLDER to keep the run"
    console.print(kept, style="dim", markup=False)
