"""Panels to draw on that need no window: in a notebook they show themselves, and a page holds them as SVG.

No figure here is one of pyplot's: nothing is shown, kept open or made current. Black stands for the colour of
the text around, so that a drawing can be read on white and on black.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

from ntpt_pyro.errors import printable

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Colours:
    """What is drawn in which colour.

    :param ink: of names and numbers.
    :param soft: of what is beside the point.
    :param line: of lines that divide.
    :param accent: of what counts; black and white text can both be read on it.
    :param right: of what is right.
    :param wrong: of what is wrong.
    """

    ink: str = "#000000"
    soft: str = "#808080"
    line: str = "#80808080"
    accent: str = "#3d85c6"
    right: str = "#2a9d70"
    wrong: str = "#d9603b"


PLAIN = Colours()
"""The colours where nothing is said."""
LONGEST = 40
"""Characters of a name that there is room for beside a drawing."""


def short(text: str, most: int = LONGEST) -> str:
    r"""A text as a drawing has room for it, in one line: control characters would be in no font.

    :param text: the text.
    :param most: so many of its characters are shown.
    :returns: it, cut where it is longer, what cannot be printed as an escape.

    >>> short("left\nbell\a"), short("a long name", 6)
    ('left\\nbell\\x07', 'a long...')
    """
    text = printable(text[: most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


def new_panels(width: float, *heights: float, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """An empty figure, a row of panels for each height; each shows the whole figure in a notebook.

    :param width: in inches.
    :param heights: of the rows from top to bottom, in inches.
    :param columns: panels side by side.
    :returns: the figure and its panels, row by row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = {"height_ratios": heights}
    panels = list(figure.subplots(len(heights), columns, squeeze=False, gridspec_kw=ratios).flat)
    for axes in panels:
        shows_itself(axes, figure)
    return figure, panels


def shows_itself(panel: object, figure: "Figure") -> None:
    """Let something show a figure where it is what a notebook's cell ends with.

    :param panel: of the figure.
    :param figure: the figure.
    """
    vars(panel).update(_repr_html_=partial(as_svg, figure), _repr_png_=partial(as_png, figure))


class Panels(list["Axes"]):
    """Panels of one figure, which shows itself where they are what a notebook's cell ends with.

    :param panels: the panels, at least one.
    :param figure: theirs.
    """

    def __init__(self, panels: "list[Axes]", figure: "Figure") -> None:
        super().__init__(panels)
        self.figure = figure
        shows_itself(self, figure)


def as_svg(figure: "Figure", name: str = "") -> str:
    """A figure as a part of a page: text as text, nothing behind it, black in the colour of the text around.

    :param figure: the figure.
    :param name: what it defines is named by it, so that a page may hold several; letters.
    :returns: an ``svg`` element.
    """
    import matplotlib

    content = StringIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name or "ntpt"}),
        any_script(),
    ):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = content.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # a style would be the whole page's; what it says stands with each element, too
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}", text)
    start = '<svg style="max-width: 100%; height: auto" fill="currentColor" stroke-linejoin="round"'
    return text.replace("<svg", start, 1).replace("#000000", "currentColor")


def as_png(figure: "Figure") -> bytes:
    """A figure as a picture, white behind it.

    :param figure: the figure.
    :returns: the content of a PNG file.
    """
    content = BytesIO()
    with any_script():
        figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


@contextmanager
def any_script() -> Iterator[None]:
    """Let names be in any script: what a font lacks is drawn as a box, and no warning says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def plain(axes: "Axes", colours: Colours = PLAIN) -> None:
    """Leave out of a panel what says nothing.

    :param axes: with the drawing.
    :param colours: for the rest.
    """
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colours.line)
    axes.tick_params(colors=colours.soft, labelcolor=colours.ink, labelsize=9, length=0)
