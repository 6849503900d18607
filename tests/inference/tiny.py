"""Small models that every strategy can be checked on, and brute force over all their programs."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyro
import torch
from pyro import poutine
from torch import Tensor

from ntpt_pyro import choice, observe, runtime, select, stack, switch, var
from ntpt_pyro.inference import ForwardMarginals


@runtime([3, 4], 4)
def shift(by: int, x: int) -> int:
    return (x + by) % 4


@runtime([4], 4)
def mirror(x: int) -> int:
    return 3 - x


@runtime([4, 4], 4)
def add(x: int, y: int) -> int:
    return (x + y) % 4


def read_once(inputs: Tensor, outputs: Tensor | None = None) -> Tensor:
    """Two choices, two uncertain steps, each read once."""
    by = choice("by", 3)
    flip = choice("flip", 2)
    with pyro.plate("examples", len(inputs), dim=-1):
        moved = var("moved", shift(by, inputs))
        turned = var("turned", switch(flip, [moved, mirror(moved)]))
        observe("out", turned, outputs, noise=0.01)
    return turned


def read_twice(inputs: Tensor, outputs: Tensor | None = None) -> Tensor:
    """An uncertain step that a function reads as both of its arguments."""
    by = choice("by", 3)
    with pyro.plate("examples", len(inputs), dim=-1):
        moved = var("moved", shift(by, inputs))
        observe("out", add(moved, moved), outputs, noise=0.01)
    return moved


def registers(inputs: Tensor, outputs: Tensor | None = None) -> Tensor:
    """A two-line program: which registers to add, which one to return."""
    left, right, returned = choice("left", 2), choice("right", 2), choice("return", 3)
    with pyro.plate("examples", len(inputs), dim=-1):
        held = [inputs, var("r1", mirror(inputs))]
        total = add(select(left, stack(held)), select(right, stack(held)))
        result = select(returned, [*held, var("r2", total)])
        observe("out", result, outputs, noise=0.01)
    return result


@dataclass(frozen=True)
class Tiny:
    """A model with the sizes of its choices.

    :param model: the Pyro program.
    :param sizes: of its choices.
    """

    model: Callable[..., Any]
    sizes: dict[str, int]

    def programs(self) -> list[dict[str, int]]:
        ranges = (range(size) for size in self.sizes.values())
        return [dict(zip(self.sizes, found, strict=True)) for found in itertools.product(*ranges)]

    def log_likelihood(self, program: dict[str, int], inputs: Tensor, outputs: Tensor) -> Tensor:
        """Of all examples, given a program, its steps at their forward marginals."""
        fixed = {
            site: torch.eye(self.sizes[site], dtype=inputs.dtype)[integer]
            for site, integer in program.items()
        }
        decided = ForwardMarginals()(poutine.condition(self.model, data=fixed))
        trace = poutine.trace(decided).get_trace(inputs, outputs)
        trace.compute_log_prob()
        return trace.nodes["out"]["log_prob"].sum()

    def log_joint(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """``log p(program, outputs)`` of every program, one after the other."""
        prior = -math.log(math.prod(self.sizes.values()))
        return torch.stack([prior + self.log_likelihood(p, inputs, outputs) for p in self.programs()])


READ_ONCE = Tiny(read_once, {"by": 3, "flip": 2})
READ_TWICE = Tiny(read_twice, {"by": 3})
REGISTERS = Tiny(registers, {"left": 2, "right": 2, "return": 3})


def data(examples: int = 5, *, certain: bool = False) -> tuple[Tensor, Tensor]:
    """Random inputs, one-hot where certain, and outputs.

    :returns: ``[examples, 4]`` and ``[examples]``.
    """
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(examples, 4, generator=generator, dtype=torch.float64)
    inputs = torch.eye(4, dtype=torch.float64)[logits.argmax(-1)] if certain else logits.softmax(-1)
    return inputs, torch.randint(4, (examples,), generator=generator)
