"""What is given to the language by a slip of the hand is told by what was meant."""

import numpy as np
import pytest
import torch

from ntpt_pyro import Line, choice, constant, runtime, select, stack, switch
from ntpt_pyro.errors import RangeError, TaskError

CONDITION, SMALL, LARGE, ONE = constant(0, 2), constant(0, 3), constant(0, 4), constant(0, 1)
RANGES = r"expected cases or items of one range, got ranges \[3, 4\]; .*widen\(value, 4\)"
SLIPS = {
    "items": (
        lambda: choice("x", ["a", "b"]),
        r"choice 'x': expected the number of .*, got \['a', 'b'\]; .*len",
    ),
    "a fraction": (lambda: choice("x", 2.0), "choice 'x': expected the number of alternatives, got 2.0"),
    "none": (lambda: choice("x", np.int64(0)), "x: expected a choice among at least 1, got 0"),
    "a range": (
        lambda: runtime(10, 10)(abs),
        r"abs: expected a list of ranges.*got ranges 10 and 10; .*\[ \]",
    ),
    "a listed result": (lambda: runtime([10], [10])(abs), r"got ranges \[10\] and \[10\]"),
    "a builtin without a signature": (
        lambda: runtime([10, 10], 10)(max),
        r"^max: expected a function of which Python knows the arguments, "
        r"got <built-in function max>, which has no signature; .*\(lambda a, b: max\(a, b\)\)$",
    ),
    "no function": (
        lambda: runtime([10], 10)(5),
        "^5: expected a function .*, got 5, .*; give a function of integers$",
    ),
    "text": (lambda: runtime("3", 10)(abs), "got ranges '3' and 10"),
    "switch": (lambda: switch(CONDITION, [SMALL, LARGE]), RANGES),
    "select": (lambda: select(CONDITION, [SMALL, LARGE]), RANGES),
    "stack": (lambda: stack([SMALL, LARGE]), RANGES),
    "one of range 1": (lambda: switch(CONDITION, [ONE, LARGE]), r"got ranges \[1, 4\]"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_told(slip):
    wrong, message = SLIPS[slip]
    with pytest.raises(RangeError, match=message):
        wrong()


def test_whole_numbers_of_other_types_are_taken():
    assert choice("x", np.int64(3)).shape == (3,)
    assert runtime([np.int64(3)], torch.tensor(3))(lambda x: x).ranges == (3,)
    assert switch(constant(0, 2), [constant(1, 3), torch.rand(5, 3)]).shape == (5, 3)


@pytest.mark.parametrize("dead", [("line_0",), "line_0", 1, None], ids=repr)
def test_the_sites_of_a_line_in_the_place_of_dead_are_told(dead):
    with pytest.raises(TaskError) as told:
        Line("R2 = ADD(R0, R1)", dead)
    assert str(told.value) == (
        f"Line('R2 = ADD(R0, R1)'): expected dead=True or dead=False, got {dead!r}; "
        "give the choices that a line says by name, as in Line(text, sites=(site,))"
    )
    assert Line("x", True, ("line_0",)).sites == ("line_0",)


def test_a_builtin_that_says_its_arguments_is_taken():
    assert runtime([4], 4)(abs)(3) == 3
    assert runtime([4, 4], 4)(lambda a, b: max(a, b))(3, 1) == 3
