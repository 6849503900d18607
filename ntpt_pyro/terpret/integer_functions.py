"""Integer arithmetic of program texts: what it has, and how large its integers may get."""

import ast
import operator
from collections.abc import Callable
from math import log10
from typing import Any

import numpy as np
import numpy.typing as npt

OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
"""Operators and comparisons, on integers and on arrays of them alike."""
LARGEST_INTEGER = 2**31
"""Absolute values of intermediate results at most; the product of two such integers fits 64 bits."""

Integers = npt.NDArray[np.integer[Any]]


def shown(value: int) -> str:
    """An integer as messages give it: in full, or how long it is.

    :param value: the integer, of any length.
    :returns: text of a few words.

    >>> shown(-4000), shown(7**500)
    ('-4000', 'an integer of about 423 digits')
    """
    if abs(value) < 10**20:
        return str(value)
    return f"an integer of about {int(value.bit_length() * log10(2)) + 1} digits"
