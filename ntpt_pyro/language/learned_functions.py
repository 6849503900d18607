"""Learnable functions: NTPT's ``@Learn``.

``@learn([Tensor(28, 28)], 10, hid_sizes=[256, 256])`` declares a function from images to the integers 0..9.
A declaration has no weights; a :class:`~ntpt_pyro.Library` builds them, so that importing a model touches no
random state, and one function is shared by every task that calls it (Gaunt et al. 2017, section 2.2).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from pyro.nn import PyroModule
from pyro.poutine.runtime import effectful
from torch.nn.functional import dropout

from ntpt_pyro.errors import RangeError


@dataclass(frozen=True, init=False)
class Tensor:
    """The type of a real-valued input or output of a learnable function, such as ``Tensor(28, 28)``.

    :param shape: the length of each axis.
    """

    shape: tuple[int, ...]

    def __init__(self, *shape: int) -> None:
        object.__setattr__(self, "shape", shape)


@dataclass(frozen=True)
class LearnedFunction:
    """A declared learnable function: its name, types and layout, no weights.

    :param name: the name it has in a library.
    :param inputs: for each input its integer range or its :class:`Tensor` type; inputs are concatenated.
    :param out: the integer range (softmax) or the :class:`Tensor` type (linear) of the result.
    :param hid_sizes: neurons in each hidden layer (ReLU).
    :param doc: what it is meant to compute.
    """

    name: str
    inputs: tuple[int | Tensor, ...]
    out: int | Tensor
    hid_sizes: tuple[int, ...]
    doc: str = ""

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Neurons in every layer, from the concatenated inputs to the output."""
        return (sum(map(_numbers, self.inputs)), *self.hid_sizes, _numbers(self.out))

    def build(self, generator: torch.Generator, copies: int | None = None) -> "NeuralFunction":
        """Draw the weights.

        :param generator: source of the initial weights.
        :param copies: None for one function, R for R of them evaluated as one batch.
        :returns: the function as a module.
        """
        return NeuralFunction(self, generator, copies)


def _numbers(kind: int | Tensor) -> int:
    return kind if isinstance(kind, int) else math.prod(kind.shape)


