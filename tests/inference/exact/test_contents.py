"""Values kept once: equal ones are one, others are not; and rows of numbers told apart."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntpt_pyro.inference.exact.contents import Contents, distinct, distinct_keys, mixed, packed


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (5, 4), (2, 5, 4)])
def test_equal_contents_are_one_and_others_are_not(dtype, shape):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        contents = Contents(shape)
        generator = torch.Generator().manual_seed(0)
        values = torch.rand(50, *shape, generator=generator, dtype=dtype)
        ids = contents.add(values)
        assert (contents.size, len(set(ids.tolist()))) == (50, 50)
        again = torch.randint(50, (200,), generator=generator)
        assert (contents.add(values[again]) == ids[again.numpy()]).all()
        assert contents.size == 50
        assert torch.equal(contents[ids], values)
        assert contents.bytes >= values.numel() * values.element_size()
    finally:
        torch.set_default_dtype(before)


def test_what_differs_by_rounding_only_is_one_and_by_more_is_not():
    """A part in two million, but at a boundary of rounding."""
    contents = Contents((3,))
    value = torch.tensor([[0.3, 0.2, 0.5]], dtype=torch.float64)
    (first,) = contents.add(value)
    assert contents.add(value * (1 + 1e-12)).tolist() == [first]
    assert contents.add(value + 1e-5).tolist() != [first]
    assert contents.add(value.flip(-1)).tolist() != [first]
    assert contents.add(torch.tensor([[0.0, 0.2, 0.5]])) == contents.add(torch.tensor([[-0.0, 0.2, 0.5]]))


def test_tiny_probabilities_are_told_apart():
    contents = Contents((2,))
    ids = contents.add(torch.tensor([[1e-30, 1.0], [2e-30, 1.0], [0.0, 1.0]], dtype=torch.float64))
    assert len(set(ids.tolist())) == 3


def test_vertices_and_supports():
    contents = Contents((2, 3))
    sure = torch.eye(3)[[1, 1]]
    other = torch.eye(3)[[0, 2]]
    mixed_ = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    half = torch.tensor([[0.0, 0.5, 0.0], [0.0, 0.5, 0.0]])
    ids = contents.add(torch.stack([sure, other, mixed_, half]))
    assert contents.vertices(ids).tolist() == [1, -1, -1, -1]
    assert contents.support(ids).tolist() == [
        [False, True, False],
        [True, False, True],
        [True, True, False],
        [False, True, False],
    ]
    more = contents.add(torch.eye(3)[[2, 2]].unsqueeze(0))
    assert contents.vertices(more).tolist() == [2]


columns = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(-1, 3), min_size=width, max_size=width), min_size=1, max_size=40
    )
)


@given(columns, st.sampled_from([1, 2**20, 2**31 - 10]))
def test_rows_are_told_apart(rows, factor):
    """Also where their numbers are so large that rows are hashed."""
    table = np.array(rows, dtype=np.int64)
    table = np.where(table > 0, np.minimum(table * factor, 2**31 - 2), table)
    some = [np.ascontiguousarray(column, dtype=np.int32) for column in table.T]
    first, kinds = distinct(some)
    unique = {tuple(row) for row in table.tolist()}
    assert len(first) == len(unique) == kinds.max() + 1
    for row, kind in zip(table.tolist(), kinds, strict=True):
        assert table[first[kind]].tolist() == row


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60))
def test_keys_are_told_apart_with_a_bound_and_without(keys):
    small = np.array(keys, dtype=np.int64) % 1000
    for bound in (0, 1000):
        first, kinds = distinct_keys(small, bound)
        assert (small[first][kinds] == small).all()
        assert len(first) == len(set(small.tolist()))
    assert packed([small.astype(np.int32)])[1] == small.max() + 2


def test_numbers_stay_different_when_their_bits_are_mixed():
    assert len(np.unique(mixed(np.arange(-50_000, 50_000)))) == 100_000
