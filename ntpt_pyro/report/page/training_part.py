"""How a run was trained: plots of all restarts, and of the choices on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.panels import new_panels, short
from ntpt_pyro.report.page.inline_svg import STAND_INS, inline_svg
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.results import LearnedResult, ProgramResult
from ntpt_pyro.runs.training_drawing import HIGH, Values, draw_choices, draw_restarts

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from markupsafe import Markup
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 10.5, 2.7
"""Inches of a plot."""
MOST_SITES = 40
"""Choices that are drawn."""


@dataclass(frozen=True)
class Plot:
    """A plot.

    :param name: of it, in few words.
    :param says: what it shows.
    :param svg: of it, as the page holds it.
    """

    name: str
    says: str
    svg: "Markup"


@dataclass(frozen=True)
class TrainingPart:
    """The part of the page on training.

    :param lead: what was trained.
    :param plots: of it.
    :param why_not: what cannot be shown, and why.
    """

    lead: str = ""
    plots: list[Plot] = field(default_factory=list)
    why_not: str = ""


def training_of(result: ProgramResult, snapshots: Sequence[Snapshot]) -> TrainingPart:
    """How a run was trained.

    :param result: of the run.
    :param snapshots: that it kept.
    :returns: the contents.
    """
    if not isinstance(result, LearnedResult) or not result.steps:
        return TrainingPart(why_not="Nothing was trained: programs were tried or proved as they are.")
    lead = f"{result.steps:,} training steps in {result.seconds:.0f} s."
    if result.restarts is not None and result.restarts > 1:
        marked = any(len(one.log_likelihoods) > 1 or len(one.accuracies) > 1 for one in snapshots)
        alone = "from the dotted line on the best alone" if marked else "then the best alone"
        lead += f" {result.restarts} programs were trained at once; {alone}."
    if not snapshots:
        return TrainingPart(lead, why_not="The run kept no history of it, so its way cannot be drawn.")
    plots = [*_of_restarts(snapshots), *_of_choices(result, snapshots)]
    missing = "" if plots else "The run's history holds nothing that could be drawn."
    return TrainingPart(lead, plots, missing)


def _of_restarts(snapshots: Sequence[Snapshot]) -> list[Plot]:
    """How well all restarts did."""
    kept = "The blue line is the program that was kept."
    explains = "How well each program explains what it is trained on: log-likelihood of an example, in nats."
    right = "The share of a few examples that each program gets right, of those held back where any are."
    known: list[tuple[str, str, Values]] = [
        ("log-likelihood", explains, lambda one: one.log_likelihoods),
        ("accuracy", right, lambda one: one.accuracies),
    ]
    return [
        _plot(name, f"{says} {kept}", HEIGHT, partial(_draw_restarts, snapshots=snapshots, values=values))
        for name, says, values in known
        if any(map(values, snapshots))
    ]


def _draw_restarts(axes: "Axes", snapshots: Sequence[Snapshot], values: Values) -> None:
    draw_restarts(axes, snapshots, values, colours=STAND_INS)


def _of_choices(result: ProgramResult, snapshots: Sequence[Snapshot]) -> list[Plot]:
    """The choices of the restart that was kept."""
    some = [one for one in snapshots if one.marginals]  # none of choices that were enumerated
    if not some:
        return []
    sites = list(some[0].marginals)
    says = "Each choice of the program that was kept, from probability 0 to 1: blue is what it chose."
    if len(sites) > MOST_SITES:
        says += f" The first {MOST_SITES} of {len(sites)} choices."
    shown = sites[:MOST_SITES]
    height = 0.7 + 0.42 * len(shown)
    draw = partial(_draw_choices, result=result, snapshots=some, sites=shown)
    return [_plot("choices", says, height, draw)]


def _draw_choices(
    axes: "Axes", result: ProgramResult, snapshots: Sequence[Snapshot], sites: Sequence[str]
) -> None:
    """Draw the choices, each with the word for what was chosen at its end."""
    draw_choices(axes, snapshots, result.choices, sites=sites, colours=STAND_INS)
    for row, site in enumerate(sites):
        if site in result.choices:
            axes.annotate(
                short(result.word(site, result.choices[site])),
                (1, row + HIGH / 2),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=STAND_INS.accent,
                parse_math=False,
            )


def _plot(name: str, says: str, height: float, draw: Callable[["Axes"], None]) -> Plot:
    figure, (axes,) = new_panels(WIDTH, height)
    draw(axes)
    return Plot(name, says, inline_svg(figure, name))
