"""What a person sees of the paper's experiments: one function a command."""

from typing import TYPE_CHECKING

from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MEASURES, MODEL_NAMES
from ntpt_pyro.report.plain_console import print_line

if TYPE_CHECKING:
    from rich.console import Console

    from ntpt_pyro.experiments.generalization_results import Generalization
    from ntpt_pyro.experiments.lifetime_results import LifetimesSummary
    from ntpt_pyro.experiments.restart_rates import StrategyComparison

SHOWN = (1, 2, 5, 8, 16, 32, 100)
"""Digits of the expressions that the table of accuracies by length has a column for."""


def print_lifelong(console: "Console", summary: "LifetimesSummary") -> None:
    """Print Fig. 7 with the paper's figures beside ours, measures of transfer, right programs."""
    from rich.table import Table

    models = {name: summary.models[name] for name in MODEL_NAMES if name in summary.models}
    tables = [("accuracy", "final accuracy, in % (the paper's)")]
    tables += [(measure, f"{measure.replace('_', ' ')}, in points") for measure in MEASURES]
    for measure, title in tables:
        shown = [m for m, one in models.items() if all(measure in t for t in one.tasks.values())]
        if not shown:
            continue
        print_line(console, f"{title}, mean of {len(summary.seeds)} seed(s)", style="italic")
        table = Table(box=None, pad_edge=False)
        table.add_column("task")
        for model in shown:
            table.add_column(MODEL_NAMES[model], justify="right")
        for task in models[shown[0]].tasks:
            cells = [f"{100 * models[model].tasks[task][measure].mean:.1f}" for model in shown]
            if measure == "accuracy":
                published = [f"{100 * FINAL_ACCURACY[task][model]:.0f}" for model in shown]
                cells = [f"{ours} ({theirs})" for ours, theirs in zip(cells, published, strict=True)]
            table.add_row(task, *cells)
        console.print(table)
        console.print()
    for model, one in models.items():
        right = one.right_programs
        programs = f", {right.successes} of {right.trials} programs right" if right else ""
        read = "".join(f", {net} {100 * share.mean:.1f} %" for net, share in one.readings.items())
        console.print(f"{MODEL_NAMES[model]}: {one.seconds.mean:.0f} s of learning{programs}{read}")


def print_generalization(console: "Console", found: "Generalization") -> None:
    """Print accuracies by length of expression, a table for each kind of input, a model a row."""
    from rich.table import Table

    for what, models in found.inputs.items():
        curves = {model: {point.digits: point.mean for point in one.curve} for model, one in models.items()}
        shown = [digits for digits in SHOWN if any(digits in curve for curve in curves.values())]
        table = Table(box=None, pad_edge=False)
        table.add_column("model", no_wrap=True)
        for digits in shown:
            table.add_column(str(digits), justify="right")
        for model, curve in curves.items():
            cells = [f"{curve[digits]:.1%}" if digits in curve else "-" for digits in shown]
            table.add_row(MODEL_NAMES[model], *cells)
        if curves:
            console.print(f"{what}: accuracy by digits in the expression")
            console.print(table)
    programs = found.inputs["images"].get("ntpt")
    if programs is None:
        return
    right, longest = programs.right_programs, programs.curve[-1]
    if right is not None:
        console.print(f"right programs {right.successes} of {right.trials}")
    for name, accuracy in (programs.readings or {}).items():
        console.print(f"{name} on single symbols {accuracy.mean:.1%}")
    shares = ", ".join(f"{name} {one.mean:.1%}" for name, one in (longest.by_networks or {}).items())
    console.print(f"right at {longest.digits} digits with the readings of {shares}")


def print_restarts(console: "Console", result: "StrategyComparison") -> None:
    """Print how often restarts found a right program, a strategy a row."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("strategy", "right", "95 %", "at equal cost", "steps", "seconds", "s a success"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for name, one in result.strategies.items():
        (low, high), equal = one.right.interval, one.at_equal_cost
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
    cost = f"equal cost: {result.least_seconds:.0f} s; steps: median of those that succeeded"
    console.print(cost, style="dim")
