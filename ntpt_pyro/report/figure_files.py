"""Figures: an empty one, and one written to a file in the format of its ending."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.posterior.panels import any_script, new_panels

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def empty_figure(width: float, *heights: float, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """An empty figure, a row of panels for each height.

    :param width: in inches.
    :param heights: of the rows from top to bottom, in inches.
    :param columns: panels side by side.
    :returns: the figure and its panels, row by row.
    """
    return new_panels(width, *heights, columns=columns)


def write_figure(figure: "Figure", file: Path) -> None:
    """Write a figure in the format that the file's ending names.

    :param figure: the figure.
    :param file: where to.
    :raises UsageError: where the ending is no format, or the file is a folder.
    """
    content = BytesIO()
    with any_script():
        figure.savefig(content, format=format_of(file), dpi=150)
    write_bytes(file, content.getvalue())


def format_of(file: Path) -> str:
    """The format that a figure is written in; also to find out early that there is none.

    :param file: where to.
    :returns: what matplotlib calls it.
    :raises UsageError: where the ending is no format, or the file is a folder.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    if file.is_dir():
        raise UsageError("figure", expected="a file", got=f"the folder {file}", remedy="name a file in it")
    kind = file.suffix.removeprefix(".") or "png"
    if kind not in FigureCanvasBase.get_supported_filetypes():
        raise UsageError(
            str(file),
            expected="a picture's ending such as .png, .svg or .pdf",
            got=f".{kind}",
            remedy="rename the file",
        )
    return kind
