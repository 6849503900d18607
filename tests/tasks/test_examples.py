"""Examples: parts of them, and what they must not be."""

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.examples import Examples, checked_examples

SOME = Examples((torch.rand(5, 2), torch.arange(5), torch.arange(5) + 10))


def test_inputs_are_all_but_the_last():
    assert len(SOME) == 5
    assert len(SOME.inputs) == 2
    assert SOME.results.tolist() == [10, 11, 12, 13, 14]
    assert repr(SOME) == "<Examples 5 of 2 input(s) and a result>"


def test_a_split_keeps_order_and_a_choice_of_rows_gives_it():
    first, rest = SOME.split(2)
    assert (first.results.tolist(), rest.results.tolist()) == ([10, 11], [12, 13, 14])
    assert SOME.take(torch.tensor([4, 0])).results.tolist() == [14, 10]
    assert torch.equal(SOME.take(torch.tensor([4])).tensors[0], SOME.tensors[0][4:])


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ((torch.arange(3), torch.arange(2)), r"the same number of examples, at least 1, got \[3, 2\]"),
        ((torch.arange(0), torch.arange(0)), r"at least 1, got \[0, 0\]"),
        ((torch.arange(3),), "a tuple of tensors, inputs and a result, got 1"),
        (torch.arange(3), "a tensor for each argument of the model, .*, got one Tensor"),
        (None, "a tensor for each argument of the model, .*, got one NoneType"),
        (
            (torch.arange(3), [1, 2, 3]),
            "examples, number 1: expected a tensor, .* with an axis of examples, got list",
        ),
        (
            (torch.tensor(3), torch.arange(3)),
            "number 0: expected a tensor, .* with an axis of examples, got Tensor",
        ),
        (
            (np.arange(3), torch.rand(3)),
            r"integers as results, which the last tensor holds, got torch.float32",
        ),
    ],
)
def test_what_are_no_examples_is_refused_in_a_line(tensors, message):
    with pytest.raises(DataError, match=message) as caught:
        checked_examples("mine", tensors)
    assert str(caught.value).startswith("task mine, examples")
    assert "\n" not in str(caught.value)
