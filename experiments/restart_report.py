"""What a person sees of a comparison of strategies: a row a strategy."""

from typing import TYPE_CHECKING

from ntpt_pyro.experiments.restart_results import StrategyComparison

if TYPE_CHECKING:
    from rich.console import Console


def print_restarts(console: "Console", result: StrategyComparison) -> None:
    """Print how often restarts found a right program.

    :param console: where to.
    :param result: of the comparison.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("strategy", "right", "95 %", "at equal cost", "steps", "seconds", "s a success"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for name, one in result.strategies.items():
        low, high = one.right.interval
        equal = one.at_equal_cost
        table.add_row(
            name,
            f"{one.right.successes} of {one.right.trials}",
            f"{low:.0%} to {high:.0%}",
            "-" if equal is None else f"{equal.successes} of {equal.trials}",
            "-" if one.median_steps is None else f"{one.median_steps:.0f}",
            f"{one.seconds:.0f}",
            "-" if one.seconds_a_success is None else f"{one.seconds_a_success:.1f}",
        )
    console.print(table)
    console.print(
        f"equal cost: {result.least_seconds:.0f} s; steps: median of those that succeeded", style="dim"
    )
