"""What a person sees of lifetimes: Fig. 7 with the paper's figures beside ours, transfer, right programs."""

from typing import TYPE_CHECKING

from ntpt_pyro.experiments.lifetime_results import LifetimesSummary
from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MEASURES, MODEL_NAMES

if TYPE_CHECKING:
    from rich.console import Console


def print_lifelong(console: "Console", summary: LifetimesSummary) -> None:
    """Print lifetimes, a table a measure, a task a row, a model a column.

    :param console: where to.
    :param summary: of the lifetimes.
    """
    from rich.table import Table

    models = {name: summary.models[name] for name in MODEL_NAMES if name in summary.models}
    tables = [("accuracy", "final accuracy, in % (the paper's)")]
    tables += [(measure, f"{measure.replace('_', ' ')}, in points") for measure in MEASURES]
    for measure, title in tables:
        shown = [m for m, one in models.items() if all(measure in t for t in one.tasks.values())]
        if not shown:
            continue
        console.print(f"[italic]{title}, mean of {len(summary.seeds)} seed(s)[/]")
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
