"""Learnable functions with weights: what every network has, and the fully connected one."""

import math
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from pyro.poutine.runtime import effectful

from ntpt_pyro.errors import RangeError
from ntpt_pyro.language.dropout import dropped
from ntpt_pyro.language.own_names import OwnNames

if TYPE_CHECKING:  # a declaration builds its network, so that it imports this file
    from ntpt_pyro.language.learned_functions import LearnedFunction


class Network(OwnNames):
    """A learnable function with weights, whatever it is made of.

    :param declaration: its types and layout.
    :param copies: None for one function. R for R independent copies with batched weights: then the result has
        an axis of size R, one for each restart. It is the leading one where inputs are data, which have none;
        else where values have it, see ``docs/design/shapes.md``.
    """

    def __init__(self, declaration: "LearnedFunction", copies: int | None = None) -> None:
        super().__init__(declaration.name)
        self.declaration = declaration
        self.copies = copies
        self.taught = True
        """Whether calls pass gradients to the weights; see :meth:`~ntpt_pyro.Library.teach`."""
        self.dropout = (0.0, 0.0)
        """The shares of inputs and of hidden units that calls in training mode drop (Hinton et al. 2012), in
        a fully connected network. A module of one's own has dropout layers of its own instead."""

    def forward(
        self, *inputs: Float[torch.Tensor, "..."], items: int | None = None
    ) -> Float[torch.Tensor, "..."]:
        """Evaluate the function on a batch.

        :param inputs: for each declared input ``[*batch, *shape]`` (Tensor) or ``[*batch, n]`` (a value);
            batches broadcast. Pixels may be of any floating type, bool, or uint8 of 0 to 255, which become
            0 to 1.
        :param items: how many axes of a batch lie right of all plates, such as one for the cells of a grid;
            restarts find it out by the sizes of plates where it is not given.
        :returns: ``[*batch, n]``, a value on the simplex, or ``[*batch, *shape]`` for a Tensor result; with
            copies ``[R, *batch, ...]``.
        :raises RangeError: where the number of inputs or an input's trailing shape is not the declared one,
            or an input is of integers.
        """
        result: torch.Tensor = apply_learned(self, *inputs, items=items)
        return result

    def evaluate(
        self, *inputs: Float[torch.Tensor, "..."], restarts_at: int | None = None
    ) -> Float[torch.Tensor, "..."]:
        """The function itself, without the effect that :func:`apply_learned` announces.

        :param inputs: see :meth:`forward`.
        :param restarts_at: which axis of a batch is that of restarts, counted from its right end from 1; None
            where no input has one.
        :returns: see :meth:`forward`.
        :raises RangeError: see :meth:`forward`.
        """
        raise NotImplementedError

    def keep(self, restarts: Int[torch.Tensor, " kept"]) -> list[torch.nn.Parameter]:
        """Go on with the copies of some restarts only: the same parameters, with fewer numbers.

        :param restarts: their indices, ascending.
        :returns: the parameters that have an axis of restarts, which is their first.
        """
        if self.copies is None:
            return []
        self.copies = len(restarts)
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.data = tensor.data[restarts]
        return [*self.parameters()]

    def _aligned(
        self, inputs: tuple[torch.Tensor, ...], restarts_at: int | None
    ) -> tuple[list[torch.Tensor], bool]:
        """Checked inputs whose batches have as many axes, and whether they are those of restarts.

        Then that axis is in front, of size 1 where an input is the same for all.
        """
        self._check_inputs(inputs)
        ranks = [x.ndim - len(shape) for x, shape in zip(inputs, self.declaration.input_shapes, strict=True)]
        apart = self.copies is not None and restarts_at is not None and max(ranks) >= restarts_at
        rank = max(ranks)
        padded = [
            x if own == rank else x.reshape(*(1,) * (rank - own), *x.shape)
            for x, own in zip(inputs, ranks, strict=True)
        ]
        if apart:
            assert restarts_at is not None
            padded = [x.movedim(rank - restarts_at, 0) for x in padded]
            if wrong := [x.shape[0] for x in padded if x.shape[0] not in (1, self.copies)]:
                raise RangeError(
                    self.declaration.name,
                    expected=f"an axis of {self.copies} restarts",
                    got=f"one of length {wrong[0]}",
                    remedy="give values within the plates that they belong to, and items= where a batch has "
                    "axes right of these",
                )
        return padded, apart

    def _placed(self, result: torch.Tensor, restarts_at: int | None, *, apart: bool) -> torch.Tensor:
        """A result with the axis of restarts where values have it."""
        if self.copies is None or restarts_at is None:
            return result
        rank = result.ndim - len(self.declaration.out_shape) - 1
        if rank < restarts_at - 1:
            missing = (1,) * (restarts_at - 1 - rank)
            return result.reshape(self.copies, *missing, *result.shape[1:])
        return result.movedim(0, rank + 1 - restarts_at) if apart else result

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

    >>> from ntpt_pyro import LearnedFunction, Tensor as TensorType
    >>> read = LearnedFunction("read", (TensorType(4),), 10, hid_sizes=(16,))
    >>> NeuralFunction(read, torch.Generator().manual_seed(0))(torch.zeros(5, 4)).shape
    torch.Size([5, 10])
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

    def evaluate(
        self, *inputs: Float[torch.Tensor, "..."], restarts_at: int | None = None
    ) -> Float[torch.Tensor, "..."]:
        """See :meth:`Network.evaluate`.

        :param inputs: see :meth:`Network.forward`.
        :param restarts_at: see :meth:`Network.evaluate`.
        :returns: see :meth:`Network.forward`.
        :raises RangeError: see :meth:`Network.forward`.
        """
        aligned, apart = self._aligned(inputs, restarts_at)
        shapes = self.declaration.input_shapes
        like = self._of_layer(0)[0]
        flat = [
            numbers_of(self.declaration.name, x, like).flatten(x.ndim - len(shape))
            for x, shape in zip(aligned, shapes, strict=True)
        ]
        hidden = self._first_layer(flat, apart=apart)
        for layer in range(1, self.layers):
            weight, bias = self._of_layer(layer)
            hidden = self._multiplied(layer, hidden.relu(), weight, bias, apart=True)
        out = self.declaration.out
        result = (
            hidden.softmax(-1) if isinstance(out, int) else hidden.reshape(*hidden.shape[:-1], *out.shape)
        )
        return self._placed(result, restarts_at, apart=apart)

    def _first_layer(self, flat: Sequence[torch.Tensor], *, apart: bool) -> torch.Tensor:
        """The first layer of concatenated inputs; what is the same for a whole batch is multiplied once."""
        weight, bias = self._of_layer(0)
        if all(x.shape[:-1] == flat[0].shape[:-1] for x in flat):
            together = flat[0] if len(flat) == 1 else torch.cat(list(flat), -1)
            return self._multiplied(0, together, weight, bias, apart=apart)
        rows = weight.split([x.shape[-1] for x in flat], -2)
        parts = [
            self._multiplied(0, x, own, bias if number == 0 else None, apart=apart)
            for number, (x, own) in enumerate(zip(flat, rows, strict=True))
        ]
        return reduce(add, parts)

    def _of_layer(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of a layer."""
        weight, bias = getattr(self, f"weight_{layer}"), getattr(self, f"bias_{layer}")
        return (weight, bias) if self.taught else (weight.detach(), bias.detach())

    def _multiplied(
        self, layer: int, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *, apart: bool
    ) -> torch.Tensor:
        """``[*batch, k]`` times weights, plus the bias: ``[*batch, out]``.

        :param apart: with copies, whether the leading axis of the batch is theirs; else it is added.
        """
        batch: tuple[int, ...] = x.shape[:-1]
        if self.copies is None:
            rows = x.reshape(-1, x.shape[-1])
        else:
            batch = (self.copies, *(batch[1:] if apart else batch))
            leading = (x.shape[0],) if apart else ()
            rows = x.reshape(*leading, -1, x.shape[-1]).expand(self.copies, -1, -1)
        if self.training:
            rows = dropped(rows, self.dropout[min(layer, 1)])
        if bias is None:
            return (rows @ weight).reshape(*batch, weight.shape[-1])
        multiply = torch.addmm if self.copies is None else torch.baddbmm
        return multiply(bias, rows, weight).reshape(*batch, weight.shape[-1])


def numbers_of(where: str, given: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """An input as a network takes it.

    :param where: the function's name, for messages.
    :param given: of any floating type, bool, or uint8 of 0 to 255, as images are kept.
    :param like: the network's weights.
    :returns: of their type; bytes as 0 to 1.
    :raises RangeError: where it is of other integers.

    >>> numbers_of("net_0", torch.tensor([0, 51, 255], dtype=torch.uint8), torch.zeros(1))
    tensor([0.0000, 0.2000, 1.0000])
    """
    if given.dtype == like.dtype:
        return given
    if given.dtype == torch.uint8:
        return given.to(like.dtype) / 255
    if given.is_floating_point() or given.dtype == torch.bool:
        return given.to(like.dtype)
    raise RangeError(
        where,
        expected="pixels of a floating type, bool or uint8, or a value",
        got=f"{given.dtype} of shape {[*given.shape]}",
        remedy="convert it (.float()); integers become values by one_hot(integers, n)",
    )


@effectful(type="ntpt_learned")
def apply_learned(
    function: Network, *inputs: torch.Tensor, items: int | None = None, restarts_at: int | None = None
) -> torch.Tensor:
    """Apply a learnable function, as an effect that handlers can see: restarts weigh its gradient.

    :param function: the module.
    :param inputs: its inputs.
    :param items: see :meth:`Network.forward`.
    :param restarts_at: see :meth:`Network.evaluate`; a handler of restarts gives it.
    :returns: its result, see :meth:`Network.forward`.
    """
    return function.evaluate(*inputs, restarts_at=restarts_at)
