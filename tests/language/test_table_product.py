"""Large batches of values through a function's table: the distribution and gradients of its indicator."""

import pytest
import torch

from ntpt_pyro import runtime
from ntpt_pyro.language import runtime_functions, table_product
from ntpt_pyro.language.table_product import TableProduct

SHAPES = {
    "two arguments": ([4, 6], 5),
    "a result that comes of most": ([9, 2], 40),
    "three": ([4, 3, 5], 6),
    "three, the last of one value": ([4, 3, 1], 6),
    "four": ([2, 3, 4, 2], 7),
}
BATCH = (3, 1, 7)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    """Blocks of a few elements of the batch, the last of fewer."""
    monkeypatch.setattr(table_product, "HELD", 100)


def drawn(ranges, out_range):
    """A table, values for it, and the sum over its whole domain."""
    source = torch.Generator().manual_seed(0)
    table = torch.randint(out_range, ranges, generator=source)
    arguments = [torch.rand(*BATCH, n, generator=source, dtype=torch.float64) for n in ranges]
    letters = "wxyz"[: len(ranges)]
    spelled = ",".join(f"...{letter}" for letter in letters)
    indicator = torch.eye(out_range, dtype=torch.float64)[table]

    def by_hand(*arguments):
        return torch.einsum(f"{spelled},{letters}k->...k", *arguments, indicator)

    return table, [one.requires_grad_() for one in arguments], by_hand


@pytest.mark.parametrize(("ranges", "out_range"), SHAPES.values(), ids=SHAPES)
def test_it_is_the_sum_over_the_whole_domain_with_its_gradients(ranges, out_range):
    table, arguments, by_hand = drawn(ranges, out_range)
    product = TableProduct(table, out_range)
    found, expected = product(*arguments), by_hand(*arguments)
    torch.testing.assert_close(found, expected)
    weights = torch.rand_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, arguments, weights),
        torch.autograd.grad(expected, arguments, weights),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("ranges", "out_range"), SHAPES.values(), ids=SHAPES)
def test_gradients_have_gradients(ranges, out_range):
    table, arguments, _ = drawn(ranges, out_range)
    assert torch.autograd.gradgradcheck(TableProduct(table, out_range), [one[0] for one in arguments])


@pytest.mark.parametrize("fixed", range(3))
def test_an_argument_that_asks_for_no_gradient_gets_none(fixed):
    table, arguments, by_hand = drawn([4, 3, 5], 6)
    arguments[fixed] = arguments[fixed].detach()
    asked = [one for one in arguments if one.requires_grad]
    product = TableProduct(table, 6)
    for create_graph in (False, True):
        found = torch.autograd.grad(product(*arguments).sum(), asked, create_graph=create_graph)
        expected = torch.autograd.grad(by_hand(*arguments).sum(), asked)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_function_takes_it_for_many_pairs_and_gives_the_same(monkeypatch):
    table, arguments, by_hand = drawn([4, 6], 5)
    used = []
    monkeypatch.setattr(TableProduct, "__call__", lambda self, *given: used.append(self) or by_hand(*given))
    pairs = 21 * 24
    for fewest, times in ((pairs + 1, 0), (pairs, 1)):
        monkeypatch.setattr(runtime_functions, "FEWEST_PAIRS", fewest)
        used.clear()
        torch.testing.assert_close(
            runtime([4, 6], 5)(lambda w, x: table[w, x])(*arguments), by_hand(*arguments)
        )
        assert len(used) == times
    used.clear()
    with runtime_functions.only_matrix_products():
        torch.testing.assert_close(
            runtime([4, 6], 5)(lambda w, x: table[w, x])(*arguments), by_hand(*arguments)
        )
    assert not used


def test_transforms_of_torch_func_go_on_as_before(monkeypatch):
    table, arguments, by_hand = drawn([4, 6], 5)
    monkeypatch.setattr(runtime_functions, "FEWEST_PAIRS", 1)
    function = runtime([4, 6], 5)(lambda w, x: table[w, x])
    torch.testing.assert_close(torch.func.vmap(function)(*arguments), by_hand(*arguments))