class NeuralFunction(PyroModule):
    """A learnable function with weights: a fully connected network, ReLU between layers.

    Weights start uniform in ``+-1/sqrt(fan_in)``, as torch's Linear layers do.

    :param declaration: its types and layout.
    :param generator: source of the initial weights.
    :param copies: None for one function. R for R independent copies with batched weights: then inputs must
        be data (no axis of restarts), and the result has a leading axis of size R, one for each restart.
    """

    def __init__(
        self, declaration: LearnedFunction, generator: torch.Generator, copies: int | None = None
    ) -> None:
        super().__init__()
        self.declaration = declaration
        self.copies = copies
        self.taught = True
        """Whether calls pass gradients to the weights; see :meth:`~ntpt_pyro.Library.teach`."""
        self.dropout = (0.0, 0.0)
        """The shares of inputs and of hidden units that calls in training mode drop (Hinton et al. 2012)."""
        sizes = declaration.layer_sizes
        batch = () if copies is None else (copies,)
        self.layers = len(sizes) - 1
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            bound = 1 / math.sqrt(fan_in)
            for name, shape in (("weight", (fan_in, fan_out)), ("bias", (1, fan_out))):
                initial = torch.rand((*batch, *shape), generator=generator, device="cpu")
                initial = initial.to(torch.get_default_device())
                setattr(self, f"{name}_{layer}", torch.nn.Parameter(bound * (2 * initial - 1)))

    def forward(self, *inputs: Float[torch.Tensor, "..."]) -> Float[torch.Tensor, "..."]:
        """Evaluate the function on a batch.

        :param inputs: for each declared input ``[*batch, *shape]`` (Tensor) or ``[*batch, n]`` (a value).
        :returns: ``[*batch, n]``, a value on the simplex, or ``[*batch, *shape]`` for a Tensor result; with
            copies ``[R, *batch, ...]``.
        :raises RangeError: where the number of inputs or an input's trailing shape is not the declared one.
        """
        result: torch.Tensor = apply_learned(self, *inputs)
        return result

    def evaluate(self, *inputs: Float[torch.Tensor, "..."]) -> Float[torch.Tensor, "..."]:
        """The function itself, without the effect that :func:`apply_learned` announces.

        :param inputs: see :meth:`forward`.
        :returns: see :meth:`forward`.
        :raises RangeError: see :meth:`forward`.
        """
        hidden = self._concatenated(inputs)
        batch: tuple[int, ...] = hidden.shape[:-1]
        hidden = hidden.reshape(-1, hidden.shape[-1])
        if self.copies is not None:
            hidden = hidden.expand(self.copies, *hidden.shape)
            batch = (self.copies, *batch)
        for layer in range(self.layers):
            hidden = dropout(hidden, self.dropout[min(layer, 1)], self.training)
            weight, bias = getattr(self, f"weight_{layer}"), getattr(self, f"bias_{layer}")
            if not self.taught:
                weight, bias = weight.detach(), bias.detach()
            multiply = torch.addmm if self.copies is None else torch.baddbmm
            hidden = multiply(bias, hidden, weight)
            if layer < self.layers - 1:
                hidden = hidden.relu()
        out = self.declaration.out
        if isinstance(out, int):
            return hidden.softmax(-1).reshape(*batch, out)
        return hidden.reshape(*batch, *out.shape)

    def _concatenated(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The inputs, checked and laid out along one last axis."""
        declared = [(k,) if isinstance(k, int) else k.shape for k in self.declaration.inputs]
        got = [tuple(x.shape[x.ndim - len(s) :]) for x, s in zip(inputs, declared, strict=False)]
        if len(inputs) != len(declared) or got != declared:
            raise RangeError(
                self.declaration.name,
                expected=f"inputs of trailing shapes {declared}",
                got=f"{[tuple(x.shape) for x in inputs]}",
                remedy="pass each input with its declared shape last",
            )
        flat = [x.flatten(x.ndim - len(s)) for x, s in zip(inputs, declared, strict=True)]
        if len(flat) == 1:
            return flat[0]
        batch = torch.broadcast_shapes(*(x.shape[:-1] for x in flat))
        return torch.cat([x.expand(*batch, x.shape[-1]) for x in flat], -1)


@effectful(type="ntpt_learned")
def apply_learned(function: NeuralFunction, *inputs: torch.Tensor) -> torch.Tensor:
    """Apply a learnable function, as an effect that handlers can see: restarts weigh its gradient.

    :param function: the module.
    :param inputs: its inputs.
    :returns: its result, see :meth:`NeuralFunction.forward`.
    """
    return function.evaluate(*inputs)


def learn(
    inputs: Sequence[int | Tensor], out: int | Tensor, hid_sizes: Sequence[int] = ()
) -> Callable[[Callable[..., Any]], LearnedFunction]:
    """Declare a learnable function; the decorated function gives the name and the docstring.

    :param inputs: for each input its integer range or its :class:`Tensor` type.
    :param out: the integer range or :class:`Tensor` type of the result.
    :param hid_sizes: neurons in each hidden layer.
    :returns: a decorator that yields a :class:`LearnedFunction`.

    >>> @learn([Tensor(28, 28)], 10, hid_sizes=[256, 256])
    ... def net_0(image):
    ...     "The digit in an image."
    >>> net_0.layer_sizes
    (784, 256, 256, 10)
    """

    def decorate(function: Callable[..., Any]) -> LearnedFunction:
        return LearnedFunction(
            function.__name__, tuple(inputs), out, tuple(hid_sizes), function.__doc__ or ""
        )

    return decorate
