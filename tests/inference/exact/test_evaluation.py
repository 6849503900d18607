"""What is computed for many programs: only what they need, each different computation once."""

from collections import Counter

import pytest
import torch

from ntpt_pyro import choice, observe, runtime, select, stack, switch
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.inference.exact import evaluation
from tests.inference.exact.every_program import agrees, every_program
from tests.inference.exact.shared_models import data, either, plate, plus, turned


@pytest.fixture
def garbage():
    """What was not written reads as NaN, not as whatever is there."""
    before = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    assert bool(torch.empty(3).isnan().all())
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.utils.deterministic.fill_uninitialized_memory = before[1]


def never_selected(x, y):
    """An uncertain index that is never 2, of items that are of other shapes."""
    a, b = choice("a", 2), choice("b", 3)
    with plate(y):
        index = torch.tensor([0.5, 0.5, 0.0]).expand(len(y), 3)
        observe("out", select(index, [either(x, turned(x), a), x, b]), y, noise=0.1)


def test_an_item_that_no_index_reads_is_not_read(garbage):
    given = data(4)
    found = exact_posterior(never_selected, given, tolerance=0).posterior
    agrees(found, every_program(never_selected, given))
    assert found.programs() == 2  # nothing reads b


def seldom_selected(x, y):
    """An index that is uncertain on some examples only, and depends on a choice."""
    a, b, c = choice("a", 2), choice("b", 3), choice("c", 3)
    with plate(y):
        which = switch(a, [x, torch.eye(3)[y]])
        first = select(which, [b, plus(c, x), x])
        observe("out", select(plus(x, x), stack([first, turned(first), b])), y, noise=0.1)


@pytest.mark.parametrize("sure", [False, True])
def test_mixtures_and_certain_indices_in_one(garbage, sure):
    given = data(5, sure=sure)
    agrees(
        exact_posterior(seldom_selected, given, tolerance=0).posterior, every_program(seldom_selected, given)
    )


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_computing_a_few_at_a_time_changes_nothing(monkeypatch, at_once):
    monkeypatch.setattr(evaluation, "AT_ONCE", at_once)
    given = data(5)
    agrees(
        exact_posterior(seldom_selected, given, tolerance=0).posterior, every_program(seldom_selected, given)
    )


def four_arguments(x, y):
    """A function of more arguments than are told apart by their numbers alone."""

    @runtime([3, 3, 3, 2], 3)
    def mixed(p, q, r, s):
        return (p + 2 * q + r * s) % 3

    a, b, c, d = (choice(site, size) for site, size in zip("abcd", (3, 3, 3, 2), strict=True))
    with plate(y):
        first = mixed(a, plus(b, x), turned(c), d)
        second = mixed(first, x, plus(first, a), d)
        observe("out", select(d, [mixed(second, first, x, d), second]), y, noise=0.1)


@pytest.mark.parametrize("sure", [False, True])
def test_functions_of_many_arguments(sure):
    given = data(5, sure=sure)
    agrees(
        exact_posterior(four_arguments, given, tolerance=0).posterior, every_program(four_arguments, given)
    )


def test_a_function_is_computed_once_for_equal_arguments(monkeypatch):
    """However many programs have them: 27 programs, 3 * 3 pairs of a choice and a register."""
    seen = Counter()
    computed = evaluation.Evaluation._computed

    def noted(self, key, columns, node, compute):
        def counted(rows):
            seen[node] += len(rows)
            return compute(rows)

        return computed(self, key, columns, node, counted)

    def model(x, y):
        a, b, c = choice("a", 3), choice("b", 3), choice("c", 3)
        with plate(y):
            observe("out", plus(c, plus(b, plus(a, x))), y, noise=0.1)

    x = torch.eye(3)[[0]]
    monkeypatch.setattr(evaluation.Evaluation, "_computed", noted)
    exact_posterior(model, (x, torch.tensor([0])), tolerance=0)
    assert max(seen.values()) == 9
