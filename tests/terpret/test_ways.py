"""Variables that are set on some ways through a text only, and names that are bound there."""

from itertools import product

import pyro
import pytest
import torch

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.inference import marginal
from ntpt_pyro.terpret import load
from ntpt_pyro.terpret.symbols import Cell
from ntpt_pyro.terpret.ways import covers

CONDITIONAL = """
c = Param(3)
d = Param(2)
t = Var(3)
y = Output(3)
if c == 1:
    t.set_to(2)
elif c == 2:
    if d == 0:
        t.set_to(1)
    else:
        t.set_to(d)
else:
    pass
if c == 0:
    y.set_to(0)
else:
    y.set_to(t)
"""
"""What is read where c is 1 or 2 is set there only, by two ways that are told apart again."""

NESTED = """
a = Param(3)
b = Param(3)
c = Param(2)
t = Var(3)
y = Output(3)
z = Output(3)
with a as i:
    if i < 2:
        if b == 0:
            t.set_to(i)
        elif b == 1:
            with c as j:
                t.set_to(i + j)
        else:
            pass
if b == 2:
    y.set_to(2)
    z.set_to(1)
else:
    with a as i:
        if i < 2:
            y.set_to(t)
            z.set_to(c)
        else:
            y.set_to(0)
            z.set_to(b)
"""

PUBLISHED = """
h = Param(2)
s = Param(3)
w = Param(3)[3]
x = Input(3)
seen = Var(3)
same = Var(2)
y = Output(3)
@Runtime([3, 3], 2)
def equal(u, v): return 1 if u == v else 0
if h == 1:
    y.set_to(x)
elif h == 0:
    with s as k:
        seen.set_to(w[k])
    same.set_to(equal(seen, x))
    if same == 1:
        y.set_to(seen)
    elif same == 0:
        y.set_to(0)
"""
"""In the style of TerpreT's own models: temporary values of a branch."""


def by_integers(model, inputs):
    """What every program comes to on every instance."""
    for values in product(*(range(cell.size) for cell in model.params)):
        program = {cell.site: value for cell, value in zip(model.params, values, strict=True)}
        yield (
            program,
            [model.run(program, {name: value}) for name, value in inputs] or [model.run(program, {})],
        )


def on_vertices(model, program, *data):
    vertices = {
        cell.site: torch.nn.functional.one_hot(torch.tensor(program[cell.site]), cell.size).float()
        for cell in model.params
    }
    return marginal()(pyro.poutine.condition(model, data=vertices))(*data)


@pytest.mark.parametrize("text", [CONDITIONAL, NESTED, PUBLISHED])
@pytest.mark.parametrize("form", ["compiled", "one by one"])
def test_on_vertices_a_text_is_what_it_is_on_integers(text, form):
    model = load(text, "text", {})
    inputs = [("x", value) for value in range(3)] if model.inputs else []
    data = [torch.tensor([value for _, value in inputs])] if inputs else []
    called = model if form == "compiled" else model.one_by_one
    for program, wanted in by_integers(model, inputs):
        called_with = {
            cell.site: torch.nn.functional.one_hot(torch.tensor(program[cell.site]), cell.size).float()
            for cell in model.params
        }
        found = marginal()(pyro.poutine.condition(called, data=called_with))(
            *data, *[None] * len(model.outputs)
        )
        for site, value in found.items():
            integers = value.expand(len(wanted), value.shape[-1]).argmax(-1).tolist()
            assert integers == [one[site] for one in wanted], (program, site)
            assert (value.max(-1).values > 0.9999).all()


