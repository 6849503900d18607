"""Names that stand for one thing throughout: what they are bound to is not to be hidden by something else.

Variables, hypers, functions and words of the language are such names, and the variables of open loops and of
open ``with``. Arguments of a function are its own names, whatever they are called.
"""

from typing import Any

from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.terpret.scopes import Scopes
from ntpt_pyro.terpret.symbols import KINDS, Declared, Family, Inline, RuntimeDeclared

WORDS = frozenset([*KINDS, "Hyper", "Runtime", "Inline", "Learn", "Tensor", "range"])
"""Words of the language that are written like names."""


class TakenNames:
    """Knows what a name stands for that must not be bound again.

    :param names: of the text.
    """

    def __init__(self, names: Scopes) -> None:
        self._names = names
        self.hypers: set[str] = set()
        """Hypers that the text has declared so far."""
        self.open: dict[str, int] = {}
        """Variables of open loops and of open ``with``, each with its line."""

    def variable(self, name: str) -> Declared | Family | None:
        """The variable or the array that a name was declared as.

        :param name: in the text.
        :returns: it; None where the name is another, or a function's own.
        """
        found = self._names.get(name) if self._names.shared(name) else None
        return found if isinstance(found, (Declared, Family)) and found.name == name else None

    def told(self, name: str) -> str | None:
        """What a name stands for.

        :param name: in the text.
        :returns: in words; None where it may be bound again.
        """
        if name in WORDS:
            return f"{name}, a word of the language"
        if name in self.open:
            return f"{name}, which counts in line {self.open[name]}, around it"
        found = self._names.get(name)
        if (type(found) is int and name not in self.hypers) or not self._names.shared(name):
            return None
        declared = self.variable(name)
        if declared is not None:
            kind = declared.kind if isinstance(declared, Declared) else "array"
            return f"the {kind} {name}"
        if name in self.hypers:
            return f"the hyper {name}"
        return f"the function {name}" if _function_name(found) == name else None


def _function_name(found: Any) -> str | None:
    if isinstance(found, Inline):
        return found.function.name
    return found.name if isinstance(found, (RuntimeDeclared, LearnedFunction)) else None
