"""Learned functions and tensors in texts that are declared or called wrongly: said with their places."""

import pytest

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret import load

START = "p = Param(3)\nx = Input(Tensor(2))\nt = Var(Tensor(2))\nn = Var(4)\ny = Output(3)\n"
FUNCTION = "@Learn([3, Tensor(2)], 3, [4])\ndef f(n, x): pass\n"
WRONG = [
    (
        "y.set_to(f(x, p))\n",
        8,
        12,
        r"a range of at most 3 as argument 1 of f, got x of shape \[2\]; let a learn",
    ),
    ("y.set_to(f(p, p))\n", 8, 15, r"expected a tensor of shape \[2\] as argument 2 of f, got p of range 3"),
    ("y.set_to(f(3, x))\n", 8, 12, "expected a constant in 0..2 as argument 1 of f, got 3"),
    (
        "n.set_to(0)\ny.set_to(f(n, x))\n",
        9,
        12,
        "expected a range of at most 3 as argument 1 of f, got n of range 4",
    ),
    ("y.set_to(f(p, t))\n", 8, 15, "expected t to be set before it is read"),
    ("y.set_to(f(p))\n", 8, 10, "expected 2 arguments of f, got 1"),
    ("t.set_to(f(p, x))\n", 8, 10, r"a tensor of shape \[2\] for t, got a call of f, of range 3"),
    ("y.set_to(x)\n", 8, 10, r"a value in 0..2 for y, got the Input x, of shape \[2\]; let a learnable"),
    ("t.set_to(0)\n", 8, 10, r"expected a tensor of shape \[2\] for t, got the constant 0; give a tensor"),
    ("x.set_to(x)\n", 8, 1, "expected set_to on a Var or Output"),
    (
        "t.set_to(x)\nif t == 0:\n    pass\nelse:\n    pass\n",
        9,
        4,
        "expected an integer variable, got the Var t, a tensor",
    ),
    ("with x as v:\n    pass\n", 8, 6, "expected an integer variable, got the Input x, a tensor"),
    ("q = Param(Tensor(2))\n", 8, 5, "expected a range, got Tensor; only an Input or a Var can be a tensor"),
    ("q = Output(Tensor(2))\n", 8, 5, "expected a range, got Tensor"),
    ("q = Var(Tensor())\n", 8, 9, r"expected Tensor\(length, ...\), got Tensor\(\)"),
    ("q = Var(Tensor(0))\n", 8, 16, "expected a length of at least 1, got 0"),
    ("q = Var(Tensor(4000, 4000))\n", 8, 5, "expected at most 10,000,000 numbers in all tensors together"),
    ("@Learn([], 3)\ndef g(): pass\n", 8, 2, "expected at least one input of g, got none"),
    ("@Learn([2, 2], 3)\ndef g(x): pass\n", 9, 1, "expected 2 arguments of g, as many as types, got 1"),
    (
        "@Learn([2], 3)\ndef f(x): pass\n",
        9,
        1,
        "expected a free name for what is declared, got the function f",
    ),
    (
        "@Learn([2], 3, hid_sizes=5)\ndef g(x): pass\n",
        8,
        26,
        "expected a list of hidden layers, got 5; give the width of each",
    ),
    ("@Learn([9000], 9000)\ndef g(x): pass\n", 8, 2, "expected at most 20,000,000 weights, got 81,000,000"),
    (
        "@Learn([2], 3, [2], 4)\ndef g(x): pass\n",
        8,
        2,
        r"hid_sizes=\[...\]\), got @Learn\(\[2\], 3, \[2\], 4\)",
    ),
]


@pytest.mark.parametrize(("wrong", "line", "column", "message"), WRONG)
def test_what_is_wrong_is_said_with_its_place(wrong, line, column, message):
    with pytest.raises(TerpretError, match=message) as caught:
        load(START + FUNCTION + wrong, "text", {})
    assert str(caught.value).startswith(f"text:{line}:{column}: ")


READS = """
x = Input(Tensor(1000))
n = Var(2)[6000]
y = Var(3)[6000]
@Learn([2, Tensor(1000)], 3)
def f(n, x): pass
for i in range(6000):
    n[i].set_to(0)
    y[i].set_to(f(n[i], x))
"""


def test_what_calls_read_is_counted_before_it_is_spent():
    message = (
        r"text:9:5: expected at most 10,000,000 numbers read by learnable functions, got 10,000,\d+ up to"
    )
    with pytest.raises(TerpretError, match=message):
        load(READS.replace("6000", "12000"), "text", {})
    assert load(READS.replace("n[i], x", "0, x"), "text", {}).terms == 6000 + 3 * 6000
