"""Functions, control flow and contraction: multilinear extensions of what they do on integers."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro import constant, mode, one_hot, runtime, select, stack, switch, widen
from ntpt_pyro.errors import RangeError
from ntpt_pyro.language import _contract
from ntpt_pyro.language._contract import MOST_APART, SMALL, contract, is_apart
from ntpt_pyro.language.runtime_functions import RuntimeFunction

BATCHES = [  # batches of two values that broadcast: none, plates, enumeration dims of their own
    ((), ()),
    ((5,), (5,)),
    ((3, 1), (5,)),
    ((4, 1, 1, 1), (3, 1, 5)),
    ((7, 1, 1, 32), (9, 1, 32)),
]


def simplex(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64).add(0.01).log().softmax(-1)


@st.composite
def tables(draw):
    """An integer function of one to three arguments as a table, with its out range."""
    ranges = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    out = draw(st.integers(1, 5))
    values = draw(st.lists(st.integers(0, out - 1), min_size=math.prod(ranges), max_size=math.prod(ranges)))
    return ranges, out, torch.tensor(values).reshape(ranges)


def lifted(ranges, out, table) -> RuntimeFunction:
    function = {1: lambda x0: table[x0], 2: lambda x0, x1: table[x0, x1]}.get(
        len(ranges), lambda x0, x1, x2: table[x0, x1, x2]
    )
    return runtime(ranges, out)(function)


@given(tables())
def test_at_vertices_the_extension_is_the_function(case):
    ranges, out, table = case
    extension = lifted(*case)
    for integers in itertools.product(*map(range, ranges)):
        result = extension(*(constant(x, n) for x, n in zip(integers, ranges, strict=True)))
        assert torch.equal(result, constant(int(table[integers]), out))


@given(tables(), st.integers(0, 3))
def test_elsewhere_it_is_the_expectation_over_independent_arguments(case, seed):
    ranges, out, table = case
    values = [simplex(n, seed=seed + i) for i, n in enumerate(ranges)]
    expected = torch.zeros(out, dtype=torch.float64)
    for integers in itertools.product(*map(range, ranges)):
        weight = math.prod(float(v[x]) for v, x in zip(values, integers, strict=True))
        expected[table[integers]] += weight
    result = lifted(*case)(*values)
    torch.testing.assert_close(result, expected)
    assert float(result.sum()) == pytest.approx(1.0)


@given(tables())
def test_it_is_linear_in_each_argument(case):
    ranges, _, _ = case
    extension = lifted(*case)
    for varied in range(len(ranges)):
        first, second = ([simplex(n, seed=10 * s + i) for i, n in enumerate(ranges)] for s in (1, 2))
        second = [*first[:varied], second[varied], *first[varied + 1 :]]
        middle = [*first]
        middle[varied] = 0.3 * first[varied] + 0.7 * second[varied]
        torch.testing.assert_close(extension(*middle), 0.3 * extension(*first) + 0.7 * extension(*second))


@pytest.mark.parametrize("batches", BATCHES)
def test_batches_broadcast_in_functions_and_their_gradients(batches):
    @runtime([19, 4], 19)
    def mix(x, y):
        return (x * (y + 1)) % 19

    x, y = simplex(*batches[0], 19), simplex(*batches[1], 4)
    x.requires_grad_(), y.requires_grad_()
    result = mix(x, y)
    whole = torch.broadcast_shapes(*batches)
    table = torch.eye(19, dtype=torch.float64)[mix.table]
    expected = torch.einsum("...i,...j,ijk->...k", x.expand(*whole, 19), y.expand(*whole, 4), table)
    torch.testing.assert_close(result, expected)
    seeds = torch.randn(result.shape, dtype=torch.float64)
    for mine, theirs in zip(
        torch.autograd.grad(result, (x, y), seeds), torch.autograd.grad(expected, (x, y), seeds), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("batches", BATCHES)
def test_contraction_is_the_plain_broadcast_sum_by_either_path(batches):
    index, items = simplex(*batches[0], 6), torch.randn(*batches[1], 6, 11, dtype=torch.float64)
    index.requires_grad_(), items.requires_grad_()
    result = contract(index, items)
    expected = (index.unsqueeze(-1) * items).sum(-2)
    torch.testing.assert_close(result, expected)
    seeds = torch.randn(result.shape, dtype=torch.float64)
    for mine, theirs in zip(
        torch.autograd.grad(result, (index, items), seeds),
        torch.autograd.grad(expected, (index, items), seeds),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_the_batches_above_take_both_paths():
    sizes = [math.prod(torch.broadcast_shapes(*batches)) * 6 * 11 for batches in BATCHES]
    assert min(sizes) < SMALL < max(sizes)


@given(st.integers(1, 5), st.integers(1, 5))
def test_control_flow_is_the_branch_at_vertices_and_a_mixture_elsewhere(cases, size):
    values = [simplex(3, size, seed=n) for n in range(cases)]
    for chosen in range(cases):
        condition = constant(chosen, cases).double()
        torch.testing.assert_close(switch(condition, values), values[chosen])
        torch.testing.assert_close(select(condition, stack(values)), values[chosen])
    condition = simplex(3, cases)
    expected = sum(condition[:, [n]] * value for n, value in enumerate(values))
    for result in (
        switch(condition, values),
        switch(condition, dict(enumerate(values))),
        select(condition, values),
        select(condition, stack(values)),
    ):
        torch.testing.assert_close(result, expected)


def test_control_flow_names_what_is_missing_or_too_much():
    zero, one = constant(0, 2), constant(1, 2)
    with pytest.raises(
        RangeError, match=r"switch: expected the cases 0\.\.1, .* got 1 cases, none for \[1\]; give"
    ):
        switch(one, {0: zero})
    with pytest.raises(RangeError, match=r"got 3 cases, also \[2\]"):
        switch(one, [zero, zero, zero])
    with pytest.raises(RangeError, match=r"select: expected 2 items, the range of the index, got 3"):
        select(one, [zero, zero, zero])


def test_functions_name_what_does_not_fit():
    with pytest.raises(RangeError, match=r"add\(2, 1\): expected a result in 0\.\.2, got 3; enlarge"):

        @runtime([3, 2], 3)
        def add(a, b):
            return a + b

    with pytest.raises(RangeError, match=r"pair: expected 2 ranges, one an argument, got \[3\]"):

        @runtime([3], 3)
        def pair(a, b):
            return a

    @runtime([3, 2], 4)
    def fits(a, b):
        return a + b

    with pytest.raises(
        RangeError, match=r"fits: expected arguments of ranges \[3, 2\], got \[3, 3\]; the sizes"
    ):
        fits(constant(0, 3), constant(0, 3))
    with pytest.raises(RangeError, match=r"got \[3\]"):
        fits(constant(0, 3))
    assert fits.function(2, 1) == 3


def test_values_round_trip_and_refuse_what_is_outside():
    integers = torch.tensor([[0, 3], [2, 1]])
    assert torch.equal(mode(one_hot(integers, 4)), integers)
    assert torch.equal(mode(widen(one_hot(integers, 4), 9)), integers)
    for outside in (torch.tensor([4]), torch.tensor([-1])):
        with pytest.raises(RangeError, match=rf"one_hot: expected integers in 0\.\.3, got {int(outside)}"):
            one_hot(outside, 4)
    with pytest.raises(RangeError, match=r"constant: expected integers in 0\.\.3, got 4"):
        constant(4, 4)
    with pytest.raises(RangeError, match="widen: expected a range of at least 4, got 3"):
        widen(constant(1, 4), 3)


@pytest.mark.parametrize("batch", [(5,), (3, 1), (4, 3, 5)])
@pytest.mark.parametrize("first", ["a value", "a constant"])
def test_large_items_are_added_up_one_by_one_to_the_same(batch, first, monkeypatch):
    index = simplex(*batch, 3).requires_grad_()
    whole = torch.broadcast_shapes(batch, (3, 5)) if batch != (5,) else (3, 5)
    items = [simplex(*whole, 4, seed=number).requires_grad_() for number in range(3)]
    if first == "a constant":
        items[0] = simplex(4).requires_grad_()
    assert not is_apart(index.shape, tuple(item.shape for item in items))  # they are small
    expected = select(index, items)
    wanted = torch.autograd.grad(expected.square().sum(), [index, *items])
    monkeypatch.setattr(_contract, "SMALL", 0)
    is_apart.cache_clear()
    assert is_apart(index.shape, tuple(item.shape for item in items))
    found = select(index, items)
    is_apart.cache_clear()
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(torch.autograd.grad(found.square().sum(), [index, *items]), wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("items", "apart"),
    [([(64, 64, 19)] * 3, True), ([(19,), (64, 64, 19)], True), ([(64, 19), (64, 64, 19)], False)],
)
def test_items_are_added_up_one_by_one_where_each_has_the_whole_batch_or_none(items, apart):
    assert is_apart((64, 1, len(items)), tuple(items)) == apart
    assert not is_apart((64, 64, MOST_APART + 1), ((64, 64, 19),) * (MOST_APART + 1))
