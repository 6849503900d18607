"""What a program text may say, and what is said about one that says something else."""

import pytest

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret import load, parse
from ntpt_pyro.terpret.symbols import Cell, RuntimeDeclared
from ntpt_pyro.terpret.unrolling import Unrolled

HEAD = """from dummy import Param, Var, Input, Output, Runtime, Inline, Hyper
n = Hyper()
p = Param(3)
a = Var(3)[2]
x = Input(3)
y = Output(3)
@Runtime([3, 3], 3)
def add(u, v):
    return (u + v) % 3
@Inline()
def twice(out, value):
    out.set_to(add(value, value))
"""
LINES = HEAD.count("\n")


def unrolled(body, **hypers):
    return Unrolled(parse(HEAD + body, "text.py"), {"n": 2, **hypers})


def ways(body, name, *index):
    """What a variable is set to, as text."""
    found = unrolled(body)
    cell = Cell(found.declared[name], index)

    def told(one):
        conditions = [f"{other.text}={values}" for other, values in one.conditions]
        return (*conditions, getattr(one.expression, "text", one.expression))

    return [told(one) for one in found.assignments[cell]]


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("y.set_to(q)\n", 1, 10, "expected a name that is known here, got 'q'"),
        ("y.set_to(a[2])\n", 1, 12, "expected indices of a in [0..1], got [2]"),
        ("y.set_to(a[-1])\n", 1, 12, "count from 0; there is no counting from the end"),
        ("y.set_to(a[0, 1])\n", 1, 10, "1 index of a, got 2 indices; give one for each dimension, as a[0]"),
        ("y.set_to(a[0][1])\n", 1, 10, "got a[0][1]; write a[0, 1]"),
        ("y.set_to(a[x])\n", 1, 12, "expected a constant, got the Input x; write `with x as v:` and use v"),
        ("y.set_to(p + x)\n", 1, 10, "got the Param p; write `with p as v:` and use v, or let a @Runtime"),
        (
            "y.set_to(len(a))\n",
            1,
            10,
            "got 'len', which Python has and TerpreT has not; of Python's functions",
        ),
        ("for i in n:\n    pass\n", 1, 1, "got for i in n; loop over integers, as"),
        ("if a[n - 2] > 1:\n    pass\n", 1, 4, "a[n - 2] == constant, got a[n - 2] > 1; test one value"),
        ("@Inline\ndef g():\n    pass\n", 2, 1, "above g, got @Inline; write it with its brackets"),
        ("y.set_to(A)\n", 1, 10, "got 'A'; did you mean 'a'?"),
        ("y.set_to(a)\n", 1, 10, "expected an element of a, got the whole array"),
        ("y.set_to(3)\n", 1, 10, "got the constant 3; declare y with a range of at least 4, or set"),
        ("y.set_to(n + 1)\n", 1, 10, "expected a value in 0..2 for y, got the constant 3 (n is 2)"),
        ("y.set_to(-1)\n", 1, 10, "got the constant -1; give an integer from 0"),
        ("y.set_to(a[0])\n", 1, 10, "expected a[0] to be set before it is read"),
        ("a[0].set_to(y)\n", 1, 13, "expected y to be set before it is read"),
        (
            "y.set_to(1)\ny.set_to(2)\n",
            2,
            1,
            "y to be set once on every way, got a second set_to, after line 13; use",
        ),
        ("a[0].set_to(0)\n", 6 - LINES, 5, "expected the Output y to be set on every way, got no value"),
        (
            "if x == 0:\n    y.set_to(0)\nelse:\n    a[0].set_to(1)\n",
            6 - LINES,
            5,
            "to be set on every way, got a value only where x is 0; write y.set_to(...), in each case",
        ),
        ("if x == 0:\n    y.set_to(0)\nelif x == 2:\n    y.set_to(1)\n", 1, 1, "got none for 1"),
        (
            "if x == 0:\n    y.set_to(0)\nelif x == 0:\n    y.set_to(1)\n",
            3,
            1,
            "expected one case for each value of x, got a second one for 0",
        ),
        ("if x == 3:\n    y.set_to(0)\n", 1, 9, "expected a value of x in 0..2, got 3"),
        ("if x < 2:\n    y.set_to(0)\n", 1, 4, "expected x == constant, got x < 2; test one value by =="),
        ("if add(x, p) == 2:\n    y.set_to(0)\n", 1, 4, "expected a constant, got a call of add"),
        ("y.set_to(add(x))\n", 1, 10, "expected 2 arguments of add, got 1"),
        ("y.set_to(add(x, 3))\n", 1, 17, "expected a constant in 0..2 as argument 2 of add, got 3"),
        (
            "y.set_to(add(x, add(x, p)))\n",
            1,
            17,
            "got a call of add; calls do not nest: set a Var to add(x, p)",
        ),
        ("p.set_to(1)\n", 1, 1, "got set_to on the Param p"),
        ("y.set_to_constant(1)\n", 1, 1, "got set_to_constant on the Output y"),
        ("x.set_to(1)\n", 1, 1, "got set_to on the Input x"),
        (
            "if x == 0:\n    p.set_to_constant(1)\nelse:\n    pass\n",
            2,
            5,
            "before it is read, got set_to_constant in a branch",
        ),
        ("y.set_to(p)\np.set_to_constant(1)\n", 2, 1, "got set_to_constant after it was read"),
        ("y.observe(1)\n", 1, 1, "expected x.set_to(value) or x.set_to_constant(c)"),
        (
            "z = Param(n - 2)\n",
            1,
            11,
            "expected a range of at least 1, got 0 (n is 2); make the hyper n (now 2) larger",
        ),
        ("z = Hyper()\n", 1, 5, "expected a value for the hyper z, got none"),
        ("a = Var(2)\n", 1, 5, "got a second one of a, declared in line 4"),
        ("z = 1 // (n - 2)\n", 1, 11, "expected a divisor other than 0, got 0 (n is 2); make the hyper n"),
        ("z = add(x, p)\n", 1, 5, "got a call of add; declare z = Var(n), and write z.set_to"),
        ("add(1, 1)\n", 1, 1, "got a call of add, whose value would be lost; write x.set_to(add(1, 1))"),
        ("twice(y)\n", 1, 1, "expected 2 arguments of twice, got 1"),
        ("for i in a:\n    pass\n", 1, 1, "expected for i in range(...)"),
        (
            "with x:\n    y.set_to(0)\n",
            1,
            1,
            "expected with variable as name, got with x; give its value a name",
        ),
        ("with n + p as i:\n    y.set_to(i)\n", 1, 10, "expected a constant, got the Param p"),
        ("return 1\n", 1, 1, "expected return inside a function"),
        ("import os\n", 1, 1, "expected what TerpreT has, got an import; remove it"),
        ("from os import path\n", 1, 1, "expected no import but `from dummy import ...`"),
        ("y.set_to(__import__('os').system('true'))\n", 1, 10, "expected a call of a declared function"),
        ("y.set_to((lambda: 1)())\n", 1, 11, "expected what TerpreT has, got lambda; declare a function"),
        ("while True:\n    pass\n", 1, 1, "expected what TerpreT has, got a while loop; write a loop"),
        ("y.set_to(x.__class__)\n", 1, 10, "expected an integer, a variable or a call, got an attribute"),
        ("y.set_to(\n", 1, 9, "expected Python's syntax"),
        ("@Runtime([2], 2)\ndef f(u):\n    return u + 1\n", 3, 12, "got f(1) = 2"),
        ("@Runtime([2], 2)\ndef f(u, v):\n    return u\n", 2, 1, "expected 1 argument, one for each range"),
        ("@Runtime([2], 2)\ndef f(u):\n    if u == 1:\n        return 0\n", 2, 1, "got none for f(0)"),
        ("@Runtime([2], 2)\ndef f(u):\n    return 1 // u\n", 3, 17, "got 0 in f(0)"),
        ("@Runtime([2], 2)\ndef f(u):\n    return g(u)\n", 3, 12, "got 'g'"),
        ("@Runtime([2], 2)\ndef f(u):\n    return q\n", 3, 12, "got 'q'"),
        (
            "@Runtime([3000, 3000], 2)\ndef f(u, v):\n    return 0\n",
            1,
            2,
            "got 9000000; make ranges smaller, or",
        ),
        ("def f(u):\n    return 0\n", 1, 1, "@Inline() or @Learn([d1, ...], d_out) above f, got none"),
        (
            "@Inline()\ndef f():\n    f()\nf()\n",
            3,
            5,
            "expected at most 30 calls of @Inline() functions inside each other",
        ),
        ("for i in range(10 ** 9):\n    pass\n", 1, 16, "expected what TerpreT has, got **; write a product"),
        (
            "for i in range(10 * 10 * 10000):\n    pass\n",
            2,
            5,
            "99,992 times line 14, inside for i in range(10 * 10 * 10000) (line 13)",
        ),
        ("z = 2\nfor i in range(9):\n    z = z * z\n", 3, 9, "expected integers up to 2147483648, got"),
        ("z = Var(10001)\n", 1, 9, "expected a range of at most 10,000, got 10001"),
        ("z = Var(2)[1000, 1000]\n", 1, 5, "expected at most 300,000 variables in all arrays together"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(body, line, column, message):
    with pytest.raises(TerpretError) as caught:
        unrolled(body)
    found = str(caught.value)
    assert found.startswith(f"text.py:{LINES + line}:{column}: ")
    assert message in found
    assert "\n" not in found


def test_variables_that_need_each_other_are_refused():
    body = """
b = Var(3)
if x == 0:
    b.set_to(0)
    a[0].set_to(b)
else:
    a[0].set_to(1)
    b.set_to(a[0])
"""
    with pytest.raises(TerpretError, match=r"got a\[0\], which needs b, which needs it|got b, which needs a"):
        load(HEAD + body + "y.set_to(0)\n", "text.py", {"n": 2})


def test_nesting_is_bounded():
    with pytest.raises(TerpretError, match=r"at most 200 levels of nesting|too many nested"):
        parse("y = " + "(1 + " * 300 + "1" + ")" * 300, "text.py")


def test_loops_constants_aliases_and_hard_branches_leave_nothing_behind():
    body = """
half = n // 2
last = a[half]
for i in range(2):
    if i < half and n == 2:
        a[i].set_to(x)
    else:
        a[i].set_to(p)
y.set_to(last)
"""
    assert ways(body, "a", 0) == [("x",)]
    assert ways(body, "a", 1) == [("p",)]
    assert ways(body, "y") == [("a[1]",)]


def test_soft_branches_become_ways():
    body = "if x == 1:\n    y.set_to(p)\nelse:\n    y.set_to(0)\n"
    assert ways(body, "y") == [("x=(1,)", "p"), ("x=(0, 2)", 0)]
    body = "with x as i, p as j:\n    y.set_to((i + j) % 3)\n"
    assert len(ways(body, "y")) == 9
    assert ways(body, "y")[5] == ("x=(1,)", "p=(2,)", 0)


def test_a_variable_that_a_branch_has_decided_is_known_in_it():
    body = "with x as i:\n    if x == 1:\n        y.set_to(x)\n    else:\n        y.set_to(0)\n"
    assert ways(body, "y") == [("x=(0,)", 0), ("x=(1,)", 1), ("x=(2,)", 0)]
    body = "if x == 1:\n    y.set_to(0)\nelse:\n    y.set_to(x)\n"
    assert ways(body, "y") == [("x=(1,)", 0), ("x=(0,)", 0), ("x=(2,)", 2)]


def test_inline_functions_are_expanded_and_may_return():
    found = unrolled("twice(y, x)\n")
    (one,) = found.assignments[Cell(found.declared["y"])]
    assert isinstance(one.expression.function, RuntimeDeclared)
    assert [cell.text for cell in one.expression.arguments] == ["x", "x"]
    body = "@Inline()\ndef pick(i):\n    if i == 0:\n        return x\n    return p\ny.set_to(pick(n - 1))\n"
    assert ways(body, "y") == [("p",)]
    body = "@Inline()\ndef pick():\n    with x as i:\n        return i\ny.set_to(pick())\n"
    with pytest.raises(TerpretError, match="no return inside a branch on a variable"):
        unrolled(body)
