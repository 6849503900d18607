"""The terms of a step's objective as tensors, where Pyro's objectives read each of them into Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pyro.distributions.util import is_identically_zero
from pyro.infer import ELBO, Trace_ELBO, TraceEnum_ELBO
from pyro.infer.traceenum_elbo import _compute_dice_elbo
from torch import Tensor

from ntpt_pyro.inference.training.step_recording import NotRecordableError

Program = Callable[..., Any]


@dataclass(frozen=True)
class Terms:
    """An objective of one step.

    :param surrogate: its gradient is the objective's, and so is its value where nothing is scored.
    :param added: numbers and tensors ``[]`` of log-probability that make up the objective.
    :param taken: those that are taken from it.
    """

    surrogate: Tensor
    added: Sequence[Any]
    taken: Sequence[Any]

    @property
    def tensors(self) -> list[Tensor]:
        """Those that are tensors, in order."""
        return [one.detach() for one in (*self.added, *self.taken) if isinstance(one, Tensor)]

    def loss(self, numbers: Sequence[float]) -> float:
        """The loss, in nats, added up as Pyro does.

        :param numbers: what :attr:`tensors` hold.
        :returns: it.
        """
        values, total = iter(numbers), 0.0
        for one in self.added:
            total = total + (next(values) if isinstance(one, Tensor) else one)
        for one in self.taken:
            total = total - (next(values) if isinstance(one, Tensor) else one)
        return -total


def terms_of(elbo: ELBO, model: Program, guide: Program, args: Sequence[Any]) -> Terms:
    """The terms of a stock objective of :meth:`~ntpt_pyro.inference.Strategy.elbo`, for one step.

    :param elbo: the objective.
    :param model: under its strategy.
    :param guide: under its strategy.
    :param args: of both.
    :returns: its terms; the gradient of ``-surrogate`` is the one that Pyro takes.
    :raises NotRecordableError: where a site of the guide is scored: its gradient hangs on what is drawn.
    """
    ((model_trace, guide_trace),) = elbo._get_traces(model, guide, args, {})
    if isinstance(elbo, TraceEnum_ELBO):
        summed = _compute_dice_elbo(model_trace, guide_trace)
        if is_identically_zero(summed):
            raise NotRecordableError("it has nothing to learn")
        return Terms(summed, [summed], [])
    assert isinstance(elbo, Trace_ELBO)
    added = [site["log_prob_sum"] for site in model_trace.nodes.values() if site["type"] == "sample"]
    taken: list[Any] = []
    surrogate: Any = 0
    for one in added:
        surrogate = surrogate + one
    for site in guide_trace.nodes.values():
        if site["type"] != "sample":
            continue
        _, score_function, entropy = site["score_parts"]
        if not is_identically_zero(score_function):
            raise NotRecordableError(f"site {site['name']!r} of the guide is scored, not differentiated")
        taken.append(site["log_prob_sum"])
        if not is_identically_zero(entropy):
            surrogate = surrogate - entropy.sum()
    if not isinstance(surrogate, torch.Tensor) or not surrogate.requires_grad:
        raise NotRecordableError("it has nothing to learn")
    return Terms(surrogate, added, taken)
