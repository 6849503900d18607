"""A figure of a run: the marginals of the choices, what programs compute, how the marginals came about."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.report.headings import heading_of
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.results import FoundBehaviour, ProgramResult

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes

NARROWEST = 8.0
"""Inches that programs written in a line need."""
BEHAVIOURS = 8
"""What programs compute: so many of the most probable are drawn."""


def draw_posterior(
    result: ProgramResult, posterior: Posterior, file: Path, *, snapshots: Sequence[Snapshot] = ()
) -> None:
    """Draw the marginals of the choices; below them what programs compute, and how the marginals came about.

    :param result: of the run.
    :param posterior: of the choices.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :param snapshots: of the marginals while they were trained.
    :raises UsageError: where the ending is no format.
    """
    sites = len(posterior.marginals)
    widest = max(len(probs) for probs in posterior.marginals.values())
    shown = result.behaviours[:BEHAVIOURS]
    heights = [0.8 + 0.42 * sites, *([0.7 + 0.4 * len(shown)] if shown else [])]
    snapshots = [one for one in snapshots if one.marginals]  # none of choices that were enumerated
    heights += [0.9 + 0.3 * sites] if snapshots else []
    figure, (axes, *below) = empty_figure(max(NARROWEST if shown else 0.0, 1.5 + 1.1 * widest), *heights)
    if snapshots:
        _draw_snapshots(below.pop(), snapshots)
    _draw_marginals(axes, result, posterior, widest)
    for bars in below:
        _draw_behaviours(bars, shown)
    write_figure(figure, file)


def _draw_marginals(axes: "Axes", result: ProgramResult, posterior: Posterior, widest: int) -> None:
    """A row a choice, a cell an alternative."""
    sites = list(posterior.marginals)
    for row, site in enumerate(sites):
        for column, probability in enumerate(posterior.marginals[site].tolist()):
            axes.barh(row, 1, left=column, color=str(1 - 0.85 * probability), edgecolor="0.8")
            axes.text(
                column + 0.5,
                row,
                f"{result.word(site, column)}\n{probability:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if probability > 0.6 else "black",
                parse_math=False,  # a $ is a $
            )
    axes.set(yticks=range(len(sites)), yticklabels=sites, xticks=[], xlim=(0, widest))
    axes.invert_yaxis()
    axes.set_title(heading_of(result), loc="left")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_behaviours(bars: "Axes", shown: Sequence[FoundBehaviour]) -> None:
    """A bar for what programs compute, with the shortest of them written into it."""
    colours = {True: "C2", False: "C3", None: "0.7"}
    for row, one in enumerate(shown):
        bars.barh(row, one.probability, color=colours[one.right])
        live = (line.text for line in one.lines if not line.dead and not line.text.startswith("#"))
        words = "; ".join(" ".join(line.split()) for line in live)
        text = f"{one.probability:.3g}  {words}"
        label = bars.text(0.01, row, text, va="center", fontsize=7, parse_math=False)
        label.set_in_layout(False)  # a long program runs over the edge, and must not squeeze the rest
    bars.set(xlim=(0, 1), yticks=[])
    bars.invert_yaxis()
    bars.set_title("what programs compute (green: right), the shortest of each", loc="left", fontsize=9)


def _draw_snapshots(axes: "Axes", snapshots: Sequence[Snapshot]) -> None:
    """A heat map: snapshots from left to right, below each other the alternatives of every choice."""
    sites = list(snapshots[0].marginals)
    columns = [[p for site in sites for p in one.marginals[site]] for one in snapshots]
    axes.imshow(list(zip(*columns, strict=True)), aspect="auto", cmap="Greys", vmin=0, vmax=1)
    sizes = [len(snapshots[0].marginals[site]) for site in sites]
    ends = list(accumulate(sizes))
    for end in ends[:-1]:
        axes.axhline(end - 0.5, color="C0", linewidth=0.6)
    marked = range(0, len(snapshots), max(1, len(snapshots) // 6))
    axes.set(
        xticks=list(marked),
        xticklabels=[snapshots[place].step for place in marked],
        yticks=[end - (size + 1) / 2 for end, size in zip(ends, sizes, strict=True)],
        yticklabels=sites,
        xlabel="training step",
    )
    axes.tick_params(labelsize=7)
    axes.set_title("alternatives of each choice while it was trained", loc="left", fontsize=9)
