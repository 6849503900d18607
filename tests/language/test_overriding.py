"""A tensor class of one's own says what functions of the language make of it; others are not asked."""

import pytest
import torch
from torch import Tensor

from ntpt_pyro import constant, runtime, select, stack, switch, widen
from ntpt_pyro.errors import RangeError
from ntpt_pyro.language.overriding import overriding


class Noted(Tensor):
    """Notes what it is asked, and answers with a text."""

    asked: list = []  # noqa: RUF012  # one list, emptied by each test

    @classmethod
    def ntpt_function(cls, function, arguments):
        cls.asked.append((function, arguments))
        return "answer"


class Other(Noted):
    @classmethod
    def ntpt_function(cls, function, arguments):
        return "other answer"


class Plain(Tensor):
    """A subclass that says nothing."""


@pytest.fixture(autouse=True)
def nothing_asked():
    Noted.asked.clear()


@runtime([2, 2], 2)
def both(x, y):
    return x & y


def noted(*values):
    return torch.tensor(values).as_subclass(Noted)


def test_select_asks_it_at_every_place():
    value, one = noted(0.5, 0.5), constant(0, 2)
    cases = [
        (value, [one, one]),
        (one, [one, value]),
        (one, [value, one]),
        (one, noted([1.0, 0.0], [0.0, 1.0])),
    ]
    for index, items in cases:
        Noted.asked.clear()
        assert select(index, items) == "answer"
        ((function, arguments),) = Noted.asked
        assert function is select
        assert arguments[0] is index
        assert arguments[1] is items


def test_a_switch_asks_it_as_a_select():
    one = constant(0, 2)
    assert switch(noted(0.5, 0.5), {0: one, 1: one}) == "answer"
    assert [function for function, _ in Noted.asked] == [select]


def test_stacks_and_runtime_functions_ask_it():
    value, one = noted(0.5, 0.5), constant(0, 2)
    assert stack([one, value]) == "answer"
    assert both(one, value) == "answer"
    assert both(value, one) == "answer"
    assert [function for function, _ in Noted.asked] == [stack, both, both]
    (arguments,) = Noted.asked[0][1]
    assert arguments[1] is value
    assert Noted.asked[1][1] == (one, value)


def test_ranges_are_checked_before_it_is_asked():
    with pytest.raises(RangeError, match="expected 2 items"):
        select(noted(0.5, 0.5), [constant(0, 2)])
    with pytest.raises(RangeError, match=r"expected arguments of ranges \[2, 2\]"):
        both(noted(0.5, 0.25, 0.25), constant(0, 2))
    assert not Noted.asked


def test_the_first_class_that_answers_is_asked():
    one = constant(0, 2)
    other = one.as_subclass(Other)
    assert overriding([one, one.as_subclass(Plain), other, noted(0.5, 0.5)]) is Other
    assert overriding((noted(0.5, 0.5), other)) is Noted
    assert both(other, noted(0.5, 0.5)) == "other answer"


def test_ordinary_tensors_are_computed_as_ever():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 5, 2, generator=generator).log_softmax(-1).exp()
    assert overriding([x, y, torch.nn.Parameter(x), 3, None]) is None
    joint = x[:, :, None] * y[:, None, :]
    torch.testing.assert_close(both(x, y)[:, 1], joint[:, 1, 1])
    torch.testing.assert_close(select(x, [y, y.flip(-1)]), x[:, :1] * y + x[:, 1:] * y.flip(-1))
    assert torch.equal(stack([x, y]), torch.stack([x, y], -2))
    plain = y.as_subclass(Plain)
    torch.testing.assert_close(torch.as_tensor(both(x, plain)).as_subclass(Tensor), both(x, y))
    torch.testing.assert_close(both(torch.nn.Parameter(x), y), both(x, y))
    assert not Noted.asked


def test_what_is_no_function_of_the_language_goes_the_way_of_torch():
    value = noted(0.25, 0.75)
    wide = widen(value, 3)
    assert isinstance(wide, Noted)
    assert wide.tolist() == [0.25, 0.75, 0.0]
    assert not Noted.asked
