"""Pages are plain Markdown, as a person reads them in the repository; what the site makes of them on top.

=============================  ==========================================================================
in the page                    on the site
=============================  ==========================================================================
```python FILE                 a block of code with the file's name above it
```text below ```python        what the code prints, drawn as such
``<!-- cards -->`` and a list  cards, one an item: ``- [Title](page.md): what it is about``
lists of pages in an index.md  the contents of that part of the site, in this order
``<!-- names: ROOMS -->``      the entries of the public names of these rooms, from their docstrings
``<!-- commands -->``          the commands with their options, from their own help
``<!-- file: FILE -->``        that file of the repository, in the place of the page
a link to a folder             its text alone
a link to README.md            a link to the start
=============================  ==========================================================================
"""

import os
import re
from pathlib import Path

from command_help import all_commands
from reference_entries import entries

FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<language>\w+) +(?P<file>[^\s{]\S*)$")
PRINTED = re.compile(r"(?m)(^```\n)```text$")
LINK = re.compile(r"\[(?P<text>[^\]\[]*)\]\((?P<target>(?!https?:|#|<)[^)\s]+)\)")
ITEM = re.compile(r"(?m)^- \[(?P<title>[^\]]+)\]\((?P<page>[^)]+)\.md\)(?P<about>.*(?:\n  .*)*)")
CARDS = re.compile(r"(?m)^<!-- cards -->\n+((?:^- .*\n(?:^  .*\n)*)+)")
FILE = re.compile(r"<!-- file: (\S+) -->\s*")
NAMES = re.compile(r"(?m)^<!-- names: (.*) -->$")
ROOT_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files beside the package that are pages of the site under other names."""


def as_read(text: str, page: Path, docs: Path) -> str:
    """What the site makes of a page.

    :param text: the page.
    :param page: its file.
    :param docs: the folder of all pages.
    :returns: MyST text.
    """
    if (file := FILE.fullmatch(text)) is not None:
        page = docs.resolve().parent / file[1]
        text = LINK.sub(lambda match: moved(match, page, docs), page.read_text(encoding="utf-8"))
        page = docs.resolve() / page.name
    contents = [match["page"] for match in ITEM.finditer(text)] if page.name == "index.md" else []
    text = CARDS.sub(lambda match: cards(match[1]), text)
    text = "".join(prose(part, page, docs) if k % 2 == 0 else part for k, part in enumerate(code_apart(text)))
    text = "\n".join(with_caption(line) for line in text.split("\n"))
    text = PRINTED.sub(r"\1```{code-block} text" + "\n:class: printed\n", text)
    text = NAMES.sub(lambda match: entries(match[1].split()), text)
    if "<!-- commands -->" in text:
        text = text.replace("<!-- commands -->", all_commands())
    if contents:
        text += "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(contents) + "\n```\n"
    return text


def code_apart(text: str) -> list[str]:
    """A page in parts: prose, code, prose, and so on."""
    return re.split(r"(?ms)(^`{3,}.*?^`{3,}$|`[^`\n]+`)", text)


def with_caption(line: str) -> str:
    """The first line of a block that names a file, as a directive."""
    match = FENCE.match(line)
    if match is None:
        return line
    return f"{match['ticks']}{{code-block}} {match['language']}\n:caption: {match['file']}\n"


def cards(items: str) -> str:
    """A list of pages as cards."""
    made = [
        f":::{{grid-item-card}} {match['title']}\n:link: {match['page']}\n:link-type: doc\n\n"
        f"{' '.join(match['about'].lstrip(':, ').split())}\n:::"
        for match in ITEM.finditer(items)
    ]
    return "::::{grid} 1 2 2 2\n:gutter: 3\n\n" + "\n".join(made) + "\n::::\n"


def prose(text: str, page: Path, docs: Path) -> str:
    """Prose with the links that the site can follow."""
    return LINK.sub(lambda match: link(match, page, docs), text)


def link(match: re.Match[str], page: Path, docs: Path) -> str:
    """A link, as the site can follow it."""
    path, hash_, part = match["target"].partition("#")
    target = (page.parent / path).resolve()
    root = docs.resolve().parent
    if target.parent == root and target.name in ROOT_PAGES:
        return f"[{match['text']}](/{ROOT_PAGES[target.name]}{hash_}{part})"
    if target.is_dir() and not target.is_relative_to(docs.resolve()):
        return match["text"] if " " in match["text"] else f"`{match['text']}`"
    return match[0]


def moved(match: re.Match[str], page: Path, docs: Path) -> str:
    """A link of a page that is shown in the folder of all pages."""
    path, hash_, part = match["target"].partition("#")
    target = os.path.relpath(page.parent / path, docs.resolve())
    return f"[{match['text']}]({target}{hash_}{part})" if (page.parent / path).exists() else match[0]
