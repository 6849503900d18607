"""The paper's Figures 6 to 8 from what was measured: pictures, and the numbers behind them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntpt_pyro._files import write_bytes, write_json
from ntpt_pyro.experiments.generalization_results import Generalization, ModelByLength
from ntpt_pyro.experiments.lifetime_results import Lifetime, Lifetimes, LifetimesSummary
from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MEASURES, MODEL_NAMES
from ntpt_pyro.experiments.schedule import Schedule
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.runs.statistics import Ranged, mean_and_range

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"ntpt": "C0", "mtnn-2": "C3", "mtnn-1": "C1", "pnn": "C2", "indep": "0.5"}
COLOURS |= {"lstm": "C4", "lstm-last": "C1", "neural-gpu": "C2"}
RUG = -0.05
"""Where the marks of presented batches lie, below an accuracy of 0."""


@dataclass(frozen=True)
class CurvePoint(Ranged):
    """A point of a curve over a lifetime: mean and range over seeds after so many batches."""

    batches: int


def draw_figures(lifetimes: Lifetimes, schedule: Schedule, out: Path) -> None:
    """Draw Fig. 6(a), (b) and (c), each as a picture with its numbers as JSON beside it.

    (a) the schedule, and the first task with the accuracy of ``net_0`` alone; (b) the other ADD2X2 tasks, of
    programs (solid) and the best baseline; (c) all models on the ``left`` tasks. Marks are a task's batches.

    :param lifetimes: by model a lifetime a seed; models that are missing are left out.
    :param schedule: of the lifetimes.
    :param out: the folder to write to.
    """
    tasks = schedule.tasks
    pair = [model for model in ("ntpt", "mtnn-2") if model in lifetimes]
    every = [model for model in MODEL_NAMES if model in lifetimes]
    others = [task for task in tasks[1:] if task.startswith("add2x2/")]
    lefts = [task for task in tasks if task.endswith("/left")]
    wanted = {"figure-6a": (tasks[:1], pair), "figure-6b": (others, pair), "figure-6c": (lefts, every)}
    for name, (panels, models) in wanted.items():
        if not panels or not models:
            continue
        curves = {task: {model: _curve(lifetimes[model], task) for model in models} for task in panels}
        numbers: dict[str, Any] = {"curves": curves}
        above = 1 if name == "figure-6a" else 0
        figure, axes = _panels(len(panels) + above)
        if above:
            read = _curve(lifetimes.get("ntpt", []), "net_0")  # the task's accuracy should track it (6.1)
            numbers |= {"schedule": schedule.to_json(), "net_0": read}
            _draw_schedule(axes[0], schedule, _batches(lifetimes))
            batches, means = [point.batches for point in read], [point.mean for point in read]
            axes[1].plot(batches, means, color="0.4", linestyle=":", label="net_0 on digits")
        for axis, task in zip(axes[above:], panels, strict=True):
            _draw_task(axis, task, curves[task], _presented(lifetimes, schedule, task))
        axes[above].legend(loc="lower right", fontsize=8, ncols=2)
        axes[-1].set_xlabel("batches")
        _save(figure, numbers, out / name)


def _batches(lifetimes: Lifetimes) -> int:
    return next(iter(lifetimes.values()))[0].looks[-1].batches


def _presented(lifetimes: Lifetimes, schedule: Schedule, task: str) -> list[int]:
    """The positions of a task's batches in the lifetimes of the first seed."""
    names = schedule.draw(_batches(lifetimes), next(iter(lifetimes.values()))[0].seed)
    return [position for position, name in enumerate(names) if name == task]


def _curve(lifetimes: Sequence[Lifetime], name: str) -> list[CurvePoint]:
    """The accuracy of a task, or of a network, at every snapshot where all seeds have one."""
    curve = []
    for snapshots in zip(*(one.looks for one in lifetimes), strict=True):
        found = [one.accuracy.get(name, one.readings.get(name)) for one in snapshots]
        values = [value for value in found if value is not None]
        if len(values) == len(lifetimes):
            curve.append(CurvePoint(**vars(mean_and_range(values)), batches=snapshots[0].batches))
    return curve


def _panels(count: int) -> tuple["Figure", list["Axes"]]:
    """Panels with one axis of batches for all of them."""
    figure, axes = empty_figure(8, *[2.5] * count)
    for axis in axes[:-1]:
        axis.sharex(axes[-1])
        axis.tick_params(labelbottom=False)
    return figure, axes


