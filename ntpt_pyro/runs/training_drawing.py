"""Drawings of a training: how well restarts did on its way, and the choices of the one that was kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.panels import PLAIN, Colours, plain, short
from ntpt_pyro.runs.history import Snapshot

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes

THIN, THICK = 0.8, 2.2
"""Widths of lines, of restarts in general and of the one that was kept."""
HIGH = 0.78
"""Of a row of choices, the part that is from probability 0 to 1."""
Points = list[tuple[int, float]]
"""Of a line: training steps, and values at them."""
Values = Callable[[Snapshot], Sequence[float]]
"""Of a snapshot a value for each restart; none where they are not known there."""


def draw_restarts(
    axes: "Axes", snapshots: Sequence[Snapshot], values: Values, *, colours: Colours = PLAIN
) -> None:
    """Draw a line for each restart, that of the kept one in front.

    :param axes: to draw on.
    :param snapshots: of the training, at least one with values.
    :param values: of a snapshot, one a restart.
    :param colours: to draw in.
    """
    kept, others = restart_lines(snapshots, values)
    for line in others:
        axes.plot(*zip(*line, strict=True), color=colours.soft, linewidth=THIN, alpha=0.55)
    marker = "o" if len(kept) == 1 else ""
    axes.plot(*zip(*kept, strict=True), color=colours.accent, linewidth=THICK, marker=marker)
    _mark_search(axes, snapshots, colours)


def restart_lines(snapshots: Sequence[Snapshot], values: Values) -> tuple[Points, list[Points]]:
    """The lines of restarts.

    :param snapshots: of the training.
    :param values: of a snapshot, one a restart.
    :returns: the line of the restart that was kept, and those of the others.
    """
    kept, others = Points(), dict[int, Points]()
    for one in snapshots:
        found = values(one)  # none between two looks
        for restart, value in zip(one.restarts or range(len(found)), found, strict=bool(found)):
            if restart == (one.best or 0):
                kept.append((one.step, value))
            else:
                others.setdefault(restart, []).append((one.step, value))
    return kept, list(others.values())


def draw_choices(
    axes: "Axes",
    snapshots: Sequence[Snapshot],
    program: Mapping[str, int],
    *,
    sites: Sequence[str] | None = None,
    colours: Colours = PLAIN,
) -> None:
    """Draw a row for each choice: a line for each alternative, from probability 0 to 1.

    :param axes: to draw on.
    :param snapshots: of one restart, at least one.
    :param program: its alternatives are in front.
    :param sites: the choices, from top to bottom; None draws all.
    :param colours: to draw in.
    """
    steps = [one.step for one in snapshots]
    sites = list(snapshots[0].marginals) if sites is None else sites
    for row, site in enumerate(sites):
        courses = list(zip(*(one.marginals[site] for one in snapshots), strict=True))
        for bound in (row, row + HIGH):
            axes.plot([0, steps[-1]], [bound, bound], color=colours.line, linewidth=0.6)
        for integer, course in enumerate(courses):
            mine = integer == program.get(site)
            heights = [row + HIGH * (1 - float(p)) for p in course]
            colour, width = (colours.accent, THICK) if mine else (colours.soft, THIN)
            axes.plot(steps, heights, color=colour, linewidth=width, zorder=3 if mine else 2)
    axes.set_ylim(len(sites), -0.2)
    middles = [row + HIGH / 2 for row in range(len(sites))]
    axes.set_yticks(middles, [*map(short, sites)], family="monospace", parse_math=False)
    _mark_search(axes, snapshots, colours)
    axes.spines["left"].set_visible(False)


def _mark_search(axes: "Axes", snapshots: Sequence[Snapshot], colours: Colours) -> None:
    """Steps to scale, and where the search ended: from there the restart that was kept was trained alone."""
    of_many = [one.step for one in snapshots if len(one.log_likelihoods) > 1 or len(one.accuracies) > 1]
    if of_many and of_many[-1] < snapshots[-1].step:
        axes.axvline(of_many[-1], color=colours.soft, linewidth=1, linestyle=(0, (2, 3)))
    axes.set_xlim(0, snapshots[-1].step)
    plain(axes, colours)
    axes.set_xlabel("training step", color=colours.soft, fontsize=9)
