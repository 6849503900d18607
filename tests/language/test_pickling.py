"""What goes from process to process: functions, errors, posteriors, tasks, libraries."""

import copy
import multiprocessing
import pickle

import pyro
import pytest
import torch

import tests.inference.tiny as tiny
from ntpt_pyro import (
    Library,
    MeanFieldPosterior,
    Task,
    Tensor,
    choice,
    learn,
    observe,
    one_hot,
    runtime,
    switch,
)
from ntpt_pyro.errors import DataError, NtptError, RangeError, TerpretError
from ntpt_pyro.inference import exact_posterior, fit, marginal
from ntpt_pyro.inference.exact.shared_search import NoProgramError


@runtime([8], 8)
def inc(x):
    """One more."""
    return (x + 1) % 8


@learn([Tensor(3)], 4, hid_sizes=[2])
def net(x):
    """A small network."""


def larger(x, y):
    return max(x, y)


class Holder:
    @staticmethod
    @runtime([2], 2)
    def flip(x):
        return 1 - x


def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", switch(line, [inc(one_hot(x, 8)), one_hot(x, 8)]), y)


X = torch.arange(8)
DATA = X, (X + 1) % 8


def again(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("copied", [again, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("function", [inc, Holder.flip, tiny.add], ids=repr)
def test_a_function_of_a_module_is_the_same_one_again(copied, function):
    assert copied(function) is function


def test_a_function_made_in_a_function_is_pickled_where_python_can():
    made = runtime([2, 2], 2)(larger)  # its module has the function itself under its name
    twin = again(made)
    assert twin.name == "larger"
    assert torch.equal(twin.table, made.table)
    local = runtime([2], 2)(lambda x: x)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(local)
    assert copy.deepcopy(local)(1) == 1


def test_a_function_has_the_names_of_what_it_was_made_of():
    assert (inc.__module__, inc.__qualname__, inc.__doc__) == (__name__, "inc", "One more.")


@pytest.mark.parametrize("kind", [NtptError, RangeError, DataError, NoProgramError])
def test_an_error_has_its_parts_again(kind):
    error = kind("add", expected="range 19", got="range 10", remedy="widen it")
    for twin in (again(error), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert str(twin) == str(error) == "add: expected range 19, got range 10; widen it"
        assert (twin.where, twin.expected, twin.got, twin.remedy) == (
            "add",
            "range 19",
            "range 10",
            "widen it",
        )


def test_an_error_of_a_text_keeps_its_excerpt():
    error = TerpretError("a:1", expected="b", got="c", remedy="d", excerpt="x\n^")
    error.add_note("a note")
    twin = again(error)
    assert (str(twin), twin.excerpt, twin.__notes__) == (str(error), "x\n^", ["a note"])


def raises(_):
    raise RangeError("add", expected="range 19", got="range 10", remedy="widen it")


def test_an_error_of_another_process_arrives_whole():
    message = "add: expected range 19, got range 10; widen it"
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(RangeError, match=message):
        pool.map(raises, [0])


def test_posteriors_and_tasks_are_pickled_and_copied():
    exact = exact_posterior(model, DATA)
    guide = fit(model, DATA, steps=3).guide
    mean_field = MeanFieldPosterior({site: probs[0, 0] for site, probs in guide.probabilities().items()})
    for posterior in (exact.posterior, mean_field):
        for twin in (again(posterior), copy.deepcopy(posterior)):
            assert twin.mode() == posterior.mode()
            assert twin.top(2) == posterior.top(2)
    assert again(exact).posterior.top(1) == exact.posterior.top(1)
    task = Task(model, examples=DATA)
    for twin in (again(task), copy.deepcopy(task)):
        assert twin.model is task.model


def test_libraries_and_guides_are_pickled_and_copied():
    library = Library([net], seed=3)
    x = torch.randn(5, 3)
    for twin in (again(library), copy.deepcopy(library)):
        assert torch.equal(twin["net"](x), library["net"](x))
        assert twin.digest() == library.digest()
    guide = marginal().guide(model, *DATA)
    assert torch.equal(again(guide).logits()["line"], guide.logits()["line"])
