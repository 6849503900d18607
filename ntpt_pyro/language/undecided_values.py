"""Python's own control flow on a value: told from other errors of a model, and what to write instead."""

import re
import traceback
from pathlib import Path

import pyro
import torch
from torch import Tensor

from ntpt_pyro.errors import RangeError

FORMS = {
    "Boolean value of Tensor with more than one value": "if, while, and, or, not or in",
    "only integer tensors of a single element can be converted to an index": "[...] or range()",
    "tensors used as indices must be long": "[...]",
    "only one element tensors can be converted to Python scalars": "int() or float()",
    "elements cannot be converted to Scalar": ".item()",
}
"""What torch says where Python wants one number of a tensor, and what of Python's wanted it."""
PACKAGES = (Path(__file__).parents[1], *(Path(str(one.__file__)).parent for one in (pyro, torch)))
"""Whose files are no user's."""


def undecided_value(where: str, error: BaseException) -> RangeError | None:
    """The error about Python's own control flow on a value, where that is what went wrong.

    :param where: what ran the code, for the message.
    :param error: what was raised there.
    :returns: an error that says what to write instead, and names the user's line where it is known; None
        where something else went wrong.

    >>> import torch
    >>> line = torch.tensor([0.5, 0.5])
    >>> try:
    ...     [3, 4][line]
    ... except TypeError as error:
    ...     undecided_value("model", error).got.startswith("Python's [...] or range() of a tensor")
    True
    """
    form = next((form for said, form in FORMS.items() if said in str(error)), None)
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Tensor):
        form = "dict[...]"
    if form is None:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not any(Path(one.filename).is_relative_to(path) for path in PACKAGES)]
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else ""
    return RangeError(
        ", ".join(part for part in (where, place) if part),
        expected="a function of the language: a value is a probability vector, nothing is decided yet",
        got=f"Python's {form} of a tensor" + (f", in `{own[-1].line:.60}`" if own and own[-1].line else ""),
        remedy="write switch(line, cases) or select(line, items)",
    )


def without_shapes(said: str) -> str:
    """What an error says, without the table of shapes that Pyro's trace adds to it.

    :param said: the error's text.
    :returns: it, up to the table.
    """
    return re.split(r"\n\s*Trace Shapes:", said)[0].rstrip()
