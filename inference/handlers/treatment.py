"""What every treatment of sites has in common, so that a strategy need not know which ones there are."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from pyro.poutine.messenger import Messenger

from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.language.sites import Message, role_of

Of = TypeVar("Of", bound="Treatment")


class Treatment(Messenger):
    """A handler that decides what some sites yield; :class:`~ntpt_pyro.inference.Strategy` combines several.

    Pyro's base class must be initialised: in a dataclass, ``__post_init__`` calls ``super().__init__()``.
    """

    kl_applies: bool = True
    """Whether the terms of its choices (together ``-KL(guide || prior)``) take the strategy's weight; not
    where the objective sums over the choices exactly."""

    @property
    def enumerates(self) -> Budget | None:
        """The limit on what it enumerates along dimensions of their own; None where it enumerates nothing."""
        return None

    def at(self: Of, step: int) -> Of:
        """The treatment at a training step.

        :param step: counted from 0.
        :returns: itself where nothing about it changes in the course of training, else a new treatment.
        """
        return self

    def without_samples(self) -> "Treatment":
        """The treatment that yields means where this one yields samples.

        :returns: itself where it draws nothing, else a new treatment.
        """
        return self

    def reset(self) -> None:
        """Forget the last run of the model; a strategy calls this before and after each."""


class ChoiceTreatment(Treatment):
    """A treatment of what :func:`ntpt_pyro.choice` yields."""


class StepTreatment(Treatment):
    """A treatment of what :func:`ntpt_pyro.var` and its relatives yield."""


PerSite = Mapping[str, Treatment] | Callable[[str], Treatment | None]
"""Treatments of some sites, by name or by a function of the name."""


def changed_sites(sites: PerSite | None, change: Callable[[Treatment], Treatment]) -> PerSite | None:
    """Treatments of some sites, each of them changed.

    :param sites: them, if any.
    :param change: what is done to each.
    :returns: the new ones, in the same way.
    """
    if isinstance(sites, Mapping):
        return {site: change(treatment) for site, treatment in sites.items()}
    return sites and partial(_changed_of, sites, change)


def _changed_of(
    sites: Callable[[str], Treatment | None], change: Callable[[Treatment], Treatment], site: str
) -> Treatment | None:
    """What a function of the site's name returns, changed."""
    treatment = sites(site)
    return treatment and change(treatment)


def is_free_choice(msg: Message) -> bool:
    """Whether a sample message is a choice that nothing has decided (as ``poutine.condition`` does).

    :param msg: a message of type ``sample``.
    :returns: True where a treatment of choices is to act on it.
    """
    return role_of(msg) == "choice" and not msg["is_observed"]