def test_its_distribution_is_given_that_it_is_set():
    model = load(CONDITIONAL, "text", {})
    c, d = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.4, 0.6])
    conditioned = pyro.poutine.condition(model, data={"c": c, "d": d})
    given_set = torch.tensor([0.0, 0.5, 0.3]) / 0.8  # 2 where c is 1; 1 where c is 2, whatever d is
    wanted = c[0] * torch.tensor([1.0, 0.0, 0.0]) + (c[1] + c[2]) * given_set
    torch.testing.assert_close(marginal()(conditioned)(None)["y"].squeeze(0), wanted)
    one_by_one = pyro.poutine.condition(model.one_by_one, data={"c": c, "d": d})
    torch.testing.assert_close(marginal()(one_by_one)(None)["y"].squeeze(0), wanted)


@pytest.mark.parametrize("text", [NESTED, PUBLISHED])
def test_both_forms_have_the_same_distributions(text):
    model = load(text, "text", {})
    data = [torch.arange(3)] if model.inputs else []
    data += [None] * len(model.outputs)
    source = torch.Generator().manual_seed(0)
    for _ in range(5):
        params = {cell.site: torch.randn(cell.size, generator=source).softmax(-1) for cell in model.params}
        compiled = marginal()(pyro.poutine.condition(model, data=params))(*data)
        one_by_one = marginal()(pyro.poutine.condition(model.one_by_one, data=params))(*data)
        for site, value in compiled.items():
            torch.testing.assert_close(value.broadcast_to(one_by_one[site].shape), one_by_one[site])


def test_what_all_ways_have_in_common_is_left_out():
    model = load(PUBLISHED, "text", {})
    h = torch.tensor([1e-12, 1.0])
    params = {"h": h, "s": torch.ones(3) / 3} | {f"w_{n}": torch.tensor([0.0, 0.0, 1.0]) for n in range(3)}
    seen = model.one_by_one.trees[Cell(model._unrolled.declared["seen"])]
    assert seen.cell.text == "s"
    found = marginal()(pyro.poutine.condition(model, data=params))(torch.tensor([1]), None)["y"]
    assert found.isfinite().all()


