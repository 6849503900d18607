"""The drawing of a posterior: a row a choice, a cell an alternative, shaded by its probability."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntpt_pyro.inference.posterior.panels import PLAIN, Colours, new_panels, short

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes

CELL, ROW, BESIDE = 1.05, 0.42, 1.6
"""Inches of a cell and of a row, and of what stands beside the cells at least."""
LETTER = 0.08
"""Inches of a letter of a name."""
LONGEST_WORD = 16
"""Characters of a word that there is room for in a cell."""
MOST_NAMED = 12
"""Alternatives that have room for a word each; of more only the most probable one is named."""
WIDEST = 9.0
"""Inches of the cells where they are not named."""
Words = Callable[[str, int], str]
"""``(site, integer) -> text``, the word for an alternative of a choice."""


def integer_word(site: str, integer: int) -> str:
    """The word for an alternative where none is known: its number.

    :param site: the choice.
    :param integer: the alternative.
    :returns: the number.
    """
    return str(integer)


def size_of(marginals: Mapping[str, npt.NDArray[np.float64]]) -> tuple[float, float]:
    """How large a drawing of marginals is.

    :param marginals: by site ``[size]``.
    :returns: width and height in inches.
    """
    widest = max(map(len, marginals.values()), default=1)
    beside = max(BESIDE, 0.3 + LETTER * max((len(short(site)) for site in marginals), default=0))
    return beside + (CELL * widest if widest <= MOST_NAMED else WIDEST), 0.5 + ROW * max(1, len(marginals))


def draw_marginals(
    axes: "Axes",
    marginals: Mapping[str, npt.NDArray[np.float64]],
    *,
    words: Words = integer_word,
    title: str = "",
    colours: Colours = PLAIN,
) -> None:
    """Draw the marginals of choices: a row a choice, a cell an alternative.

    :param axes: to draw on.
    :param marginals: by site the probability of each integer, ``[size]``.
    :param words: for alternatives.
    :param title: what the probabilities are.
    :param colours: to draw in.
    """
    from matplotlib.colors import to_rgba

    widest = max(map(len, marginals.values()), default=1)
    named = widest <= MOST_NAMED
    for row, (site, probs) in enumerate(marginals.items()):
        filled = [to_rgba(colours.accent, float(np.clip(p, 0, 1))) for p in probs]
        edge = colours.line if named else "none"
        axes.barh(
            [row] * len(probs), 1, 0.86, left=range(len(probs)), color=filled, edgecolor=edge, linewidth=0.8
        )
        best = int(np.argmax(probs))
        for integer in range(len(probs)) if named else [best]:
            word = short(words(site, integer), LONGEST_WORD) if named else short(words(site, integer))
            text = f"{word}{chr(10) if named else ' '}{probs[integer]:.2f}"
            axes.text(
                integer + 0.5 if named else widest + 0.4,
                row,
                text,
                ha="center" if named else "left",
                va="center",
                fontsize=7.5,
                color=colours.ink,
                parse_math=False,  # a $ is a $
                clip_on=False,
            )
    sites = list(marginals)
    axes.set_yticks(range(len(sites)), [*map(short, sites)], family="monospace", parse_math=False)
    axes.tick_params(length=0, labelsize=9, labelcolor=colours.ink)
    right = widest if named else 1.2 * widest
    axes.set(xticks=[], xlim=(0, right), ylim=(max(1, len(sites)) - 0.5, -0.5))
    if title:
        axes.set_title(title, loc="left", fontsize=10, color=colours.ink, parse_math=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def plot_marginals(
    marginals: Mapping[str, npt.NDArray[np.float64]], ax: "Axes | None", *, words: Words, title: str
) -> "Axes":
    """Draw marginals on panels of one's own, or on new ones.

    :param marginals: by site ``[size]``.
    :param ax: the panel to draw on; None makes one, which shows itself in a notebook.
    :param words: for alternatives.
    :param title: what the probabilities are.
    :returns: the panel.
    """
    if ax is None:
        width, height = size_of(marginals)
        _, (ax,) = new_panels(width, height)
    draw_marginals(ax, marginals, words=words, title=title)
    return ax
