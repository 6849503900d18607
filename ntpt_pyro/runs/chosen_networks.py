"""Does a choice of the program choose between learnable functions? Found by trying programs at random."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.language.sites import Message

TRIED = 32
"""Programs drawn at random, each with one choice changed in every way."""
MOST_RUNS = 2000
"""Runs of a model at most; a model of many choices is tried with fewer programs, one at least."""


class _Marked(Messenger):
    """Notes what each function gives in a run, so that its gradient can be asked for."""

    def __init__(self, functions: Sequence[str]) -> None:
        super().__init__()
        self.functions = functions
        self.values: dict[str, list[Tensor]] = {}

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        name = msg["args"][0].declaration.name
        if name in self.functions:
            assert msg["value"] is not None
            value: Tensor = msg["value"]
            if not value.requires_grad:  # else it is left: what it was made of may be in question
                value = value.detach().requires_grad_()
            self.values.setdefault(name, []).append(value)
            msg["value"] = value


def chosen_between(model: Callable[..., Any], data: Sequence[Tensor], functions: Sequence[str]) -> bool:
    """Whether two programs that are equal but for one choice each call a function that the other does not.

    :param model: with its library.
    :param data: its arguments, of which two examples are looked at.
    :param functions: the functions in question, by name.
    :returns: True where such programs came up. Few of many choices may be missed.
    """
    some = [tensor[:2] for tensor in data]
    with torch.random.fork_rng(devices=[]):
        choices = model_sites(model, *some).choices
        source = torch.Generator().manual_seed(0)
        runs = sum(site.size for site in choices.values())
        for _ in range(max(1, min(TRIED, MOST_RUNS // max(runs, 1)))):
            program = {
                n: int(torch.randint(s.size, (), generator=source, device="cpu")) for n, s in choices.items()
            }
            for name, site in choices.items():
                variants = [{**program, name: integer} for integer in range(site.size)]
                called = [_called(model, one, some, functions) for one in variants]
                if any(one - other and other - one for one, other in combinations(called, 2)):
                    return True
    return False


def _called(
    model: Callable[..., Any], program: dict[str, int], data: Sequence[Tensor], functions: Sequence[str]
) -> frozenset[str]:
    """The functions that a program's result depends on."""
    marked = _Marked(functions)
    fixed = decided(model, programs_of(program), data)
    marked.values.clear()
    with torch.enable_grad(), poutine.block(), marked:
        total = log_likelihood(fixed, data).sum()
    inputs = [value for values in marked.values.values() for value in values]
    if not inputs or not total.requires_grad:
        return frozenset()
    gradients = iter(torch.autograd.grad(total, inputs, allow_unused=True))
    found = set()
    for name, values in marked.values.items():
        for _ in values:
            gradient = next(gradients)
            if gradient is not None and bool(gradient.abs().sum() > 0):
                found.add(name)
    return frozenset(found)