HEAD = "p = Param(3)\nq = Param(2)\nv = Var(3)\nk = 0\no = Output(3)\n"


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("if p == 0: v.set_to(1)\nelse: pass\no.set_to(v)\n", 8, "got a value only where p is 0"),
        (
            "if p == 0: v.set_to(1)\nelse: pass\nif q == 0:\n    o.set_to(v)\nelse:\n    o.set_to(0)\n",
            9,
            "v to be set before it is read, got a value only where p is 0",
        ),
        (
            "if p == 0: v.set_to(1)\nelse: pass\nif q == 0:\n    v.set_to(0)\nelse: pass\no.set_to(0)\n",
            9,
            "v to be set once on every way, got a second set_to, after line 6",
        ),
        ("if p == 0:\n    o.set_to(0)\nelse: pass\n", 5, "o to be set on every way, got a value only"),
        # names
        ("if p == 0: k = 1\nelse: k = 2\no.set_to(k)\n", 8, "'k', to which cases of the branch in line"),
        ("if p == 0:\n    k = 1\nelse: pass\no.set_to(k)\n", 9, "'k', to which cases"),
        ("if p == 0:\n    new = 1\nelse: pass\no.set_to(new)\n", 9, "'new', to which cases"),
        ("with p as i:\n    pass\no.set_to(i)\n", 8, "'i', to which cases of the branch in line 6"),
        ("if p == 0:\n    pass\nelse:\n    k = v\no.set_to(k)\n", 10, "'k', to which cases"),
        ("if q == 0:\n for i in range(2): pass\nelse:\n for i in range(3): pass\no.set_to(i)\n", 10, "'i'"),
        ("if p == 0:\n @Inline()\n def f(): return 0\nelse: pass\no.set_to(0)\n", 8, "got f inside a"),
        # families and sites
        ("w[0] = Param(2)\nw[0] = Param(3)\no.set_to(0)\n", 7, "a second one of w[0], declared in"),
        ("w[0] = Param(2)\no.set_to(w[1])\n", 7, "an index of w that is declared ([0]), got [1]"),
        ("w[0] = Input(2)\no.set_to(0)\n", 6, "expected Param(n) or Var(n)"),
        ("k[0] = Param(2)\no.set_to(0)\n", 6, "declared, got k, which is bound above"),
        ("w = Param(2)[1]\nw_0 = Var(2)\no.set_to(0)\n", 7, "w_0, whose site w_0 is that of w[0]"),
        ("instances = Param(2)\no.set_to(0)\n", 6, "that of the dimension of that name"),
        ("@Inline()\ndef f(n): return f(n)\no.set_to(" + "-" * 150 + "f(1))\n", 7, "got one more, of f"),
    ],
)  # fmt: skip
def test_what_would_depend_on_a_branch_is_refused_with_its_line(body, line, message):
    with pytest.raises(TerpretError) as caught:
        load(HEAD + body, "text", {})
    found = str(caught.value)
    assert found.startswith(f"text:{line}:")
    assert message in found


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # all cases bind it alike
        ("if p == 0:\n    k = 1\nelse:\n    k = 1\no.set_to(k)\n", {0: 1, 1: 1, 2: 1}),
        # cases do not see each other's names
        ("if p == 0:\n    k = 2\n    o.set_to(k)\nelse:\n    o.set_to(k)\n", {0: 2, 1: 0, 2: 0}),
        # bound again
        ("with p as k:\n    o.set_to(k)\nk = 2\nv.set_to(k)\n", {0: 0, 1: 1, 2: 2}),
        # names of a function are its own
        ("@Inline()\ndef f(u):\n    k = u + 1; return k\nif p == 0: o.set_to(f(0))\nelse: o.set_to(f(1))\n",
         {0: 1, 1: 2, 2: 2}),
        # set in two branches
        ("if p == 0: v.set_to(1)\nelse: pass\nif p == 0:\n    pass\nelse:\n    v.set_to(p)\no.set_to(v)\n",
         {0: 1, 1: 1, 2: 2}),
        # an output that is read, arrays without elements, declared elements
        ("r = Output(3)\nz = Param(4)[0, 2]\nr.set_to(p)\no.set_to(r)\n", {0: 0, 1: 1, 2: 2}),
        ("for i in range(2): w[i] = Var(i + 2)\nw[0].set_to(0)\nw[1].set_to(p); o.set_to(w[1])\n", {2: 2}),
        ("o.set_to(min(2, 4, abs(-7)) - max(0, 1))\n", {0: 1, 1: 1, 2: 1}),
    ],
)  # fmt: skip
def test_what_does_not_depend_on_a_branch_means_the_same_in_both(body, wanted):
    model = load(HEAD + body, "text", {})
    for value, result in wanted.items():
        program = {cell.site: 0 for cell in model.params} | {"p": value}
        assert model.run(program, {})["o"] == result
        assert int(on_vertices(model, program, *[None] * len(model.outputs))["o"].argmax(-1)) == result


def test_ways_that_cover_everything():
    def ways(*told):
        return [tuple((name, values) for name, values in one) for one in told]

    sizes = {"a": range(2), "b": range(3)}.__getitem__
    assert covers(ways([]), sizes)
    assert not covers(ways(), sizes)
    assert covers(ways([("a", (0,))], [("a", (1,)), ("b", (0, 1))], [("b", (2,)), ("a", (1,))]), sizes)
    assert not covers(ways([("a", (0,))], [("a", (1,)), ("b", (0, 1))]), sizes)


def test_branches_on_large_ranges_are_refused_in_time():
    text = "p = Param(700)\nq = Param(3)\ny = Var(4)\nx = Input(2)\no = Output(2)\n"
    text += "with p as i0:\n with p as i1:\n  with q as i2:\n   y.set_to(0)\no.set_to(x)\n"
    assert len(load(text, "text", {}).params) == 2  # the inner branch goes where the outer one went
    text = text.replace("with p as i1", "with x as i1").replace("Param(3)", "Param(5000)")
    with pytest.raises(TerpretError, match="text:9:4: expected at most 100,000 statements"):
        load(text, "text", {})
