"""Some restarts of a training go on, the others are given up: whatever has an axis of restarts shrinks.

Parameters stay the same objects, with fewer numbers, so that whoever holds them need not know.
"""

from collections.abc import Iterable, Sequence
from typing import TypeGuard

import torch
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.split_adam import SplitAdam
from ntpt_pyro.language.networks import Network


def may_keep_some(guide: object, optimiser: object) -> TypeGuard[ChoiceGuide]:
    """Whether restarts can be told apart in all that a training has learned.

    :param guide: of the training.
    :param optimiser: of the training.
    :returns: True where both were made for it, the guide of choices only.
    """
    return type(guide) is ChoiceGuide and isinstance(optimiser, SplitAdam)


def check_kept(restarts: Sequence[int], left: int, *, possible: bool) -> None:
    """Check that restarts can be kept.

    :param restarts: that are to be.
    :param left: how many there are.
    :param possible: whether some can be given up at all.
    :raises UsageError: where they cannot, or there is no such restart.
    """
    known = list(restarts) == sorted(set(restarts)) and set(restarts) <= set(range(left))
    if not restarts or not known:
        raise UsageError(
            "keep",
            expected=f"restarts out of 0 to {left - 1}, ascending",
            got=str(list(restarts)),
            remedy="name those that are to go on",
        )
    if not possible:
        raise UsageError(
            "keep",
            expected="a guide and an optimiser that fit made, of choices only, in one process",
            got="others, of which restarts cannot be given up",
            remedy="keep all restarts",
        )


def keep_restarts(
    restarts: Sequence[int],
    guide: ChoiceGuide,
    optimiser: object,
    plate: Restarts,
    libraries: Iterable[torch.nn.Module],
) -> None:
    """Let go of all restarts but some.

    :param restarts: that go on, ascending.
    :param guide: of all.
    :param optimiser: a :class:`~ntpt_pyro.inference.SplitAdam` of the guide and the libraries.
    :param plate: their handler.
    :param libraries: modules, some of whose networks may have a copy for each.
    """
    rows = torch.tensor(restarts, device=plate.running_log_likelihood.device)
    axes: dict[Tensor, int] = guide.keep(rows)
    for library in dict.fromkeys(libraries):
        for network in library.modules():
            if isinstance(network, Network):
                axes |= dict.fromkeys(network.keep(rows), 0)
    for parameter in axes:
        parameter.grad = None
    assert isinstance(optimiser, SplitAdam)
    optimiser.keep(rows, axes)
    plate.keep(rows)
