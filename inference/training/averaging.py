"""Averages of weights along a training."""

from collections.abc import Iterable

from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


def follow(average: Iterable[Tensor], weights: Iterable[Tensor], updates: int, *, decay: float) -> None:
    """Move an average of weights towards them, in place.

    The average starts as nearly a mean of all weights so far and becomes an exponential moving average: step
    n moves it by ``1 - min(decay, (1 + n) / (10 + n))``.

    :param average: to be moved.
    :param weights: in the same order.
    :param updates: how often it has been moved before.
    :param decay: share of the average that stays, in 0..1; 0 takes the weights as they are.

    >>> import torch
    >>> average, weights = torch.zeros(2), torch.ones(2)
    >>> follow([average], [weights], 0, decay=0.9)
    >>> average
    tensor([0.9000, 0.9000])
    """
    average, weights = list(average), list(weights)
    if not average:
        return
    now = min(decay, (1 + updates) / (10 + updates))
    move = get_ema_multi_avg_fn(now)
    move([tensor.detach() for tensor in average], [tensor.detach() for tensor in weights], updates)
