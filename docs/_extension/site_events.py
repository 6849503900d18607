"""What Sphinx calls: pages as they are read, names that are no entries, sources that pages link to."""

import html
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from page_reading import as_read
from public_names import public_names
from reference_entries import in_full
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.highlighting import PygmentsBridge

GENERATED = ("reference/", "changelog", "contributing")
"""Pages that say what is written elsewhere, and are read anew each time."""
VALUE = re.compile(r"~?(?:jaxtyping\.)?Float\[(?:~?torch\.)?Tensor, ['\"]\*batch n['\"]\]")
"""How a signature writes the type of a value."""
MADE = re.compile(r"= <(?:factory|function .*?<lambda>)>+")
"""How Python writes defaults that are made or called, which is no Python."""
OPTIONS = re.compile(r"(\*\*\w+): \*<class '([\w.]+)'>")
"""How Python writes the type of options that are named by a dictionary's type, which is no Python."""
SOURCES = {".py": "python", ".pyi": "python", ".terpret": "python", ".md": "markdown"}
"""Files of the repository that are shown where a page links to them; others are given as they are."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect what this extension does.

    :param app: Sphinx.
    :returns: what Sphinx wants to know of an extension.
    """
    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    app.connect("autodoc-process-signature", short_shapes)
    app.connect("autodoc-process-docstring", full_names)
    app.connect("missing-reference", known)
    app.connect("doctree-read", link_sources)
    app.connect("html-collect-pages", source_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Change a page as it is read."""
    source[0] = as_read(source[0], Path(app.env.doc2path(name)), Path(app.srcdir))


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The pages that are read anew even if their files have not changed."""
    return [name for name in env.found_docs if name.startswith(GENERATED)]


def full_names(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Names in a docstring are those of its module: give them in full, whatever path the entry has."""
    for one in public_names():
        if name == one.path or name.startswith(f"{one.path}."):
            lines[:] = in_full(lines, one.module)


def short_shapes(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A value in a signature is called so, and linked; the shape of another tensor stays."""
    if arguments is not None:
        arguments = MADE.sub("= ...", arguments).replace("[[...], ", "[..., ")
        arguments = OPTIONS.sub(r"\1: ~typing.Unpack[~\2]", VALUE.sub("~ntpt_pyro.Value", arguments))
    return arguments, None if returns is None else VALUE.sub("~ntpt_pyro.Value", returns)


def known(app: Sphinx, env: BuildEnvironment, node: Any, text: Any) -> Any:
    """A name without an entry by this path: a link to its entry by the public path, or just its text."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py":
        return None
    home, rest = parts(target if target.startswith("ntpt_pyro") else f"{node.get('py:module')}.{target}")
    if home is None:  # as written in an annotation, where it was imported for type checking alone
        ours = (module for name, module in list(sys.modules.items()) if name.startswith("ntpt_pyro"))
        return text if any(target in vars(module) for module in ours) else None
    first, _, more = rest.partition(".")
    thing = getattr(sys.modules[home], first, None)
    for one in public_names():
        if one.name == first and one.thing is thing:
            path = f"{one.path}.{more}" if more else one.path
            docname = env.get_domain("py").objects.get(path)  # type: ignore[attr-defined] # of the Python domain
            if docname is not None:
                uri = app.builder.get_relative_uri(node["refdoc"], docname.docname)
                return nodes.reference("", "", text, internal=True, refuri=f"{uri}#{docname.node_id}")
    return text


def parts(target: str) -> tuple[str | None, str]:
    """The module of a name, and the rest; None where there is no such name."""
    words = target.split(".")
    for k in range(len(words), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(words[:k]))
        except ImportError:
            continue
        for word in words[k:]:
            if not hasattr(thing, word) and word not in getattr(thing, "__annotations__", {}):
                return None, target
            thing = getattr(thing, word, None)
        return (".".join(words[:k]), ".".join(words[k:])) if words[0] == "ntpt_pyro" else (None, target)
    return None, target


def link_sources(app: Sphinx, doctree: nodes.document) -> None:
    """A link to a source of the repository leads to a page that shows it."""
    for node in list(doctree.findall(addnodes.pending_xref)):
        if (
            node.get("reftarget") == "Tensor"
        ):  # torch's, not the Tensor that declares a learned function's input
            node.replace_self(nodes.Text("Tensor"))
    docs, root = Path(app.srcdir).resolve(), Path(app.srcdir).resolve().parent
    page = Path(app.env.doc2path(app.env.docname)).resolve()
    for node in list(doctree.findall(addnodes.download_reference)):
        file = (page.parent / node["reftarget"]).resolve()
        if node["reftarget"].startswith("/"):
            file = (docs / node["reftarget"][1:]).resolve()
        if file.suffix in SOURCES and file.is_file() and not file.is_relative_to(docs):
            path = str(file.relative_to(root))
            shown(app.env).setdefault(app.env.docname, set()).add(path)
            up = "../" * app.env.docname.count("/")
            node.replace_self(
                nodes.reference("", "", *node.children, internal=True, refuri=f"{up}source/{path}.html")
            )


def shown(env: BuildEnvironment) -> dict[str, set[str]]:
    """The sources that pages link to, by page."""
    if not hasattr(env, "sources_shown"):
        env.sources_shown = {}  # type: ignore[attr-defined] # an attribute of this extension
    found: dict[str, set[str]] = env.sources_shown
    return found


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The pages that show sources."""
    root = Path(app.srcdir).resolve().parent
    bridge: PygmentsBridge = app.builder.highlighter  # type: ignore[attr-defined] # of builders of HTML
    for path in sorted({path for paths in shown(app.env).values() for path in paths}):
        text = (root / path).read_text(encoding="utf-8")
        body = bridge.highlight_block(text, SOURCES[Path(path).suffix], linenos=False)
        title = html.escape(path)
        yield f"source/{path}", {"title": title, "body": f"<h1><code>{title}</code></h1>{body}"}, "page.html"
