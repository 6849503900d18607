"""The paper's Figures 6 to 8 from what was measured: pictures, and the numbers behind them."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntpt_pyro._files import write_bytes, write_json
from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MODEL_NAMES
from ntpt_pyro.experiments.schedule import Schedule
from ntpt_pyro.runs.statistics import mean_and_range

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"ntpt": "C0", "mtnn-2": "C3", "mtnn-1": "C1", "pnn": "C2", "indep": "0.5"}
COLOURS |= {"lstm": "C4", "lstm-last": "C1", "neural-gpu": "C2"}
MEASURES = ("backward_transfer", "forgetting", "forward_transfer")
RUG = -0.05
"""Where the marks of presented batches lie, below an accuracy of 0."""

Lifetimes = dict[str, list[dict[str, Any]]]
"""By model a lifetime's result a seed."""
Point = dict[str, Any]
"""Of a curve: batches, and mean, min and max over seeds."""


def draw_figures(lifetimes: Lifetimes, schedule: Schedule, out: Path) -> list[Path]:
    """Draw Fig. 6(a), (b) and (c), each as a picture with its numbers as JSON beside it.

    (a) the schedule, and the first task with the accuracy of ``net_0`` alone; (b) the other ADD2X2 tasks,
    both of programs (solid) and of the best baseline (dashed); (c) all models on the ``left`` tasks. Marks
    below a curve are batches of its task.

    :param lifetimes: what was lived; models that are missing are left out.
    :param schedule: of the lifetimes.
    :param out: the folder to write to.
    :returns: the pictures.
    """
    tasks = schedule.tasks
    pair = [model for model in ("ntpt", "mtnn-2") if model in lifetimes]
    every = [model for model in MODEL_NAMES if model in lifetimes]
    others = [task for task in tasks[1:] if task.startswith("add2x2/")]
    lefts = [task for task in tasks if task.endswith("/left")]
    drawn = []
    for name, panels, models in (
        ("figure-6a", tasks[:1], pair),
        ("figure-6b", others, pair),
        ("figure-6c", lefts, every),
    ):
        if not panels or not models:
            continue
        curves = {task: {model: _curve(lifetimes[model], task) for model in models} for task in panels}
        numbers: dict[str, Any] = {"curves": curves}
        above = 1 if name == "figure-6a" else 0
        figure, axes = _panels(len(panels) + above)
        if above:
            numbers |= {"schedule": schedule.to_json(), "net_0": _readings(lifetimes.get("ntpt", []))}
            _draw_schedule(axes[0], schedule, _batches(lifetimes))
            _draw_readings(axes[1], numbers["net_0"])
        for axis, task in zip(axes[above:], panels, strict=True):
            _draw_task(axis, task, curves[task], _presented(lifetimes, schedule, task))
        axes[above].legend(loc="lower right", fontsize=8, ncols=2)
        axes[-1].set_xlabel("batches")
        drawn.append(_save(figure, numbers, out / name))
    return drawn


def _batches(lifetimes: Lifetimes) -> int:
    return int(next(iter(lifetimes.values()))[0]["options"]["batches"])


def _presented(lifetimes: Lifetimes, schedule: Schedule, task: str) -> list[int]:
    """The positions of a task's batches in the lifetimes of the first seed."""
    seed = next(iter(lifetimes.values()))[0]["seed"]
    names = schedule.draw(_batches(lifetimes), seed)
    return [position for position, name in enumerate(names) if name == task]


def _curve(results: Sequence[dict[str, Any]], task: str) -> list[Point]:
    """A task's accuracy at every look where all seeds have met it: mean and range over seeds."""
    curve = []
    for looks in zip(*(result["looks"] for result in results), strict=True):
        accuracies = [look["accuracy"][task] for look in looks]
        if None not in accuracies:
            curve.append({"batches": looks[0]["batches"], **mean_and_range(accuracies)})
    return curve


def _readings(results: Sequence[dict[str, Any]]) -> list[Point]:
    """How well ``net_0`` reads digits at every look where all seeds have it."""
    found = []
    for looks in zip(*(result["looks"] for result in results), strict=True):
        read = [look["readings"].get("net_0") for look in looks]
        if looks and None not in read:
            found.append({"batches": looks[0]["batches"], **mean_and_range(read)})
    return found


def _panels(count: int, height: float = 2.3) -> tuple["Figure", list["Axes"]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height * count + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])


def _draw_schedule(axis: "Axes", schedule: Schedule, batches: int) -> None:
    times = np.linspace(0, 1, 1001)
    blues, oranges = (
        ["#08519c", "#3182bd", "#6baed6", "#bdd7e7"],
        ["#a63603", "#e6550d", "#fd8d3c", "#fdbe85"],
    )
    left = {"add2x2": iter(blues), "apply2x2": iter(oranges)}
    for task, probabilities in zip(schedule.tasks, schedule.probabilities(times).T, strict=True):
        colour = next(left[task.split("/")[0]])
        axis.fill_between(times * batches, probabilities, color=colour, alpha=0.8, linewidth=0, label=task)
    axis.set(ylim=(0, 1), ylabel="probability", title="schedule")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)


