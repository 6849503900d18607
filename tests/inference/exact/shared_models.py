"""Models of every kind of operation that programs share, small enough for brute force."""

import pyro
import torch

from ntpt_pyro import (
    carry,
    choice,
    constant,
    fork,
    observe,
    one_hot,
    runtime,
    select,
    stack,
    switch,
    var,
    widen,
)


@runtime([3], 3)
def turned(x):
    return (x + 1) % 3


@runtime([3, 3], 3)
def plus(x, y):
    return (x + y) % 3


@runtime([3, 3, 2], 3)
def either(x, y, which):
    return (x, y)[which]


def plate(y):
    return pyro.plate("examples", len(y), dim=-1)


def branches(x, y):
    """An if inside an if: what is read depends on choices."""
    outer, inner, item = choice("outer", 3), choice("inner", 2), choice("item", 3)
    with plate(y):
        nested = switch(inner, [turned(x), select(item, [x, turned(x), turned(turned(x))])])
        observe("out", switch(outer, [x, nested, constant(0, 3)]), y, noise=0.1)


def nested_selects(x, y):
    """An index that is selected itself, of values that are selected themselves."""
    a, b, c = choice("a", 3), choice("b", 3), choice("c", 2)
    with plate(y):
        values = stack([x, turned(x), constant(2, 3)])
        first = select(a, values)
        second = select(first, stack([select(b, values), x, turned(x)]))
        observe("out", select(c, [first, second]), y, noise=0.2)


def lines(x, y, count=3, after=lambda value: value):
    """Registers that are written once: what most models here are."""
    program = [(choice(f"op_{k}", 3), choice(f"l_{k}", k + 1), choice(f"r_{k}", k + 1)) for k in range(count)]
    back = choice("back", count + 1)
    with plate(y):
        held = [x]
        for k, (op, left, right) in enumerate(program):
            items = stack(held)
            one, other = select(left, items), select(right, items)
            held.append(var(f"v_{k}", switch(op, [turned(one), plus(one, other), constant(0, 3)])))
        observe("out", after(select(back, held)), y, noise=0.05)


def steps_of_a_state(x, y):
    """A machine of carried steps that choices drive again and again."""
    table = stack([choice(f"next_{s}", 3) for s in range(3)])
    out = stack([choice(f"out_{s}", 3) for s in range(3)])
    with plate(y):
        state = {"s": constant(0, 3), "held": x}
        for step in range(3):
            which = fork(f"which_{step}", plus(state["s"], state["held"]))
            held = plus(select(which, out), state["held"])
            state = carry(str(step), {"s": select(which, table), "held": held}, control=["s"])
        observe("out", carry("end", {"out": state["held"]})["out"], y, noise=0.1)


def torch_functions(x, y):
    """Every function of torch that a model might use on values."""
    a, b, c = choice("a", 3), choice("b", 3), choice("c", 2)
    with plate(y):
        both = torch.cat([widen(a, 4), widen(b, 4)], -1)  # [..., 8]
        first, second = both.reshape(*both.shape[:-1], 2, 4).unbind(-2)
        matrix = torch.eye(3).roll(1, 0)
        moved = torch.matmul(first[..., :3], matrix)
        mixed = torch.einsum("...i,...j,ijk->...k", moved, second[..., :3], torch.eye(3)[plus.table])
        mixed = plus(mixed, x)
        swapped = torch.where(y.unsqueeze(-1) < 2, mixed, constant(0, 3))
        pair = torch.stack(torch.broadcast_tensors(swapped, turned(mixed)), -2)
        result = (c.unsqueeze(-2) @ pair)[..., 0, :]
        total = result.sum(-1, keepdim=True).expand(result.shape)
        observe("out", result / total, y, noise=0.1)


def shapes(x, y):
    """Operations on shapes, and arguments by name."""
    a, c = choice("a", 3), choice("c", 2)
    with plate(y):
        seen = select(a, [x, turned(x), turned(turned(x))])
        wide = torch.nn.functional.pad(seen, (0, 1))
        back = wide[..., [0, 2, 1]]
        there = torch.nn.functional.pad(input=back.flip(dims=(-1,)), pad=(0, 0))
        both = torch.stack(tensors=(back, there), dim=-2)
        picked = both.transpose(-1, -2).narrow(-1, 1, 1).squeeze(-1)
        some = torch.split(torch.cat((seen, picked), dim=-1), 3, dim=-1)
        observe("out", select(c, list(some)), y, noise=0.1)


