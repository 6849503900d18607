"""Restarts as a plate: many programs of one model trained at once, as one batch."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from jaxtyping import Float, Int
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from ntpt_pyro.bounds import check_count
from ntpt_pyro.inference.handlers.plated import Plated
from ntpt_pyro.inference.handlers.restarts_axis import restarts_at
from ntpt_pyro.language.networks import Network
from ntpt_pyro.language.parts import Part
from ntpt_pyro.language.sites import Message, role_of

PLATE = "restarts"
LEAST_WEIGHT = 1e-12
"""The least share of a restart that its gradient is divided by again."""


class _WeighGradient(torch.autograd.Function):
    """The identity, whose gradient is weighted: ``backward(g) = weights * g``."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(weights)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (weights,) = ctx.saved_tensors
        return gradients[0] * weights, None


def _along(weights: Tensor, axis: int, ndim: int) -> Tensor:
    """A number for each restart, along an axis of a tensor."""
    return weights.reshape(-1, *(1,) * (ndim - axis - 1))


class Restarts(Plated):
    """Run a model for R restarts at once: a ``pyro.plate("restarts", R)`` around it.

    Inside, every choice has a batch axis of restarts at ``dim``, left of the model's own plates, and the same
    network outputs serve all of them. Where the restarts share a library, its gradient is the mean of theirs
    weighted by ``softmax(sharpness * running_log_likelihood)``: those that explain the data better teach the
    networks more. Choices are not weighted, so that every restart goes on learning its own program.

    :param size: the number of restarts R, at least 1.
    :param dim: the batch dimension of the plate, left of every plate of the model.
    :param sharpness: how strongly a better restart is preferred, per nat of log-likelihood an example; 0 is
        the plain mean.
    :param decay: of :attr:`running_log_likelihood`, per training run. Under enumeration, where there is no
        likelihood of a restart before the sum over programs, that stays zero.
    :param part: which restarts of all these are, where other processes train the others: their weights are
        shares among all, and sum to 1 there. What is known of the others is in :attr:`everywhere`.
    :raises UsageError: where the size is below 1.

    >>> from ntpt_pyro import choice
    >>> with Restarts(3):
    ...     choice("instruction", 5).shape
    torch.Size([3, 1, 5])
    """

    def __init__(
        self,
        size: int,
        *,
        dim: int = -2,
        sharpness: float = 10.0,
        decay: float = 0.9,
        part: Part | None = None,
    ) -> None:
        check_count("restarts", size, at_least=1)
        super().__init__(PLATE, size, dim)
        self.sharpness = sharpness
        self.decay = decay
        self.networks: dict[Network, None] = {}
        """Those that the model calls with a copy for each restart."""
        self._data: set[int] = set()
        """Where the tensors are stored that the model was called with."""
        self.running_log_likelihood: Float[Tensor, " restarts"] = torch.zeros(size)
        """Running mean of each restart's log-likelihood an example, in nats; zero before training."""
        self.part = part or Part(0, size, size)
        self.everywhere: Float[Tensor, " all_restarts"] | None = None
        """The same of the restarts of all processes, as it was before this step; None of a single process."""
        if part is not None:
            self.everywhere = torch.zeros(part.whole)

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """A model in the plate; what it is called with is known to be data, which restarts share.

        :param fn: the model.
        :returns: it, in the plate.
        """

        @wraps(fn)
        def noted(*args: Any, **kwargs: Any) -> Any:
            tensors = (one for one in args if isinstance(one, Tensor))
            self._data = {one.untyped_storage().data_ptr() for one in tensors}
            return fn(*args, **kwargs)

        wrapped: Callable[..., Any] = super().__call__(noted)
        return wrapped

    def __repr__(self) -> str:
        """The handler as it could be typed."""
        return f"Restarts({self.size}, dim={self.dim}, sharpness={self.sharpness}, decay={self.decay})"

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Go on with some of the restarts only.

        :param rows: their numbers, ascending.
        """
        self.size = len(rows)
        self.part = Part(0, self.size, self.size)
        self.running_log_likelihood = self.running_log_likelihood[rows]

    @property
    def nesting(self) -> int:
        """Dimensions that plates take, this one the leftmost."""
        return -self.dim

    @property
    def weights(self) -> Float[Tensor, " restarts"]:
        """Each restart's share in the gradient of a shared library; they sum to 1."""
        if self.everywhere is None:
            return (self.sharpness * self.running_log_likelihood).softmax(-1)
        return self.part.of((self.sharpness * self.everywhere).softmax(-1))

    def _weighs(self, function: Network) -> bool:
        """Whether a function's gradient is to be weighted."""
        return self.part.whole > 1 and function.copies is None and torch.is_grad_enabled()

    def _pyro_ntpt_learned(self, msg: Message) -> None:
        function, *inputs = msg["args"]
        if function.copies is None and not self._weighs(function):
            return
        if function.copies is not None:
            self.networks[function] = None
        plates = {frame.dim: frame.size for frame in msg["cond_indep_stack"] if frame.dim is not None}
        data = all(x.untyped_storage().data_ptr() in self._data for x in inputs)
        at = restarts_at(function, inputs, plates, self.dim, items=msg["kwargs"].get("items"), data=data)
        msg["kwargs"] = {**msg["kwargs"], "restarts_at": at}
        if at is not None and self._weighs(function):
            own = map(len, function.declaration.input_shapes)
            inputs = [self._unweighed(x, x.ndim - n - at) for x, n in zip(inputs, own, strict=True)]
            msg["args"] = (function, *inputs)

    def _unweighed(self, value: Tensor, axis: int) -> Tensor:
        """An input whose gradient is not weighted: that of a function's result is, for its weights' sake."""
        if not value.requires_grad or axis < 0 or value.shape[axis] != self.size:
            return value
        weights = self.weights.clamp_min(LEAST_WEIGHT)
        unweighed: Tensor = _WeighGradient.apply(value, _along(1 / weights, axis, value.ndim))
        return unweighed

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        function, value = msg["args"][0], msg["value"]
        if not self._weighs(function):
            return
        assert value is not None
        at, weights = msg["kwargs"].get("restarts_at"), self.weights
        axis = 0
        if at is not None:
            rank = value.ndim - len(function.declaration.out_shape)
            value = value.reshape(*(1,) * (at - 1 - rank), *value.shape)
            axis = rank - at
        if axis < 0 or at is None:
            expanded, axis = value.expand(self.size, *value.shape), 0
        else:
            weights = weights.clamp_min(LEAST_WEIGHT)
            expanded = value.expand(*value.shape[:axis], self.size, *value.shape[axis + 1 :])
        msg["value"] = _WeighGradient.apply(expanded, _along(weights, axis, expanded.ndim))

    def _pyro_post_sample(self, msg: Message) -> None:
        is_output = msg["is_observed"] and role_of(msg) is None
        if self.part.whole == 1 or not is_output or not torch.is_grad_enabled():
            return
        with torch.no_grad():
            observed: Any = msg["fn"]
            log_prob = scale_and_mask(observed.log_prob(msg["value"]), msg["scale"], msg["mask"])
            if log_prob.ndim == self.nesting:
                examples = log_prob.reshape(self.size, -1).mean(-1)
                before = self.running_log_likelihood
                before.copy_(self.decay * before + (1 - self.decay) * examples)
