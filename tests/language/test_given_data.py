"""Data as people have them: taken, or refused by name."""

import math

import numpy as np
import pyro
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ntpt_pyro import Library, Tensor, choice, learn, observe, one_hot, switch
from ntpt_pyro.errors import DataError, RangeError
from ntpt_pyro.inference import exact_posterior, fit
from ntpt_pyro.language.given_data import given_data
from ntpt_pyro.tasks.examples import Examples

X = torch.arange(12) % 4
Y = (X + 1) % 4


class Rows(Dataset):
    """A dataset of rows: a tensor and a number."""

    def __len__(self):
        return len(X)

    def __getitem__(self, number):
        return X[number], int(Y[number])


class Texts(Rows):
    def __getitem__(self, number):
        return X[number], "one"


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


GIVEN = {
    "tensors": (X, Y),
    "a list": [X, Y],
    "arrays": (X.numpy(), Y.numpy()),
    "a dataset of tensors": TensorDataset(X, Y),
    "a dataset of rows": Rows(),
    "a loader": DataLoader(TensorDataset(X, Y), batch_size=5, shuffle=True),
    "a loader of rows": DataLoader(Rows(), batch_size=5),
    "examples of a task": Examples((X, Y)),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_what_people_have_is_taken(given):
    x, y = given_data("test, data", given)
    assert torch.equal(x, X)
    assert torch.equal(y, Y)


def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 4), one_hot((x + 1) % 4, 4)]), y)


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_the_same_is_learned_from_all_of_them(given):
    losses = fit(model, (X, Y), steps=3).losses
    assert fit(model, given, steps=3).losses == losses


REFUSED = {
    "one tensor": (X, "expected a tensor for each argument of the model, .* got one Tensor; give a tuple"),
    "one array": (X.numpy(), "got one ndarray"),
    "a text": ("data.npz", "got one str"),
    "a mapping": ({"x": X, "y": Y}, "got one dict"),
    "a stream": (Stream(), "expected a dataset that knows its length, got Stream"),
    "nothing": ((), r"the same number of examples, at least 1, got \[\]"),
    "no example": ((X[:0], Y[:0]), r"at least 1, got \[0, 0\]"),
    "other lengths": ((X, Y[:-1]), r"got \[12, 11\]"),
    "a number": ((X, 3), "number 1: expected a tensor, or an array of numbers, .* got int"),
    "a scalar": ((X, torch.tensor(3)), r"number 1: .* got Tensor of shape \[\]"),
    "an array of texts": ((np.array(["a"] * 12), Y), "number 0: .* got ndarray of <U1"),
    "an array of objects": ((np.array([None] * 12), Y), "number 0: .* got ndarray of object"),
    "rows of texts": (
        Texts(),
        "number 1 of each row of Texts: expected numbers, or tensors of one shape, got str",
    ),
    "a pixel of nan": ((torch.tensor([[0.0], [math.nan]]), Y[:2]), "number 0, example 1: expected finite"),
    "infinity": ((np.array([math.inf, 1.0]), Y[:2]), "number 0, example 0: .* in 1 of 2 examples"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_taken_is_named(given, message):
    with pytest.raises(DataError, match=f"^test, data.*{message}"):
        given_data("test, data", given)


INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_are_of_any_integer_type(dtype):
    assert fit(model, (X, Y.to(dtype)), steps=3).losses == fit(model, (X, Y), steps=3).losses
    found, as_is = (exact_posterior(model, (X, y)).posterior for y in (Y.to(dtype), Y))
    assert torch.equal(found.marginals["line"], as_is.marginals["line"])


def test_labels_that_are_true_or_false_are_integers():
    def either(x, y):
        line = choice("line", 2)
        with pyro.plate("examples", len(x)):
            observe("y", switch(line, [one_hot(x, 2), one_hot(1 - x, 2)]), y)

    bits = X % 2
    assert exact_posterior(either, (bits, bits == 0)).posterior.mode() == {"line": 1}


@pytest.mark.parametrize("labels", [Y.float(), Y.double(), Y.to(torch.complex64)])
def test_labels_that_are_no_integers_are_refused(labels):
    with pytest.raises(RangeError, match="observed site 'y': expected integers, got numbers of torch"):
        fit(model, (X, labels), steps=1)


@learn([Tensor(2, 2)], 3, hid_sizes=[4])
def layers(image):
    """A fully connected network."""


@learn([Tensor(2, 2)], 3, module=lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)))
def module(image):
    """A module of one's own."""


@pytest.mark.parametrize("function", [layers, module], ids=["layers", "module"])
@pytest.mark.parametrize("copies", [None, 3])
def test_pixels_may_be_bytes_or_of_any_floating_type(function, copies):
    network = Library([function], copies=copies)[function.name]
    pixels = torch.randint(256, (5, 2, 2), dtype=torch.uint8)
    wanted = network(pixels.float() / 255)
    torch.testing.assert_close(network(pixels), wanted)
    torch.testing.assert_close(network(pixels.double() / 255), wanted)
    torch.testing.assert_close(network(pixels > 99), network((pixels > 99).float()))


@pytest.mark.parametrize("function", [layers, module], ids=["layers", "module"])
def test_pixels_that_are_integers_are_refused(function):
    network = Library([function])[function.name]
    with pytest.raises(
        RangeError, match=rf"{function.name}: expected pixels .*, got torch.int64 of shape \[1, 2, 2\]"
    ):
        network(torch.zeros(1, 2, 2, dtype=torch.int64))


def test_a_library_of_doubles_takes_floats():
    network = Library([layers]).double()["layers"]
    assert network(torch.zeros(1, 2, 2)).dtype == torch.float64
