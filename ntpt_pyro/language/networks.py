"""Learnable functions with weights: what every network has, and the fully connected one."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from pyro.nn import PyroModule
from pyro.poutine.runtime import effectful
from torch.nn.functional import dropout

from ntpt_pyro.errors import RangeError

if TYPE_CHECKING:  # a declaration builds its network, so that it imports this file
    from ntpt_pyro.language.learned_functions import LearnedFunction


class Network(PyroModule):
    """A learnable function with weights, whatever it is made of.

    :param declaration: its types and layout.
    :param copies: None for one function. R for R independent copies with batched weights: then inputs must
        be data (no axis of restarts), and the result has a leading axis of size R, one for each restart.
    """

    def __init__(self, declaration: "LearnedFunction", copies: int | None = None) -> None:
        super().__init__()
        self.declaration = declaration
        self.copies = copies
        self.taught = True
        """Whether calls pass gradients to the weights; see :meth:`~ntpt_pyro.Library.teach`."""
        self.dropout = (0.0, 0.0)
        """The shares of inputs and of hidden units that calls in training mode drop (Hinton et al. 2012), in
        a fully connected network. A module of one's own has dropout layers of its own instead."""

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
        raise NotImplementedError

    def _check_inputs(self, inputs: tuple[torch.Tensor, ...]) -> None:
        declared = self.declaration.input_shapes
        got = [tuple(x.shape[x.ndim - len(s) :]) for x, s in zip(inputs, declared, strict=False)]
        if len(inputs) != len(declared) or got != declared:
            raise RangeError(
                self.declaration.name,
                expected=f"inputs of trailing shapes {declared}",
                got=f"{[tuple(x.shape) for x in inputs]}",
                remedy="pass each input with its declared shape last",
            )


class NeuralFunction(Network):
    """A fully connected network, ReLU between layers.

    Weights start uniform in ``+-1/sqrt(fan_in)``, as torch's Linear layers do.

    :param declaration: its types and layout.
    :param generator: source of the initial weights.
    :param copies: see :class:`Network`.
    """

    def __init__(
        self, declaration: "LearnedFunction", generator: torch.Generator, copies: int | None = None
    ) -> None:
        super().__init__(declaration, copies)
        sizes = declaration.layer_sizes
        batch = () if copies is None else (copies,)
        self.layers = len(sizes) - 1
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            bound = 1 / math.sqrt(fan_in)
            for name, shape in (("weight", (fan_in, fan_out)), ("bias", (1, fan_out))):
                initial = torch.rand((*batch, *shape), generator=generator, device="cpu")
                initial = initial.to(torch.get_default_device())
                setattr(self, f"{name}_{layer}", torch.nn.Parameter(bound * (2 * initial - 1)))

    def evaluate(self, *inputs: Float[torch.Tensor, "..."]) -> Float[torch.Tensor, "..."]:
        """See :meth:`Network.evaluate`.

        :param inputs: see :meth:`Network.forward`.
        :returns: see :meth:`Network.forward`.
        :raises RangeError: see :meth:`Network.forward`.
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
        self._check_inputs(inputs)
        declared = self.declaration.input_shapes
        flat = [x.flatten(x.ndim - len(s)) for x, s in zip(inputs, declared, strict=True)]
        if len(flat) == 1:
            return flat[0]
        batch = torch.broadcast_shapes(*(x.shape[:-1] for x in flat))
        return torch.cat([x.expand(*batch, x.shape[-1]) for x in flat], -1)


@effectful(type="ntpt_learned")
def apply_learned(function: Network, *inputs: torch.Tensor) -> torch.Tensor:
    """Apply a learnable function, as an effect that handlers can see: restarts weigh its gradient.

    :param function: the module.
    :param inputs: its inputs.
    :returns: its result, see :meth:`Network.forward`.
    """
    return function.evaluate(*inputs)
