"""A page as HTML: Jinja2 fills its contents into templates, whatever they hold escaped."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # not every command writes a page
    from jinja2 import Environment

FILES = "files"
"""The folder of templates, style and script, beside this file."""


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(name: str) -> str:
    """A file of the page."""
    return files(__package__).joinpath(FILES, name).read_text(encoding="utf-8")


def rendered(page: Any) -> str:
    """A page as HTML.

    :param page: its contents, see :class:`~ntpt_pyro.report.page.run_page.Page`.
    :returns: one file that needs no network: a browser refuses every request, and every other script.
    """
    from markupsafe import Markup

    script = _read("page.js")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            style=Markup(_read("page.css")),
            script=Markup(script),
            script_hash=f"sha256-{digest}",
        )
    )
