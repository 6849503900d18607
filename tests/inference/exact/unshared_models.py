"""Models that do with values what cannot be done for many programs at once, and what is said of each."""

import torch

from ntpt_pyro import LearnedFunction, Library, Tensor, choice, observe, select, stack
from tests.inference.exact.shared_models import plate, plus, turned


def asked_whether(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = select(a, [x, turned(x), x])
        observe("out", seen if bool((seen.sum(-1) > 0).all()) else x, y, noise=0.1)


def compared(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x)
        if seen.shape[-1] == 3 and seen.max() > 2:
            seen = turned(seen)
        observe("out", seen, y, noise=0.1)


def taken_out(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x)
        observe("out", seen * seen.sum().div(seen.sum().item()), y, noise=0.1)


def as_list(x, y):
    a = choice("a", 3)
    with plate(y):
        observe("out", torch.tensor(plus(a, x).tolist()), y, noise=0.1)


def as_array(x, y):
    a = choice("a", 3)
    with plate(y):
        observe("out", torch.from_numpy(plus(a, x).numpy()), y, noise=0.1)


def written_into(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x).clone()
        seen[..., 0] = seen[..., 1]
        observe("out", seen / seen.sum(-1, keepdim=True), y, noise=0.1)


def changed_in_place(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x).clone()
        seen.mul_(0.5).add_(0.5 / 3)
        observe("out", seen, y, noise=0.1)


def changed_by_an_operator(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x)
        other = seen
        seen *= 0.5
        observe("out", other + 0.5 / 3, y, noise=0.1)


def data_changed_by_an_operator(x, y):
    a = choice("a", 3)
    with plate(y):
        total = torch.zeros(*plus(a, x).shape)
        total += plus(a, x)
        observe("out", total, y, noise=0.1)


def as_large_as(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x)
        both = torch.stack([seen, x.expand(seen.shape)], -2)
        observe("out", both.mean(-2), y, noise=0.1)


def by_an_attribute(x, y):
    a = choice("a", 3)
    with plate(y):
        rows = stack([x, turned(x), plus(a, x)])
        observe("out", rows.mT[..., 2], y, noise=0.1)


def behind_torchs_back(x, y):
    a = choice("a", 3)
    with plate(y):
        observe("out", plus(a, x).data, y, noise=0.1)


LOOK = LearnedFunction("look", (Tensor(3),), 3, (4,))


def read_by_a_network(x, y):
    a = choice("a", 3)
    library = Library([LOOK], seed=0)
    with plate(y):
        observe("out", library["look"](plus(a, x)), y, noise=0.1)


ANOTHER = "run together they come to something else"
UNSHARED = {
    asked_whether: "the operation 'all' on a value",
    compared: "the operation 'max' on a value",
    taken_out: "the operation 'sum' on a value",
    as_list: "the operation 'tolist' on a value",
    as_array: "the operation 'numpy' on a value",
    written_into: "the operation '__setitem__' on a value",
    changed_in_place: "the operation 'mul_' on a value",
    changed_by_an_operator: "the operation 'mul_' on a value",
    data_changed_by_an_operator: "the operation 'add_' on a value",
    as_large_as: ANOTHER,
    by_an_attribute: ANOTHER,
    behind_torchs_back: ANOTHER,
    read_by_a_network: "the learned function 'look' of a value",
}
"""By model what is said of it."""
