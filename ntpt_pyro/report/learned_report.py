"""What a person sees of a program that was learned."""

from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.answer import accuracies, print_answer
from ntpt_pyro.report.behaviour_list import print_behaviours
from ntpt_pyro.report.plain_console import print_heading, print_line
from ntpt_pyro.report.program_text import print_believed, print_marginals, print_rows
from ntpt_pyro.runs.answer_words import held_out, how_sure, on_these, restarts_right, right_or_not
from ntpt_pyro.runs.headings import GUIDE, heading_of
from ntpt_pyro.runs.results import LearnedResult
from ntpt_pyro.runs.statistics import success_rate

if TYPE_CHECKING:
    from rich.console import Console


def print_learned(console: "Console", result: LearnedResult, posterior: Posterior, top: int = 0) -> None:
    """Print a program that was learned: first the program, whether it is right, and how sure that is.

    :param console: where to.
    :param result: of the run.
    :param posterior: of its choices.
    :param top: behaviours to list; 0 lists some where there are several.
    """
    print_heading(console, result.task, f", learned from {result.data.get('train', '')}\n")
    print_believed(console, result, posterior)
    print_answer(console, [right_or_not(result), how_sure(result), held_out(result)])
    whose = "the guide" if heading_of(result) == GUIDE else "the posterior"
    print_behaviours(console, result, top, f"what programs drawn from {whose} compute{on_these(result)}")
    print_line(console)
    print_marginals(console, result, posterior)
    print_line(console)
    print_rows(console, figures(result))


def figures(result: LearnedResult) -> dict[str, str]:
    """The figures of a run, a line each: what is added here is shown by every command.

    :param result: of the run.
    :returns: by what it is, the figure in words.
    """
    rows = accuracies(result, "learned from")
    for name, reading in result.readings.items():
        rows[f"{name} on {reading.what}"] = f"{reading.accuracy:.1%}  (it was never shown a label)"
    if result.how is not None:
        rows["search"] = result.how
    elif result.restarts is not None and result.restarts_correct is not None:
        right = restarts_right(result)
        if not result.given_up:
            low, high = success_rate(result.restarts_correct, result.restarts).interval
            right += f", 95% interval {low:.0%} to {high:.0%}"
        searches = "1 search" if result.rounds == 1 else f"{result.rounds} searches"
        rows["restarts right"] = f"{right}, after {searches}"
    if result.lost is not None:
        rows["training on"] = f"lost it ({result.lost:.1%} of those held back); the search's is kept"
    if result.log_evidence is not None:
        count = result.evidence_examples
        of = "" if count is None else ", of 1 example" if count == 1 else f", of {count} examples"
        rows["log-evidence"] = f"lower bound about {result.log_evidence:.1f} nats{of}"
    rows["training"] = f"{result.steps} steps, {result.seconds:.0f} s"
    return rows | result.facts
