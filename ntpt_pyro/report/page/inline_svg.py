"""A matplotlib figure as a part of a page, in the page's colours, light or dark."""

from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.panels import Colours, as_svg

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from markupsafe import Markup
    from matplotlib.figure import Figure

STAND_INS = Colours(
    ink="#000000", soft="#020304", line="#030405", accent="#040506", right="#050607", wrong="#060708"
)
"""Colours to draw with, which stand for the page's: matplotlib knows no variables of CSS."""


def inline_svg(figure: "Figure", name: str) -> "Markup":
    """A figure as SVG.

    :param figure: the figure, in the colours :data:`STAND_INS`.
    :param name: of the plot; what the figure defines is named by it, so that a page may hold several.
    :returns: an ``svg`` element.
    """
    from markupsafe import Markup

    text = as_svg(figure, f"{name.replace(' ', '-')}-")
    for part in ("soft", "line", "accent", "right", "wrong"):
        text = text.replace(getattr(STAND_INS, part), f"var(--{part})")
    return Markup(text)
