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
    :returns: True where both were made for it, the guide of some choices and of nothing else.
    """
    return type(guide) is ChoiceGuide and bool(guide.sites) and isinstance(optimiser, SplitAdam)


def places_of(restarts: Sequence[int] | Tensor, left: int) -> list[int]:
    """The restarts that are to be kept.

    :param restarts: a list, an array or a tensor.
    :param left: how many there are.
    :returns: their numbers.
    :raises UsageError: where there is no such restart, or they are not ascending.
    """
    try:
        given = torch.as_tensor(restarts if isinstance(restarts, Tensor) else [*restarts])
    except (TypeError, ValueError, RuntimeError):  # of what holds no numbers
        given = torch.empty(0)
    whole = given.ndim == 1 and not (given.is_floating_point() or given.dtype == torch.bool)
    found: list[int] = given.tolist() if whole else []
    if not found or found != sorted(set(found)) or found[0] < 0 or found[-1] >= left:
        raise UsageError(
            "keep",
            expected=f"restarts out of 0 to {left - 1}, ascending",
            got=f"{restarts!r:.60}",
            remedy="name those that are to go on",
        )
    return found


def keep_restarts(
    restarts: Sequence[int],
    guide: object,
    optimiser: object,
    plate: Restarts,
    libraries: Iterable[torch.nn.Module],
) -> None:
    """Let go of all restarts but some.

    :param restarts: that go on, ascending.
    :param guide: of all.
    :param optimiser: of the guide and the networks.
    :param plate: their handler, which knows the networks that the model calls.
    :param libraries: modules, some of whose networks may have a copy for each too.
    :raises UsageError: where restarts cannot be told apart; nothing has changed then.
    """
    if not (may_keep_some(guide, optimiser) and isinstance(optimiser, SplitAdam)):
        raise UsageError(
            "keep",
            expected="a guide and an optimiser that fit made, of choices only",
            got="others, of which restarts cannot be given up",
            remedy="keep all restarts",
        )
    if optimiser.waits:
        raise UsageError(
            "keep",
            expected="a step after set_state, which gives moments to the optimiser",
            got="none yet",
            remedy="take a step first",
        )
    rows = torch.tensor(restarts, device=plate.running_log_likelihood.device)
    axes: dict[Tensor, int] = guide.keep(rows)
    modules = (module for library in libraries for module in library.modules())
    for network in dict.fromkeys([*plate.networks, *modules]):
        if isinstance(network, Network):
            axes |= dict.fromkeys(network.keep(rows), 0)
    for parameter in axes:
        parameter.grad = None
    optimiser.keep(rows, axes)
    plate.keep(rows)
