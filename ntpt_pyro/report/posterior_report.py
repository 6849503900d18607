"""What a person sees of an exact posterior over programs."""

import math
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.program_text import print_behaviours, print_believed, print_marginals, print_rows
from ntpt_pyro.runs.results import PosteriorResult

if TYPE_CHECKING:
    from rich.console import Console


def print_posterior(console: "Console", result: PosteriorResult, posterior: Posterior) -> None:
    """Print an exact posterior: what programs compute, the most probable one, the marginals of the choices.

    :param console: where to.
    :param result: of the run.
    :param posterior: of the choices.
    """
    from rich.markup import escape

    cost = result.cost
    console.print(
        f"\n[bold]{escape(result.task)}[/], the exact posterior of {cost.programs:,} programs given "
        f"{cost.examples} examples\n"
    )
    print_behaviours(console, result.behaviours, result.domain)
    console.print("\nthe most probable program, and how probable each word of it is")
    print_believed(console, result, posterior)
    console.print()
    print_marginals(console, result, posterior)
    console.print()
    print_rows(console, figures(result))


def figures(result: PosteriorResult) -> dict[str, str]:
    """The figures of an exact posterior, a line each.

    :param result: of the run.
    :returns: by what it is, the figure in words.
    """
    cost, rows = result.cost, dict[str, str]()
    if result.right_behaviours is not None:
        rows["probability that what is computed is right"] = f"{result.right_behaviours:.4g}"
    if result.test_accuracy is not None:
        which = "held-out accuracy" if result.held_out else "accuracy"
        rows[f"{which} of the first program"] = f"{result.test_accuracy:.1%}"
    rows |= {f"the first program on {name}": f"{share:.1%}" for name, share in result.trials.items()}
    rows["log-evidence"] = f"{result.log_evidence:.2f} nats"
    rows["entropy"] = (
        f"{result.entropy:.2f} nats, as of {math.exp(result.entropy):,.0f} programs equally likely"
    )
    rows["probability of programs that were dropped"] = f"at most {result.hidden:.1g}"
    if result.certain_labels and result.settings is not None:
        rows["joint settings of the choices that explain all examples"] = f"{result.settings:,}"
    if result.way:
        rows["found by"] = result.way
    tried = cost.programs * cost.examples
    rate = tried / max(cost.seconds, 1e-3)
    run = f"{min(cost.evaluated / tried, 1):.1%} run"
    rows["programs times examples"] = f"{rate:,.0f} a second, {cost.seconds:.0f} s; {run}"
    return rows | result.facts
