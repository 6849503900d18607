"""Steps of optimisers that leave only what is finite."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor


class NonFiniteError(Exception):
    """Something is NaN or infinite; raised when nothing of the step is left in the parameters.

    :param what: a gradient, or a parameter after the step.
    :param tensors: which ones, where it is known.
    """

    def __init__(self, what: str, tensors: Sequence[Tensor] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.tensors = tensors


Norms = Callable[[Sequence[Sequence[Tensor]]], list[Tensor]]
"""Gives the norm of the gradient of each group of parameters."""


def finite_loss(loss: float) -> float:
    """Check a loss.

    :param loss: in nats.
    :returns: it.
    :raises NonFiniteError: where it is NaN or infinite.
    """
    if not math.isfinite(loss):
        raise NonFiniteError("loss")
    return loss


def norms_of(groups: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """The norms of gradients.

    :param groups: of parameters.
    :returns: that of each group's gradient.
    """
    return [torch.nn.utils.get_total_norm([p.grad for p in group if p.grad is not None]) for group in groups]


def check_gradients(
    groups: Iterable[Sequence[Tensor]], clip_norm: float | None, norms_of: Norms = norms_of
) -> None:
    """Check that gradients are finite, and clip them.

    :param groups: of parameters.
    :param clip_norm: the most the norm of each group's gradient may be; None does not clip.
    :param norms_of: gives their norms; it may change gradients to those that are to be taken.
    :raises NonFiniteError: where one is NaN or infinite; no gradient has changed then.
    """
    groups = list(groups)
    norms = norms_of(groups)
    if not all(map(torch.isfinite, norms)):
        raise NonFiniteError("gradient")
    if clip_norm is not None:
        for group, norm in zip(groups, norms, strict=True):
            torch.nn.utils.clip_grads_with_norm_(group, clip_norm, norm)


class FiniteSteps:
    """Steps of an optimiser that leave finite parameters, or the ones from before.

    Where it is known how far a step moves a number, what the parameters can be afterwards is known before it:
    they are looked at once, and again where someone else has changed them. Else, or where they could become
    too large, a step costs a copy of the parameters, to which they are put back, and a sum over them.
    """

    def __init__(self) -> None:
        self._before: list[Tensor] = []
        self._largest = math.inf
        self._versions: list[int] = []

    def take(
        self, parameters: Sequence[Tensor], step: Callable[[], object], *, most: float = math.inf
    ) -> None:
        """Take a step.

        :param parameters: that it moves; the same ones each time.
        :param step: takes it.
        :param most: the most that it moves a number; infinite where that is not known.
        :raises NonFiniteError: where one is NaN or infinite; all have the values from before then.
        """
        if most < math.inf and self._stays_finite(parameters, most):
            step()
            self._largest += most
            self._versions = [parameter._version for parameter in parameters]
            return
        with torch.no_grad():
            if len(self._before) != len(parameters):
                self._before = [torch.empty_like(parameter) for parameter in parameters]
            for before, parameter in zip(self._before, parameters, strict=True):
                before.copy_(parameter)
        try:
            step()
        except Exception as error:
            self._undo(parameters)
            if "overflow" in str(error):  # torch's own words, of a learning rate near the largest number
                raise NonFiniteError("parameter", parameters) from error
            raise
        if wrong := not_finite(parameters):
            self._undo(parameters)
            raise NonFiniteError("parameter", wrong)

    def _stays_finite(self, parameters: Sequence[Tensor], most: float) -> bool:
        """Whether no number can overflow in a step."""
        if self._versions != [parameter._version for parameter in parameters]:
            ends = [torch.aminmax(parameter.detach()) for parameter in parameters if parameter.numel()]
            self._largest = max((abs(float(end)) for pair in ends for end in pair), default=0.0)
            if any(math.isnan(float(end)) for pair in ends for end in pair):
                self._largest = math.inf
        limits = [torch.finfo(dtype).max for dtype in {parameter.dtype for parameter in parameters}]
        return self._largest + most < min(limits, default=math.inf) / 2

    def _undo(self, parameters: Sequence[Tensor]) -> None:
        self._versions = []
        with torch.no_grad():
            for before, parameter in zip(self._before, parameters, strict=True):
                parameter.copy_(before)


def most_of_adam(adam: torch.optim.Adam) -> float:
    """The most that a step of Adam moves a number, infinite where that is not known.

    By the inequality of Cauchy and Schwarz ``|m| <= c * sqrt(v)`` with ``c`` below 7.3 for the usual decays,
    whatever the gradients were.

    :param adam: the optimiser.
    :returns: the bound.
    """
    groups = adam.param_groups
    usual = all(group["betas"] == (0.9, 0.999) and not group["weight_decay"] for group in groups)
    return max((10.0 * float(group["lr"]) for group in groups), default=0.0) if usual else math.inf


def not_finite(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Those that hold NaN or infinity.

    :param tensors: any.
    :returns: those of them, in order.
    """
    sums = [tensor.detach().sum() for tensor in tensors if tensor.is_floating_point()]
    if not sums or all(map(torch.isfinite, sums)):
        return []  # one number that is not finite would be left in its sum
    return [tensor for tensor in tensors if not tensor.isfinite().all()]
