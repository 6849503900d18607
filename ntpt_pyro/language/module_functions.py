"""Networks of one's own: any torch module as a learnable function."""

import math
import warnings
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.language.module_building import check_result, evaluation_of_own_inputs, make_network
from ntpt_pyro.language.module_calls import EvaluateRestarts, call_with, in_mode, tensors_of
from ntpt_pyro.language.networks import Network, numbers_of

if TYPE_CHECKING:  # a declaration builds its network, so that it imports this file
    from ntpt_pyro.language.learned_functions import LearnedFunction


class ModuleFunction(Network):
    """A learnable function that a torch module computes.

    The module is called with each declared input as a batch of N rows: ``[N, *shape]`` for a Tensor input,
    ``[N, n]`` for an integer (a value on the simplex). It returns logits ``[N, out]`` for an integer result,
    whose softmax is the value, or ``[N, *shape]`` for a Tensor result. It must keep what it draws, and what
    it learns, in parameters and buffers: nothing else is copied, saved or each restart's own.

    It is in training mode where it learns. A call that cannot teach it, because gradients are off
    (:func:`torch.no_grad`) or it is not taught, is made in evaluation mode whatever mode the library is in:
    without dropout, normalised by running statistics, which stay as they are. The attribute ``dropout`` has
    no effect: dropout layers of the module have.

    With copies, parameters and buffers have a leading axis of restarts under the module's own names. They are
    evaluated by :func:`torch.vmap`, at about the cost of R calls on one thread of a CPU. Modules that vmap
    cannot evaluate, or could only in a loop of its own, take turns instead, at that cost on any device: those
    with recurrent layers (LSTM, GRU) or transformer layers, weight or spectral normalisation, batch
    normalisation without momentum, or control flow that looks at values.

    :param declaration: what makes the module, and its types.
    :param generator: of the seeds that its initial weights are drawn with.
    :param copies: see :class:`Network`.
    :raises LibraryError: where it cannot be made or evaluated.
    :raises RangeError: where its result has another shape than declared.

    >>> from ntpt_pyro import Library, Tensor, learn
    >>> def small_cnn():
    ...     return torch.nn.Sequential(
    ...         torch.nn.Unflatten(1, (1, 28)), torch.nn.Conv2d(1, 4, 5, stride=3), torch.nn.ReLU(),
    ...         torch.nn.Flatten(), torch.nn.LazyLinear(10))
    >>> @learn([Tensor(28, 28)], 10, module=small_cnn)
    ... def net_0(image): "The digit in an image."
    >>> Library([net_0], copies=3)["net_0"](torch.zeros(5, 28, 28)).shape
    torch.Size([3, 5, 10])
    """

    network: torch.nn.Module
    """The module; with copies its tensors have a leading axis of restarts, and it cannot be called alone."""

    def __init__(
        self, declaration: "LearnedFunction", generator: torch.Generator, copies: int | None = None
    ) -> None:
        super().__init__(declaration, copies)
        self.network, self._evaluate_restarts = make_network(declaration, generator, copies)

    def evaluate(self, *inputs: Float[Tensor, "..."], restarts_at: int | None = None) -> Float[Tensor, "..."]:
        """See :meth:`Network.evaluate`.

        :param inputs: see :meth:`Network.forward`.
        :param restarts_at: see :meth:`Network.evaluate`.
        :returns: see :meth:`Network.forward`.
        :raises RangeError: see :meth:`Network.forward`; or where the module returns another shape than
            declared.
        """
        aligned, apart = self._aligned(inputs, restarts_at)
        declaration = self.declaration
        shaped = list(zip(aligned, declaration.input_shapes, strict=True))
        batch = torch.broadcast_shapes(*(x.shape[: x.ndim - len(shape)] for x, shape in shaped))
        restarts: tuple[int, ...] = () if self.copies is None else (self.copies,)
        leading = restarts if apart else ()
        batch = batch[len(leading) :]
        rows = math.prod(batch)
        whole = (x.expand(*leading, *batch, *shape).reshape(*leading, rows, *shape) for x, shape in shaped)
        result = self._call(tuple(whole), apart=apart)
        check_result(declaration, result, *restarts, rows)
        result = result.reshape(*restarts, *batch, *declaration.out_shape)
        result = result.softmax(-1) if isinstance(declaration.out, int) else result
        return self._placed(result, restarts_at, apart=apart)

    @cached_property
    def _evaluate_apart(self) -> EvaluateRestarts:
        """How to evaluate restarts each of which has inputs of its own."""
        assert self.copies is not None
        return evaluation_of_own_inputs(self.declaration, self.network, self.copies)

    def _call(self, inputs: tuple[Tensor, ...], *, apart: bool) -> Tensor:
        """The module's result for rows of inputs, before it is checked; ``[R, ...]`` with copies.

        :param apart: whether each restart has inputs of its own, along a leading axis.
        """
        network = self._announced()
        like = next((p for p in network.parameters() if p.is_floating_point()), torch.empty(0))
        inputs = tuple(numbers_of(self.declaration.name, x, like) for x in inputs)
        learns = self.taught and torch.is_grad_enabled()
        with nullcontext() if learns else in_mode(network, False):
            if self.copies is None and (self.taught or not torch.is_grad_enabled()):
                result: Tensor = network(*inputs)
                return result
            parameters, buffers = tensors_of(network)
            if not learns:
                parameters = {name: parameter.detach() for name, parameter in parameters.items()}
            if self.copies is None:
                return call_with(network, parameters, buffers, *inputs)[0]
            evaluate = self._evaluate_apart if apart else self._evaluate_restarts
            result, after = evaluate(network, parameters, buffers, inputs, self.copies, apart=apart)
        if learns:
            with torch.no_grad():
                for name, buffer in network.named_buffers():
                    buffer.copy_(after[name])
        return result

    def _announced(self) -> torch.nn.Module:
        """The module; Pyro sees its parameters as it is looked up, and warns of those that never learn."""
        if all(parameter.requires_grad for parameter in self.parameters()):
            return self.network
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* was not registered in the param store")
            return self.network
