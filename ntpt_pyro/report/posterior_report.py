"""What a person sees of an exact posterior over programs."""

import math
from typing import TYPE_CHECKING

from ntpt_pyro.bounds import counted, in_digits
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.answer import accuracies, print_answer
from ntpt_pyro.report.behaviour_list import print_behaviours
from ntpt_pyro.report.plain_console import print_heading, print_line
from ntpt_pyro.report.program_text import print_believed, print_marginals, print_rows
from ntpt_pyro.runs.answer_words import held_out, how_sure, on_these, right_or_not
from ntpt_pyro.runs.results import PosteriorResult

if TYPE_CHECKING:
    from rich.console import Console

MANY = math.log(1e5)
"""Nats: the number of programs of a larger entropy is written as a power of ten."""


def print_posterior(console: "Console", result: PosteriorResult, posterior: Posterior, top: int = 0) -> None:
    """Print an exact posterior: the most probable program, what programs compute, the choices' marginals.

    :param console: where to.
    :param result: of the run.
    :param posterior: of the choices.
    :param top: behaviours to list; 0 lists some where there are several.
    """
    cost = result.cost
    over = f"{in_digits(cost.programs)} programs given {counted(cost.examples, 'example')}"
    print_heading(console, result.task, f", the exact posterior of {over}\n")
    print_believed(console, result, posterior)
    print_answer(console, [right_or_not(result), how_sure(result), held_out(result)])
    print_behaviours(console, result, top, f"what programs compute{on_these(result)}")
    print_line(console)
    print_marginals(console, result, posterior)
    print_line(console)
    print_rows(console, figures(result))


def figures(result: PosteriorResult) -> dict[str, str]:
    """The figures of an exact posterior, a line each.

    :param result: of the run.
    :returns: by what it is, the figure in words.
    """
    cost, rows = result.cost, dict[str, str]()
    if result.right_behaviours is not None:
        rows["probability that what is computed is right"] = (
            f"{result.right_behaviours:.4g}{on_these(result)}"
        )
    rows |= accuracies(result, "found by")
    rows["log-evidence"] = f"{result.log_evidence:.2f} nats"
    rows["entropy"] = f"{result.entropy:.2f} nats, {_equally_likely(result.entropy)}"
    rows["probability of programs that were dropped"] = f"at most {result.hidden:.1g}"
    if result.certain_labels and result.settings is not None:
        rows["joint settings that explain all examples"] = in_digits(result.settings)
        if result.settings != cost.left:
            rows["programs, what they do not read open"] = in_digits(cost.left)
    if result.way:
        rows["found by"] = result.way
    if isinstance(cost.programs, str):
        rows["time"] = f"{cost.seconds:.0f} s"
        return rows | result.facts
    tried = cost.programs * cost.examples
    rate = in_digits(tried * 1000 // max(round(1000 * cost.seconds), 1))
    run = f"{min(cost.evaluated / tried, 1):.1%} run"
    rows["programs times examples"] = f"{rate} a second, {cost.seconds:.0f} s; {run}"
    return rows | result.facts


def _equally_likely(entropy: float) -> str:
    """The number of programs that would have an entropy if all were as likely, in words."""
    if entropy >= MANY:
        return f"as 10^{entropy / math.log(10):,.0f} equally likely"
    number = round(math.exp(entropy))
    return "as one program" if number == 1 else f"as {number:,} equally likely"
