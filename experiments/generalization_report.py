"""What a person sees of models of MATH tried on expressions of every length."""

from typing import TYPE_CHECKING

from ntpt_pyro.experiments.generalization_results import Generalization
from ntpt_pyro.experiments.paper import MODEL_NAMES

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = (1, 2, 5, 8, 16, 32, 100)
"""Digits of the expressions that the table of accuracies by length has a column for."""


def print_generalization(console: "Console", found: Generalization) -> None:
    """Print accuracies by length of expression, a table for each kind of input, a model a row.

    :param console: where to.
    :param found: of all models.
    """
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
