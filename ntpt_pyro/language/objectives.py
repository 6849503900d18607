"""Objectives of Pyro's that run a model without its strategy: what they would learn means nothing."""

import sys
from collections.abc import Mapping
from typing import Any

from pyro.poutine.block_messenger import BlockMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.runtime import _PYRO_STACK

from ntpt_pyro.errors import UsageError

REMEDY = "wrap both in one strategy: SVI(strategy(model), strategy(guide), ...)"
"""Of every error about that."""


def check_drawn() -> None:
    """Check that a choice or step which is about to be drawn is no part of an objective's model.

    There its probability would be counted, and nothing would stand against it: what is learned is wrong.

    :raises UsageError: where an objective runs a model against a guide that lacks the site.
    """
    if replayed() is not None and within_objective():
        raise UsageError(
            "SVI's model",
            expected="choices and steps that a strategy or the guide decides",
            got="one that is drawn anew: no strategy is around the model",
            remedy=REMEDY,
        )


def check_guided(site: str) -> None:
    """Check that no strategy is around the guide of a choice, where none is around the model.

    :param site: the choice's name.
    :raises UsageError: where an objective runs the model so.
    """
    guided = (replayed() or {}).get(site)
    if guided is not None and (guided["infer"] or {}).get("_ntpt_treated") and within_objective():
        raise UsageError(
            f"choice {site!r}",
            expected="one strategy for SVI's model and guide",
            got="a model without it",
            remedy=REMEDY,
        )


def replayed() -> Mapping[str, Any] | None:
    """What a guide has sampled that a run is replayed against, by site.

    :returns: None where it is not, or something hides sites from that.
    """
    for one in reversed(_PYRO_STACK):
        if isinstance(one, BlockMessenger):
            return None
        if isinstance(one, ReplayMessenger) and one.trace is not None:
            sites: Mapping[str, Any] = one.trace.nodes
            return sites
    return None


def within_objective() -> bool:
    """Whether an objective of Pyro's runs a model against its guide.

    :returns: True there; False where it only finds out how deep plates are nested.
    """
    return is_within("get_importance_trace")


def is_within(function: str) -> bool:
    """Whether a function of Pyro's is running, of which handlers say nothing.

    :param function: its name.
    :returns: True where a caller of this one has the name, and is Pyro's.
    """
    frame = sys._getframe()
    while frame.f_back is not None:
        if frame.f_code.co_name == function and "pyro" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
