"""Names that stand for one thing throughout are not hidden by another; what may be bound again still may."""

import pytest

from ntpt_pyro.errors import DataError, TerpretError
from ntpt_pyro.terpret import load

HEAD = """n = Hyper()
p = Param(3)
q = Param(2)[2]
v = Var(3)
w = Var(3)[2]
x = Input(3)
y = Output(3)
f[0] = Param(2)
@Runtime([3, 3], 3)
def add(u, v):
    return (u + v) % 3
@Inline()
def copy(y, n):
    y.set_to(n)
k = 1
"""
LINES = HEAD.count("\n")
FREE = "expected a free name for"


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("y = 1\n", 1, 1, "expected set_to, as y is a declared Output, got an assignment; write y.set_to(1)"),
        ("y = add(p, x)\n", 1, 1, "got an assignment; write y.set_to(add(p, x))"),
        ("v = p\n", 1, 1, "as v is a declared Var, got an assignment; write v.set_to(p)"),
        ("w[1] = p\n", 1, 1, "as w is a declared Var, got an assignment; write w[1].set_to(p)"),
        ("w = 1\n", 1, 1, "write w[...].set_to(1)"),
        (
            "p = 1\n",
            1,
            1,
            "expected set_to_constant, as p is a declared Param, got an assignment; write p.set",
        ),
        ("q[0] = 1\n", 1, 1, "write q[0].set_to_constant(1)"),
        ("f[0] = 1\n", 1, 1, "write f[0].set_to_constant(1)"),
        ("x = 1\n", 1, 1, "expected a free name, got the Input x; take another name"),
        ("if p == 0:\n    v = 1\nelse:\n    v = 2\n", 2, 5, "write v.set_to(1)"),
        ("@Inline()\ndef g():\n    v = 1\ng()\n", 3, 5, "write v.set_to(1)"),
        ("n = 3\n", 1, 1, f"{FREE} a constant or a variable, got the hyper n; take another name"),
        ("add = 3\n", 1, 1, f"{FREE} a constant or a variable, got the function add"),
        ("Param = 3\n", 1, 1, "got Param, a word of the language"),
        ("for n in range(2):\n    pass\n", 1, 5, f"{FREE} the variable of the loop, got the hyper n"),
        ("for y in range(2):\n    pass\n", 1, 5, f"{FREE} the variable of the loop, got the Output y"),
        ("for range in range(2):\n    pass\n", 1, 5, "got range, a word of the language"),
        ("with p as x:\n    pass\n", 1, 11, f"{FREE} the name of a value, got the Input x"),
        (
            "for i in range(2):\n    for i in range(2):\n        pass\n",
            2,
            9,
            "got i, which counts in line 16, around it",
        ),
        ("for i in range(2):\n    i = 2\n", 2, 5, "got i, which counts in line 16, around it"),
        ("with p as i:\n    with x as i:\n        pass\n", 2, 15, "got i, which counts in line 16"),
        ("add = Var(2)\n", 1, 7, f"{FREE} what is declared, got the function add"),
        ("k = Var(2)\n", 1, 5, f"{FREE} what is declared, got k, which is bound above"),
        ("n = Param(2)\n", 1, 5, f"{FREE} what is declared, got the hyper n"),
        ("@Inline()\ndef y():\n    pass\n", 2, 1, f"{FREE} what is declared, got the Output y"),
        ("@Inline()\ndef add(u):\n    pass\n", 2, 1, "got the function add"),
        ("@Runtime([2], 2)\ndef k(u):\n    return u\n", 2, 1, "got k, which is bound above"),
        ("v = Hyper()\n", 1, 5, f"{FREE} what is declared, got the Var v"),
        (
            "z = Hyper(3)\n",
            1,
            5,
            "expected z = Hyper(), got Hyper(3); its one integer is in the file of hypers",
        ),
        ("z = Hyper()[2]\n", 1, 5, "expected z = Hyper(), got Hyper()[2]"),
    ],
)
def test_what_would_hide_a_name_is_refused_with_its_place(body, line, column, message):
    with pytest.raises(TerpretError) as caught:
        load(HEAD + body, "text.py", {"n": 2})
    assert str(caught.value).startswith(f"text.py:{LINES + line}:{column}: ")
    assert message in str(caught.value)


def test_names_that_may_be_bound_again_are():
    body = """
k = k + 1
for i in range(k):
    one = w[i]
    one.set_to(add(p, i))
    k = i
for i in range(1):
    pass
i = 1
with p as i:
    pass
for i in range(1):
    pass
copy(v, 2)
copy(y, w[k])
"""
    model = load(HEAD + body, "text.py", {"n": 2})
    assert model.run({"p": 1}, {"x": 0}) == {"y": 2}


@pytest.mark.parametrize(
    ("hypers", "message"),
    [
        (
            {"n": 2, "N": 3},
            "hypers of text.py: expected hypers that the text has (n), got 'N'; did you mean 'n'?",
        ),
        ({"n": 2, "steps": 3}, "got 'steps'; leave it out, or declare it in the text by Hyper()"),
    ],
)
def test_hypers_that_the_text_does_not_have_are_refused(hypers, message):
    with pytest.raises(DataError) as caught:
        load(HEAD + "y.set_to(p)\n", "text.py", hypers)
    assert message in str(caught.value)
