"""What is too large is said with the hyper, the loop or the place that makes it so."""

import time

import pytest

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret import load
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import parse

HEAD = "n = Hyper()\nm = Hyper()\nhalf = n // 2\np = Param(m)\nx = Input(m)\n"
LINES = HEAD.count("\n")


@pytest.mark.parametrize(
    ("body", "hypers", "line", "column", "message"),
    [
        (
            "z = Param(n)\n",
            {"n": 0},
            1,
            11,
            "a range of at least 1, got 0 for n; make the hyper n (now 0) larger",
        ),
        ("z = Param(half)\n", {"n": 1}, 1, 11, "got 0 for half (n is 1); make the hyper n (now 1) larger"),
        ("z = Param(n - 3)\n", {"n": 1}, 1, 11, "got -2 (n is 1); make the hyper n (now 1) larger"),
        ("z = Param(0)\n", {}, 1, 11, "expected a range of at least 1, got 0; write a larger range"),
        (
            "for i in range(n):\n    z[i] = Var(i)\n",
            {},
            2,
            16,
            "got 0 for i (n is 2); make the hyper n (now 2) larger",
        ),
        ("z = Var(2)[m, n - 4]\n", {}, 1, 15, "a length of at least 0, got -2 (n is 2); make the hyper n"),
        (
            "z = Var(n * 9999)\n",
            {},
            1,
            9,
            "at most 10,000, got 19998 (n is 2); make the hyper n (now 2) smaller",
        ),
        (
            "z = Var(2)[n, n]\n",
            {"n": 900},
            1,
            5,
            "variables in all arrays together, got 810,000 with this one (n is 900); make the hyper n",
        ),
        (
            "z = Input(Tensor(n, n))\n",
            {"n": 9000},
            1,
            5,
            "(n is 9000); make the hyper n (now 9000) smaller",
        ),
        (
            "@Runtime([n, n], n)\ndef f(u, v): return 0\n",
            {"n": 2000},
            1,
            2,
            "got 4000000; make the hyper n (now 2000) smaller, or compute in steps",
        ),
        (
            "@Runtime([n, n], n)\ndef f(u, v):\n    for i in range(n):\n        u = u ^ i\n    return u\n",
            {"n": 1000},
            4,
            9,
            "make the hyper n (now 1000) smaller",
        ),
        (
            "@Learn([n], n, hid_sizes=[n])\ndef f(u): pass\n",
            {"n": 9000},
            1,
            2,
            "at most 20,000,000 weights, got 162,000,000; make the hyper n (now 9000) smaller",
        ),
    ],
)
def test_sizes_name_the_hyper_behind_them(body, hypers, line, column, message):
    with pytest.raises(TerpretError) as caught:
        load(HEAD + body, "text.py", {"n": 2, "m": 2} | hypers)
    assert str(caught.value).startswith(f"text.py:{LINES + line}:{column}: ")
    assert message in str(caught.value)


LOOPS = """
steps = Hyper()
cells = Hyper()
tape = Var(2)[steps + 1, cells]
for i in range(cells):
    tape[0, i].set_to(0)
@Inline()
def copy(t, i):
    tape[t + 1, i].set_to(tape[t, i])
for t in range(steps):
    for c in range(cells):
        copy(t, c)
"""


def test_too_many_statements_name_the_line_and_its_loops():
    with pytest.raises(TerpretError) as caught:
        load(LOOPS, "text.py", {"steps": 9, "cells": 12_000})
    error = str(caught.value)
    assert "expected at most 100,000 statements once loops and cases are unrolled, got more: " in error
    inside = "inside for t in range(steps) (line 10) and for c in range(cells) (line 11)"
    assert (
        f" times line 9, {inside}; make one of the hypers cells (now 12000), steps (now 9) smaller" in error
    )


def test_too_many_products_name_the_line_and_its_loops():
    text = """
size = Hyper()
@Runtime([size, size], size)
def add(u, v): return (u + v) % size
a = Param(size)[40]
x = Input(size)
y = Output(size)[40]
for i in range(40):
    y[i].set_to(add(a[i], x))
"""
    with pytest.raises(TerpretError) as caught:
        load(text, "text.py", {"size": 400})
    error = str(caught.value)
    assert error.startswith("text.py:9:5: expected at most 4,000,000 products, got 4,160,000 up to here")
    assert "of them in line 9, inside for i in range(40) (line 8); set a Var to each argument" in error
    assert error.endswith("of line 9 first, or make the hyper size (now 400) smaller")


def test_what_is_around_a_place_in_a_function_is_around_its_calls():
    source = parse(LOOPS, "text.py")
    inside = source.tree.body[4].body[0]
    origins = Origins(source, {"steps": 3, "cells": 4})
    assert [one.lineno for one in origins.around(inside)] == [10, 11]
    assert origins.told(inside) == "cells is 4, steps is 3"
    assert origins.change(source.tree.body[3].body[0].value.args[0], how="smaller", otherwise="!") == "!"


def test_functions_that_call_each_other_are_looked_at_once():
    text = "@Inline()\ndef f(a):\n    g(a)\n@Inline()\ndef g(a):\n    f(a)\nfor i in range(2):\n    f(i)\n"
    source = parse(text, "text.py")
    assert [one.lineno for one in Origins(source, {}).around(source.tree.body[1].body[0])] == [7]
    with pytest.raises(TerpretError, match="expected at most 30 calls of @Inline"):
        load(text, "text.py", {})


def test_functions_that_call_others_many_times_cost_no_more_than_their_text():
    """Each calls the next one twice: the way through all calls would be 2 to the power of 28 long."""
    functions = "".join(f"@Inline()\ndef f{n}(a):\n" + f"    f{n - 1}(a)\n" * 2 for n in range(1, 29))
    text = f"@Inline()\ndef f0(a):\n    b = a\n{functions}for i in range(3):\n    f28(i)\n"
    began = time.process_time()
    with pytest.raises(TerpretError, match="at most 100,000 statements") as caught:
        load(text, "text.py", {})
    assert "line 3, inside for i in range(3) (line 116); make loops shorter" in str(caught.value)
    assert time.process_time() - began < 10
