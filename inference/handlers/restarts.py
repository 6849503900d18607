"""Restarts as a plate: many programs of one model trained at once, as one batch."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.bounds import check_count
from ntpt_pyro.inference.handlers.plated import Plated
from ntpt_pyro.language.sites import Message, role_of

PLATE = "restarts"


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
    :raises UsageError: where the size is below 1.

    >>> from ntpt_pyro import choice
    >>> with Restarts(3):
    ...     choice("instruction", 5).shape
    torch.Size([3, 1, 5])
    """

    def __init__(self, size: int, *, dim: int = -2, sharpness: float = 10.0, decay: float = 0.9) -> None:
        check_count("restarts", size, at_least=1)
        super().__init__(PLATE, size, dim)
        self.sharpness = sharpness
        self.decay = decay
        self.running_log_likelihood: Float[Tensor, " restarts"] = torch.zeros(size)
        """Running mean of each restart's log-likelihood an example, in nats; zero before training."""

    def __repr__(self) -> str:
        """The handler as it could be typed."""
        return f"Restarts({self.size}, dim={self.dim}, sharpness={self.sharpness}, decay={self.decay})"

    @property
    def nesting(self) -> int:
        """Dimensions that plates take, this one the leftmost."""
        return -self.dim

    @property
    def weights(self) -> Float[Tensor, " restarts"]:
        """Each restart's share in the gradient of a shared library; they sum to 1."""
        return (self.sharpness * self.running_log_likelihood).softmax(-1)

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        function, value = msg["args"][0], msg["value"]
        if self.size == 1 or function.copies is not None or not torch.is_grad_enabled():
            return
        assert value is not None
        restarts = (self.size,) + (1,) * value.ndim
        expanded = value.expand(self.size, *value.shape)
        msg["value"] = _WeighGradient.apply(expanded, self.weights.reshape(restarts))

    def _pyro_post_sample(self, msg: Message) -> None:
        is_output = msg["is_observed"] and role_of(msg) is None
        if self.size == 1 or not is_output or not torch.is_grad_enabled():
            return
        with torch.no_grad():
            observed: Any = msg["fn"]
            log_prob = observed.log_prob(msg["value"])
            if log_prob.ndim == self.nesting:
                examples = log_prob.reshape(self.size, -1).mean(-1)
                before = self.running_log_likelihood
                self.running_log_likelihood = self.decay * before + (1 - self.decay) * examples
