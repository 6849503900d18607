"""What stands around a site: Pyro's stack of handlers, which a whole process shares."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any

import torch
from pyro.poutine.block_messenger import BlockMessenger
from pyro.poutine.condition_messenger import ConditionMessenger
from pyro.poutine.do_messenger import DoMessenger
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.runtime import _PYRO_STACK
from pyro.poutine.subsample_messenger import _Subsample

from ntpt_pyro.errors import UsageError
from ntpt_pyro.language.distributions import OneHot
from ntpt_pyro.language.objectives import REMEDY, is_within, within_objective
from ntpt_pyro.language.sites import Message

OF_PROGRAMS = ("restarts", "programs", "num_particles_vectorized")
"""Plates of whole programs, ours and that of Pyro's objectives."""
DECIDING = (ConditionMessenger, DoMessenger)
"""Handlers that say what value a site has."""
_LEARNING = RLock()
"""Held by the thread that learns something."""


def handlers() -> list[Messenger]:
    """The handlers that are installed, the innermost first."""
    return list(reversed(_PYRO_STACK))


@contextmanager
def learning_alone(where: str) -> Iterator[None]:
    """Learn something from data, in one thread of the process at a time.

    :param where: what learns, for messages.
    :raises UsageError: where a handler of Pyro's is installed around it, gradients are switched off, or
        another thread learns something.
    """
    if not _LEARNING.acquire(blocking=False):
        raise two_threads(where)
    try:
        if _PYRO_STACK:
            raise UsageError(
                where,
                expected="no handler of Pyro's around it",
                got=" in ".join(type(one).__name__ for one in handlers()),
                remedy=f"call {where} outside of `with` blocks and models, and in one thread at a time: the "
                "handlers are those of the whole process",
            )
        check_can_learn(where)
        yield
    finally:
        _LEARNING.release()


def check_can_learn(where: str) -> None:
    """Check that torch computes gradients.

    :param where: what needs them.
    :raises UsageError: where they are switched off.
    """
    if not torch.is_grad_enabled():
        raise UsageError(
            where,
            expected="gradients, which it learns by",
            got="torch.inference_mode()" if torch.is_inference_mode_enabled() else "torch.no_grad()",
            remedy="call it outside of that",
        )


def two_threads(where: str) -> UsageError:
    """The error about a second thread.

    :param where: what it was about to do.
    :returns: the error.
    """
    return UsageError(
        where,
        expected="one thread that runs Pyro models",
        got="another thread in the middle of one",
        remedy="run models in one thread at a time, or in processes: Pyro's handlers and parameters, and "
        "torch's random state, are those of the whole process",
    )


def is_decided_around() -> bool:
    """Whether any handler that is installed decides sites."""
    return any(isinstance(one, DECIDING) for one in _PYRO_STACK)


def decider(*sites: str) -> ConditionMessenger | DoMessenger | None:
    """The handler that decides sites from around: ``poutine.condition`` or ``poutine.do``.

    :param sites: the sites' names.
    :returns: the innermost one that names one of them, and that its message will reach.
    """
    if not is_decided_around():
        return None
    for site in sites:
        message: Any = {"type": "sample", "name": site, "is_observed": False, "infer": {}, "fn": None}
        for one in handlers():
            if isinstance(one, BlockMessenger) and one.hide_fn(message):
                break
            if isinstance(one, DECIDING) and site in one.data:
                return one
    return None


def is_global_latent(msg: Message) -> bool:
    """Whether a sample site is a latent of all the data: no part of a plate but those of whole programs.

    :param msg: its message.
    :returns: True where the weight of a batch among all the data is its weight too.
    """
    return (
        not msg["is_observed"]
        and not isinstance(msg["fn"], _Subsample)
        and all(frame.name in OF_PROGRAMS for frame in msg["cond_indep_stack"])
        and decider(str(msg["name"])) is None
    )


def check_enumerated(msg: Message) -> None:
    """Check that the objective around an enumerated site sums over it.

    :param msg: of a site that a treatment enumerates, and nothing has decided.
    :raises UsageError: where the objective would draw it instead, and count its probability twice or not.
    """
    around, site = handlers(), str(msg["name"])
    if any(isinstance(one, EnumMessenger) for one in around):
        if is_within("_sample_posterior"):
            raise UsageError(
                f"enumerated site {site!r}",
                expected="a posterior that programs are drawn from",
                got="infer_discrete, which takes no one-hot sites, Pyro's own neither",
                remedy="draw by exact_posterior(model, data).posterior.sample",
            )
        return
    if any(_lacks(one, site) for one in around) and not is_within("_guess_max_plate_nesting"):
        raise UsageError(
            f"enumerated site {msg['name']!r}",
            expected="an objective that sums over it, TraceEnum_ELBO (strategy.elbo())",
            got="one that would draw it from its prior, without a guide",
            remedy="give strategy.elbo() to SVI, or take a strategy that needs no enumeration, such as "
            "marginal()",
        )


def _lacks(handler: Messenger, site: str) -> bool:
    """Whether a handler replays a guide that does not know a site, as objectives do."""
    return isinstance(handler, ReplayMessenger) and handler.trace is not None and site not in handler.trace


def check_guided_alike(msg: Message, guided: Mapping[str, Any]) -> None:
    """Check that a choice of an objective's model is treated as in its guide.

    :param msg: of a choice or step that a treatment has acted on.
    :param guided: what the guide has at that site.
    :raises UsageError: where another strategy is around the guide, or none.
    """
    other = type(guided["fn"])
    if other is type(msg["fn"]) or not issubclass(other, OneHot) or not within_objective():
        return
    raise UsageError(
        f"choice {msg['name']!r}",
        expected="one strategy for SVI's model and guide",
        got="a guide without it" if other is OneHot else "another one around the guide",
        remedy=REMEDY,
    )