def by_hand(x, y):
    """Arithmetic on a choice in the place of ``select``, of numbers and of tensors."""
    a, b = choice("a", 2), choice("b", 3)
    with plate(y):
        mixed = a[..., 0:1] * x + (1 - a[..., :1]) * turned(x)
        noisy = 0.75 * mixed + 0.25 * b
        observe("out", noisy, y, noise=0.1)


def twice(x, y):
    """A value that a function reads as all of its arguments, and a choice that is read by two."""
    a, b = choice("a", 3), choice("b", 2)
    with plate(y):
        one = select(a, [x, turned(x), constant(1, 3)])
        observe("out", either(plus(one, one), plus(one, a), b), y, noise=0.1)


def constants_as_arguments(x, y):
    """Functions of values and data in all places."""
    a, b = choice("a", 3), choice("b", 3)
    with plate(y):
        left = either(a, x, one_hot(y % 2, 2))
        right = either(x, b, constant(1, 2))
        observe("out", plus(plus(left, constant(1, 3)), right), y, noise=0.1)


def several_sites(x, y):
    """Three results, of which one depends on no choice and one on one."""
    a, b = choice("a", 3), choice("b", 2)
    with plate(y):
        observe("constant", x, y, noise=0.3)
        observe("first", plus(a, x), y, noise=0.1)
        observe("second", select(b, [plus(a, a), turned(x)]), (y + 1) % 3, noise=0.2)


def no_choice_matters(x, y):
    """Choices that nothing reads."""
    choice("a", 3)
    choice("b", 2)
    with plate(y):
        observe("out", x, y, noise=0.1)


def choice_is_observed(x, y):
    """A result that is a choice itself."""
    a = choice("a", 3)
    choice("b", 2)
    with plate(y):
        observe("out", a, y, noise=0.1)


def one_alternative(x, y):
    """A choice among one, which is no choice."""
    a, b, c = choice("a", 1), choice("b", 3), choice("c", 1)
    with plate(y):
        one = select(a, [plus(b, x)])
        observe("out", select(c, stack([one])), y, noise=0.1)


def chosen_data(x, y):
    """Values selected by data, surely, surely by all alike, and unsurely."""
    a, b = choice("a", 3), choice("b", 3)
    with plate(y):
        items = [plus(a, x), plus(b, x), x]
        one = select(x, items)
        other = select(one_hot(y, 3), items)
        alike = select(constant(1, 3), [a, b, constant(0, 3)])
        observe("out", plus(plus(one, other), alike), y, noise=0.1)


def plates_in_plates(x, y):
    """A plate within the examples, of values that choices pick."""
    a, b = choice("a", 3), choice("b", 2)
    with plate(y):
        cells = torch.stack([x, turned(x)], -2)  # [examples, 2, 3]
        moved = plus(a.unsqueeze(-2), cells)
        observe("out", select(b, moved), y, noise=0.1)


def no_choice(x, y):
    """A model that is one program."""
    with plate(y):
        observe("out", x, y, noise=0.1)


def last_line_reads_data(x, y):
    """Lines that merge, the last of them a function of a register and of data."""
    a, b, c = choice("a", 3), choice("b", 2), choice("c", 2)
    with plate(y):
        first = var("first", plus(a, x))
        second = var("second", switch(b, [plus(first, first), constant(0, 3)]))
        last = var("last", plus(turned(second), x))
        observe("out", select(c, [plus(plus(last, x), constant(1, 3)), plus(x, last)]), y, noise=0.1)


def data(examples=6, seed=0, *, sure=False):
    """Uncertain or certain values, and labels."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(examples, 3, generator=generator, dtype=torch.float64).mul(1.5).softmax(-1)
    y = torch.randint(3, (examples,), generator=generator)
    if sure:
        x = torch.eye(3, dtype=torch.float64)[x.argmax(-1)]
    return x.to(torch.get_default_dtype()), y


SHARED = (
    branches,
    nested_selects,
    lines,
    steps_of_a_state,
    torch_functions,
    shapes,
    by_hand,
    twice,
    constants_as_arguments,
    several_sites,
    no_choice_matters,
    choice_is_observed,
    one_alternative,
    chosen_data,
    plates_in_plates,
    no_choice,
    last_line_reads_data,
)