def _draw_schedule(axis: "Axes", schedule: Schedule, batches: int) -> None:
    times = np.linspace(0, 1, 1001)
    left = {
        "add2x2": iter(["#08519c", "#3182bd", "#6baed6", "#bdd7e7"]),
        "apply2x2": iter(["#a63603", "#e6550d", "#fd8d3c", "#fdbe85"]),
    }
    for task, probabilities in zip(schedule.tasks, schedule.probabilities(times).T, strict=True):
        colour = next(left[task.split("/")[0]])
        axis.fill_between(times * batches, probabilities, color=colour, alpha=0.8, linewidth=0, label=task)
    axis.set(ylim=(0, 1), ylabel="probability", title="schedule")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)


def _draw_task(
    axis: "Axes", task: str, curves: Mapping[str, Sequence[CurvePoint]], presented: Sequence[int]
) -> None:
    axis.plot(presented, [RUG] * len(presented), "|", color="red", alpha=0.4, markersize=5)
    for model, points in curves.items():
        batches = [point.batches for point in points]
        style = "-" if model == "ntpt" else "--"
        _draw_ranged(axis, batches, points, color=COLOURS[model], linestyle=style, label=MODEL_NAMES[model])
    axis.set(ylim=(2 * RUG, 1.02), ylabel="accuracy", title=task)
    axis.grid(alpha=0.3)


def _draw_ranged(
    axis: "Axes", x: Sequence[int], points: Sequence[Ranged], *, color: str, **line: str
) -> None:
    """A line of means in the band of their ranges."""
    low, high = [point.min for point in points], [point.max for point in points]
    axis.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    axis.plot(x, [point.mean for point in points], color=color, **line)  # type: ignore[arg-type]  # no numbers


def draw_generalization(found: Generalization, out: Path) -> None:
    """Draw Fig. 8(a) and (b), each as a picture with its numbers as JSON beside it.

    Accuracy against the digits of an expression, mean and range over seeds; dots are lengths trained on.

    :param found: the models.
    :param out: the folder to write to.
    """
    titles = {"symbols": "(a) symbols given", "images": "(b) images"}
    for what, name in (("symbols", "figure-8a"), ("images", "figure-8b")):
        models = found.inputs[what]
        if not models:
            continue
        figure, (axis,) = empty_figure(8, 4.6)
        for model, one in models.items():
            _draw_lengths(axis, model, one)
        axis.set(ylim=(0, 1.03), xlabel="digits in the expression", ylabel="accuracy", title=titles[what])
        if what == "symbols":
            axis.set_xscale("log", base=2)
            ticks = [1, 2, 4, 8, 16, 32, 64, 100]
            axis.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        axis.grid(alpha=0.3)
        axis.legend(loc="lower left", fontsize=8)
        curves = {model: {"trained_on": one.trained_on, "curve": one.curve} for model, one in models.items()}
        _save(figure, curves, out / name)


def _draw_lengths(axis: "Axes", model: str, one: ModelByLength) -> None:
    """A model's accuracy by length."""
    size = "a program" if one.parameters is None else f"{one.parameters:,} parameters"
    digits, colour = [point.digits for point in one.curve], COLOURS[model]
    _draw_ranged(axis, digits, one.curve, color=colour, label=f"{MODEL_NAMES[model]} ({size})")
    trained = [(point.digits, point.mean) for point in one.curve if point.digits in one.trained_on]
    axis.plot(*zip(*trained, strict=True), "o", color=colour)


def _save(figure: "Figure", numbers: Mapping[str, Any], path: Path) -> None:
    from pydantic_core import to_jsonable_python

    write_figure(figure, path.with_suffix(".png"))
    write_json(path.with_suffix(".json"), to_jsonable_python(numbers))


def write_tables(summary: LifetimesSummary, out: Path) -> None:
    """Write Fig. 7, and the measures of transfer, as CSV.

    :param summary: of the lifetimes.
    :param out: the folder to write to.
    """
    finals = [["task", "model", "mean", "min", "max", "paper"]]
    transfers = [["task", "model", "measure", "mean", "min", "max"]]
    for model in (name for name in MODEL_NAMES if name in summary.models):
        for task, found in summary.models[model].tasks.items():
            finals.append([task, model, *_numbers(found["accuracy"]), str(FINAL_ACCURACY[task][model])])
            known = [measure for measure in MEASURES if measure in found]
            transfers += [[task, model, measure, *_numbers(found[measure])] for measure in known]
    _write_csv(out / "table-7.csv", finals)
    _write_csv(out / "transfer.csv", transfers)


def _numbers(measure: Ranged) -> list[str]:
    return [f"{value:.4f}" for value in (measure.mean, measure.min, measure.max)]


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode())