def _draw_readings(axis: "Axes", readings: Sequence[Point]) -> None:
    """The network's own accuracy, which the task's should track (section 6.1)."""
    batches, means = [point["batches"] for point in readings], [point["mean"] for point in readings]
    axis.plot(batches, means, color="0.4", linestyle=":", label="net_0 on digits")


def _draw_task(axis: "Axes", task: str, curves: dict[str, list[Point]], presented: Sequence[int]) -> None:
    axis.plot(presented, [RUG] * len(presented), "|", color="red", alpha=0.4, markersize=5)
    for model, points in curves.items():
        batches = [point["batches"] for point in points]
        low, high = ([point[bound] for point in points] for bound in ("min", "max"))
        axis.fill_between(batches, low, high, color=COLOURS[model], alpha=0.2, linewidth=0)
        axis.plot(
            batches,
            [point["mean"] for point in points],
            color=COLOURS[model],
            linestyle="-" if model == "ntpt" else "--",
            label=MODEL_NAMES[model],
        )
    axis.set(ylim=(2 * RUG, 1.02), ylabel="accuracy", title=task)
    axis.grid(alpha=0.3)


def draw_generalization(found: dict[str, Any], out: Path) -> list[Path]:
    """Draw Fig. 8(a) and (b), each as a picture with its numbers as JSON beside it.

    Accuracy against the digits of an expression, mean and range over seeds; dots are lengths trained on.

    :param found: see :func:`~ntpt_pyro.experiments.generalize.summary`.
    :param out: the folder to write to.
    :returns: the pictures.
    """
    drawn = []
    titles = {"symbols": "(a) symbols given", "images": "(b) images"}
    for what, name in (("symbols", "figure-8a"), ("images", "figure-8b")):
        models = found["inputs"][what]
        if not models:
            continue
        figure, (axis,) = _panels(1, height=4.0)
        for model, one in models.items():
            _draw_lengths(axis, model, one)
        axis.set(ylim=(0, 1.03), xlabel="digits in the expression", ylabel="accuracy", title=titles[what])
        if what == "symbols":
            axis.set_xscale("log", base=2)
            ticks = [1, 2, 4, 8, 16, 32, 64, 100]
            axis.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        axis.grid(alpha=0.3)
        axis.legend(loc="lower left", fontsize=8)
        numbers = {model: {k: one[k] for k in ("trained_on", "curve")} for model, one in models.items()}
        drawn.append(_save(figure, numbers, out / name))
    return drawn


def _draw_lengths(axis: "Axes", model: str, one: dict[str, Any]) -> None:
    """A model's accuracy by length."""
    curve = one["curve"]
    digits, means = [point["digits"] for point in curve], [point["mean"] for point in curve]
    low, high = ([point[bound] for point in curve] for bound in ("min", "max"))
    size = "a program" if one["parameters"] is None else f"{one['parameters']:,} parameters"
    label = f"{MODEL_NAMES[model]} ({size})"
    axis.fill_between(digits, low, high, color=COLOURS[model], alpha=0.2, linewidth=0)
    axis.plot(digits, means, color=COLOURS[model], label=label)
    trained = [(point["digits"], point["mean"]) for point in curve if point["digits"] in one["trained_on"]]
    axis.plot(*zip(*trained, strict=True), "o", color=COLOURS[model])


def _save(figure: "Figure", numbers: dict[str, Any], path: Path) -> Path:
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150)
    picture = path.with_name(f"{path.name}.png")
    write_bytes(picture, content.getvalue())
    write_json(path.with_name(f"{path.name}.json"), numbers)
    return picture


def write_tables(summary: dict[str, Any], out: Path) -> None:
    """Write Fig. 7, and the measures of transfer, as CSV.

    :param summary: see :func:`~ntpt_pyro.experiments.lifelong.summary`.
    :param out: the folder to write to.
    """
    models = [model for model in MODEL_NAMES if model in summary["models"]]
    finals = [["task", "model", "mean", "min", "max", "paper"]]
    transfers = [["task", "model", "measure", "mean", "min", "max"]]
    for model in models:
        for task, measures in summary["models"][model]["tasks"].items():
            final = measures["accuracy"]
            finals.append([task, model, *_numbers(final), str(FINAL_ACCURACY[task][model])])
            for measure in MEASURES:
                if measure in measures:
                    transfers.append([task, model, measure, *_numbers(measures[measure])])
    _write_csv(out / "table-7.csv", finals)
    _write_csv(out / "transfer.csv", transfers)


def _numbers(spread: dict[str, Any]) -> list[str]:
    return [f"{spread[name]:.4f}" for name in ("mean", "min", "max")]


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode())
