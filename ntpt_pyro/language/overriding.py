"""Values of other kinds: how a tensor of one's own says what the language's functions make of it.

A class of tensors with a method ``ntpt_function(function, arguments)`` is asked instead, wherever such a
tensor is among the arguments. Ordinary tensors cost a comparison of types.
"""

from collections.abc import Iterable
from typing import Any

from torch import Tensor


def overriding(values: Iterable[Any]) -> Any | None:
    """The class that is to be asked what a function makes of values.

    :param values: the function's arguments.
    :returns: the first class with a method ``ntpt_function``; None where there is none.
    """
    for value in values:
        kind = type(value)
        if kind is not Tensor and hasattr(kind, "ntpt_function"):
            return kind
    return None
