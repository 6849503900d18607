"""What a lifetime's learning of one task does to another, as numbers: the field's standard measures.

A lifetime is looked at every so many batches; ``a(t)`` is a task's accuracy on test examples at look ``t``.

========================  ==============================================================================
backward transfer         ``a(end) - a(t)`` at the first look ``t`` after the task's last batch: what was
                          gained (or lost) without another example of it, the paper's "reverse transfer".
                          The summand of BWT in Lopez-Paz and Ranzato (2017), Gradient Episodic Memory for
                          Continual Learning, https://arxiv.org/abs/1706.08840
forgetting                ``max a(t) - a(end)``, the drop from the best. Chaudhry et al. (2018), Riemannian
                          Walk for Incremental Learning, https://arxiv.org/abs/1801.10112; theirs leaves
                          the end out of the maximum and may be negative, this one is at least 0
forward transfer          ``(A - B) / (1 - B)``, where ``A`` is the mean accuracy over the looks from the
                          task's first to its last batch, and ``B`` that of a model which learns the task
                          alone, from the same batches. 1 is at once perfect, 0 no faster than alone.
                          Wolczyk et al. (2021), Continual World, https://arxiv.org/abs/2105.10919
========================  ==============================================================================
"""

from collections.abc import Mapping, Sequence
from typing import Any

Looks = Sequence[Mapping[str, Any]]
"""What was seen of a lifetime: ``batches`` and, under ``accuracy``, each task's accuracy or None."""


def backward_transfer(looks: Looks, task: str, last: int) -> float:
    """The gain on a task after its last example.

    :param looks: of a lifetime, to its end.
    :param task: the task.
    :param last: the position of its last batch, from 0.
    :returns: in [-1, 1]; above 0 is a gain.

    >>> looks = [{"batches": b, "accuracy": {"t": a}} for b, a in ((10, 0.5), (20, 0.75), (30, 0.875))]
    >>> backward_transfer(looks, "t", last=12)
    0.125
    """
    after = next(look for look in looks if look["batches"] > last)
    return float(_known(looks[-1], task) - _known(after, task))


def forgetting(looks: Looks, task: str) -> float:
    """The drop of a task's accuracy from its best.

    :param looks: of a lifetime, to its end.
    :param task: the task.
    :returns: in [0, 1]; 0 where the end is the best.

    >>> looks = [{"batches": b, "accuracy": {"t": a}} for b, a in ((10, None), (20, 0.75), (30, 0.5))]
    >>> forgetting(looks, "t")
    0.25
    """
    return float(max(_known(look, task) for look in looks) - _known(looks[-1], task))


def forward_transfer(looks: Looks, alone: Looks, task: str, first: int, last: int) -> float:
    """How much faster a task is learned in a lifetime than alone.

    :param looks: of a lifetime.
    :param alone: of a model that learned each task alone, from the same batches at the same looks.
    :param task: the task.
    :param first: the position of its first batch, from 0.
    :param last: the position of its last batch.
    :returns: at most 1; above 0 is faster.

    >>> looks = [{"batches": 10, "accuracy": {"t": 0.75}}]
    >>> forward_transfer(looks, [{"batches": 10, "accuracy": {"t": 0.5}}], "t", first=0, last=9)
    0.5
    """
    ours, theirs = (_mean_while_presented(seen, task, first, last) for seen in (looks, alone))
    return (ours - theirs) / (1 - theirs)


def _mean_while_presented(looks: Looks, task: str, first: int, last: int) -> float:
    seen = [look for look in looks if look["batches"] > first]
    end = next(number for number, look in enumerate(seen) if look["batches"] > last)
    accuracies = [_known(look, task) for look in seen[: end + 1]]
    return sum(accuracies) / len(accuracies)


def _known(look: Mapping[str, Any], task: str) -> float:
    """The accuracy on a task; none before it is met."""
    accuracy = look["accuracy"][task]
    return 0.0 if accuracy is None else float(accuracy)
