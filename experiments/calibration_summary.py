"""What posteriors claim and how often they are right, summed up and drawn: a part of `calibration`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from ntpt_pyro.experiments.calibration_judge import PRIORS
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.runs.statistics import spread, success_rate

NAMES = {
    "uniform": "every setting as probable",
    "fewest_read": "paying twice for what is read",
    "every_line_counts": "only programs without a dead line",
    "guide": "mean-field guide, of the uniform prior",
}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the trials of one number of examples.

    :param rows: of the trials.
    :returns: of each prior ``exact`` and ``drawn``, and of the guide where there was one.
    """
    found: dict[str, Any] = {
        kind: {prior: _means([row[kind][prior] for row in rows]) for prior in PRIORS}
        for kind in ("exact", "drawn")
    }
    guides = [row["guide"] for row in rows if "guide" in row]
    if guides:
        found["guide"] = _means(guides)
    return found | {"peak_megabytes": max(row["peak_megabytes"] for row in rows)}


def _means(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over some posteriors."""
    means = {
        "claimed": mean(one["claimed"] for one in found),
        "right": success_rate(sum(one["right"] for one in found), len(found)),
        "mass": mean(one["mass"] for one in found),
        "brier": mean((one["claimed"] - one["right"]) ** 2 for one in found),
        "seconds": spread([one["seconds"] for one in found]),
    }
    if "log_score" in found[0]:
        means["log_score"] = mean(one["log_score"] for one in found)
        means["hidden"] = max(one["hidden"] for one in found)
    return means


def draw(found: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Draw what is claimed against how often that is right, by number of examples, a panel a prior.

    :param found: summaries by number of examples, as they were recorded.
    :param file: where to.
    """
    numbers = [int(number) for number in found]
    panels = {prior: [found[str(number)]["exact"][prior] for number in numbers] for prior in PRIORS}
    if all("guide" in one for one in found.values()):
        panels["guide"] = [one["guide"] for one in found.values()]
    figure, places = empty_figure(3.2 * len(panels), 3.4, columns=len(panels))
    for axes, (name, measured) in zip(places, panels.items(), strict=True):
        axes.plot(numbers, [one["claimed"] for one in measured], "o--", color="C3", label="claimed")
        axes.plot(numbers, [one["right"]["rate"] for one in measured], "s-", color="C0", label="right")
        low, high = zip(*(one["right"]["interval"] for one in measured), strict=True)
        axes.fill_between(numbers, low, high, color="C0", alpha=0.15, linewidth=0)
        axes.set_xscale("log", base=2)
        axes.set(xticks=numbers, xticklabels=numbers, ylim=(0, 1.03), xlabel="examples")
        axes.set_title(NAMES[name], loc="left", fontsize=9)
    places[0].set_ylabel("probability")
    places[0].legend(fontsize=8, frameon=False, loc="lower right")
    write_figure(figure, file)
