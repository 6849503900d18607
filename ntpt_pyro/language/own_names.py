"""Modules whose parameters have names of their own in Pyro's parameter store."""

from collections import defaultdict
from itertools import count
from typing import Any

from pyro.nn import PyroModule

_numbers: "defaultdict[str, count[int]]" = defaultdict(count)


class OwnNames(PyroModule):
    """A module that shares its parameters with no other one of this process.

    Pyro keeps parameters by name, and two modules of one name have one set of parameters: the second takes
    over what the first has learned. So the first of a kind is called by the kind (``guide``), and each after
    it has a number (``guide_1``). A script that makes its modules in the same order finds them in a stored
    parameter store again. Copies, and what is read from a pickle, are modules of their own too.

    :param kind: the beginning of its name.

    >>> first, second = OwnNames("example"), OwnNames("example")
    >>> first._pyro_name, second._pyro_name
    ('example', 'example_1')
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"{kind}{_suffix(kind)}")
        self._kind = kind

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch's
        own = f"{self._kind}{_suffix(self._kind)}"
        for name, module in self.named_modules():
            if isinstance(module, PyroModule):
                module._pyro_name = f"{own}.{name}" if name else own


def _suffix(kind: str) -> str:
    number = next(_numbers[kind])
    return f"_{number}" if number else ""


def in_order_of_names(name: str) -> tuple[str, int, str]:
    """What names of parameters are sorted by: the numbers of their modules matter only among equals.

    :param name: of a parameter in Pyro's store.
    :returns: a key: the same order in every process that makes its modules in the same order.

    >>> sorted(["library_10.net", "library_9.net", "library_12.a"], key=in_order_of_names)
    ['library_12.a', 'library_9.net', 'library_10.net']
    """
    root, dot, rest = name.partition(".")
    kind, _, number = root.rpartition("_")
    if dot and number.isdigit() and kind in _numbers:
        return f"{kind}.{rest}", int(number), name
    return name, 0, name
