"""What a lifetime's learning of one task does to another, as numbers: the field's standard measures.

Snapshots of a lifetime are taken every so many batches; ``a(t)`` is a task's accuracy on test examples at
snapshot ``t``.

========================  ==============================================================================
backward transfer         ``a(end) - a(t)`` at the first snapshot ``t`` after the task's last batch: what was
                          gained (or lost) without another example of it, the paper's "reverse transfer".
                          The summand of BWT in Lopez-Paz and Ranzato (2017), Gradient Episodic Memory for
                          Continual Learning, https://arxiv.org/abs/1706.08840
forgetting                ``max a(t) - a(end)``, the drop from the best. Chaudhry et al. (2018), Riemannian
                          Walk for Incremental Learning, https://arxiv.org/abs/1801.10112; theirs leaves
                          the end out of the maximum and may be negative, this one is at least 0
forward transfer          ``(A - B) / (1 - B)``, where ``A`` is the mean accuracy over the snapshots from the
                          task's first to its last batch, and ``B`` that of a model which learns the task
                          alone, from the same batches. 1 is at once perfect, 0 no faster than alone.
                          Wolczyk et al. (2021), Continual World, https://arxiv.org/abs/2105.10919
========================  ==============================================================================

Snapshots are of a whole lifetime; ``first`` and ``last`` are positions of a task's batches, from 0.

>>> snapshots = [AccuracySnapshot(b, {"t": a}, {}) for b, a in ((10, None), (20, 0.75), (30, 0.5))]
>>> backward_transfer(snapshots, "t", last=12), forgetting(snapshots, "t")
(-0.25, 0.25)
>>> alone = [AccuracySnapshot(b, {"t": 0.5}, {}) for b in (10, 20, 30)]
>>> forward_transfer(snapshots, alone, "t", first=12, last=19)
0.5
"""

from collections.abc import Sequence

from ntpt_pyro.experiments.lifetime_results import AccuracySnapshot

Snapshots = Sequence[AccuracySnapshot]


def backward_transfer(snapshots: Snapshots, task: str, last: int) -> float:
    """The gain on a task after its last example, in [-1, 1]."""
    after = next(one for one in snapshots if one.batches > last)
    return _known(snapshots[-1], task) - _known(after, task)


def forgetting(snapshots: Snapshots, task: str) -> float:
    """The drop of a task's accuracy from its best, in [0, 1]."""
    return max(_known(one, task) for one in snapshots) - _known(snapshots[-1], task)


def forward_transfer(snapshots: Snapshots, alone: Snapshots, task: str, first: int, last: int) -> float:
    """How much faster a task is learned in a lifetime than alone, at most 1."""
    ours, theirs = (_mean_while_presented(seen, task, first, last) for seen in (snapshots, alone))
    return (ours - theirs) / (1 - theirs)


def _mean_while_presented(snapshots: Snapshots, task: str, first: int, last: int) -> float:
    seen = [one for one in snapshots if one.batches > first]
    end = next(number for number, one in enumerate(seen) if one.batches > last)
    accuracies = [_known(one, task) for one in seen[: end + 1]]
    return sum(accuracies) / len(accuracies)


def _known(snapshot: AccuracySnapshot, task: str) -> float:
    """The accuracy on a task; none before it is met."""
    return snapshot.accuracy[task] or 0.0
