"""The entries of a page of the reference: a heading a module, and below it what is public there."""

import inspect
import re
import sys
from collections.abc import Sequence
from itertools import groupby

from public_names import PublicName, constant_text, public_names

WORDS = {
    "em": "EM",
    "gpu": "GPU",
    "json": "JSON",
    "lstm": "LSTM",
    "math": "MATH",
    "tensorboard": "TensorBoard",
}
WORDS |= {"add2x2": "ADD2X2", "apply2x2": "APPLY2X2"}
"""Words of modules' names that are written in another way."""
ROLE = re.compile(r":(class|func|meth|data|exc):`~?([^`<>]+)`")


def entries(rooms: Sequence[str]) -> str:
    """The public names that the modules of some rooms define, as a part of a Markdown page.

    :param rooms: packages or modules, without the package's own name: ``language``.
    :returns: MyST text.
    """
    found = [one for room in rooms for one in names_of(room)]
    return "\n\n".join(
        section(module, list(names)) for module, names in groupby(found, key=lambda one: one.module)
    )


def names_of(room: str) -> list[PublicName]:
    """The public names that are defined in a room.

    :param room: a package or module, without the package's own name.
    :returns: the names.
    """
    path = f"ntpt_pyro.{room}"
    return [one for one in public_names() if one.module == path or one.module.startswith(f"{path}.")]


def section(module: str, names: Sequence[PublicName]) -> str:
    """A heading, what the module says of itself, and its entries."""
    words = " ".join(WORDS.get(word, word) for word in module.rpartition(".")[2].split("_"))
    about = inspect.getdoc(sys.modules[module]) or ""
    body = "\n\n".join([f".. py:currentmodule:: {module}", about, *map(entry, names)])
    return f"## {words[0].upper()}{words[1:]}\n\n````{{eval-rst}}\n{body}\n````"


def entry(one: PublicName) -> str:
    """The directive that documents a name."""
    text = constant_text(one)
    if text is not None:
        return "\n".join(
            [f".. py:data:: {one.path}", "", *(f"   {line}" for line in in_full(text, one.module))]
        )
    if inspect.isclass(one.thing):
        based = [base for base in one.thing.__bases__ if base.__module__.startswith("ntpt_pyro")]
        return f".. autoclass:: {one.path}\n   :members:" + "\n   :show-inheritance:" * bool(based)
    return f".. autofunction:: {one.path}"


def in_full(lines: Sequence[str], module: str) -> list[str]:
    """Names in a docstring are those of its module; an entry may have another path, so give them in full.

    :param lines: of the docstring.
    :param module: that it stands in.
    :returns: the lines, each of these names with the module's path.
    """
    known = vars(sys.modules[module]) if module in sys.modules else {}

    def full(match: re.Match[str]) -> str:
        role, name = match[1], match[2]
        first = name.partition(".")[0]
        path = f"{module}.{name}" if first in known and first != "ntpt_pyro" else name
        return f":{role}:`~{path}`"

    return [ROLE.sub(full, line) for line in lines]
