"""The drawing of a run: marginals of its choices, what programs compute, the course of its training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.panels import PLAIN, Colours, new_panels, plain, short
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.posterior.posterior_drawing import draw_marginals, size_of
from ntpt_pyro.runs.headings import heading_of
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.results import FoundBehaviour, ProgramResult
from ntpt_pyro.runs.training_drawing import Values, draw_choices, draw_restarts

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROWEST = 8.0
"""Inches that programs written in a line, and courses of a training, need."""
BEHAVIOURS = 8
"""What programs compute: so many of the most probable are drawn."""
LONGEST = 200
"""Characters of a program that is written into a bar, more than there is room for."""
COURSE = 1.9
"""Inches of the course of a number."""
SHARE = "share of a few examples that each program gets right, of those held back where any are"
"""What is said of the accuracies of restarts."""
Draw = Callable[["Axes"], None]


@dataclass(frozen=True)
class _Panel:
    """A panel of a drawing: its height in inches, what it shows, and what draws it."""

    height: float
    title: str
    draw: Draw


def draw_run(
    result: ProgramResult,
    posterior: Posterior,
    snapshots: Sequence[Snapshot] = (),
    *,
    colours: Colours = PLAIN,
) -> "tuple[Figure, list[Axes]]":
    """Draw a run: what there is of it, one below the other.

    :param result: of the run.
    :param posterior: of its choices.
    :param snapshots: of its training; none leave out the course of it.
    :param colours: to draw in.
    :returns: the figure, and its panels from top to bottom.
    """
    shown, marginals = result.behaviours[:BEHAVIOURS], posterior.numpy()
    width, height = size_of(marginals)
    panels = [
        _Panel(
            height,
            heading_of(result),
            lambda axes: draw_marginals(axes, marginals, words=result.word, colours=colours),
        )
    ]
    if shown:
        title = "what programs compute (green: right), the shortest of each"
        height = 0.5 + 0.4 * len(shown)
        panels.append(_Panel(height, title, lambda axes: draw_behaviours(axes, shown, colours=colours)))
    panels += courses(result, snapshots, colours=colours)
    narrowest = NARROWEST if len(panels) > 1 else 0.0
    figure, below = new_panels(max(width, narrowest), *(one.height for one in panels))
    for axes, panel in zip(below, panels, strict=True):
        panel.draw(axes)
        axes.set_title(panel.title, loc="left", fontsize=10, color=colours.ink)
    return figure, below


def courses(
    result: ProgramResult, snapshots: Sequence[Snapshot], *, colours: Colours = PLAIN
) -> list[_Panel]:
    """The course of a training, as far as it was kept: how well restarts did, and the choices.

    :param result: of the run.
    :param snapshots: of its training.
    :param colours: to draw in.
    :returns: panels.
    """
    found = []
    for title, values in (
        ("log-likelihood of a training example in each restart, in nats", _log_likelihoods),
        (SHARE, _accuracies),
    ):
        if any(map(values, snapshots)):
            found.append(_Panel(COURSE, title, _restarts_drawn(snapshots, values, colours)))
    some = [one for one in snapshots if one.marginals]  # none of choices that were enumerated
    if some:
        height = 0.7 + 0.34 * len(some[0].marginals)
        title = "probability of each choice's alternatives, 0 to 1 in its row; bold: what the program says"
        found.append(
            _Panel(height, title, lambda axes: draw_choices(axes, some, result.choices, colours=colours))
        )
    return found


def _log_likelihoods(one: Snapshot) -> Sequence[float]:
    return one.log_likelihoods


def _accuracies(one: Snapshot) -> Sequence[float]:
    return one.accuracies


def _restarts_drawn(snapshots: Sequence[Snapshot], values: Values, colours: Colours) -> Draw:
    return lambda axes: draw_restarts(axes, snapshots, values, colours=colours)


def draw_behaviours(axes: "Axes", shown: Sequence[FoundBehaviour], *, colours: Colours = PLAIN) -> None:
    """Draw a bar for what programs compute, with the shortest of them written into it.

    :param axes: to draw on.
    :param shown: what they compute, the most probable first.
    :param colours: to draw in.
    """
    filled = {True: colours.right, False: colours.wrong, None: colours.soft}
    for row, one in enumerate(shown):
        axes.barh(row, one.probability, color=filled[one.right], alpha=0.6)
        live = (line.text for line in one.lines if not line.dead and not line.text.startswith("#"))
        words = "; ".join(" ".join(line.split()) for line in live)
        text = f"{one.probability:.3g}  {short(words, LONGEST)}"
        label = axes.text(
            0.01, row, text, va="center", fontsize=8, color=colours.ink, parse_math=False, clip_on=True
        )
        label.set_in_layout(False)  # a long program runs over the edge, and must not squeeze the rest
    axes.set(xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5), yticks=[])
    plain(axes, colours)
