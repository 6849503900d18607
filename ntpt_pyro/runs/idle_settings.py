"""Settings of a search by restarts that are not looked at beside the others, each with the reason."""

from typing import Protocol

from ntpt_pyro.bounds import counted
from ntpt_pyro.inference.training.callbacks import Halving
from ntpt_pyro.runs.methods.named import has_guide
from ntpt_pyro.runs.methods.restarts_method import search_steps
from ntpt_pyro.runs.settings import Settings


class OfSearch(Protocol):
    """What decides what a search by restarts does on the way."""

    @property
    def strategy(self) -> object:
        """The way of inference."""

    @property
    def restarts(self) -> int:
        """Programs trained at once."""

    @property
    def look(self) -> int | None:
        """Steps between two looks."""

    @property
    def halve(self) -> int | None:
        """Steps after which restarts are given up."""


def idle_on_the_way(settings: OfSearch, steps: int, *, shared: bool = False) -> dict[str, str]:
    """Settings of what is done on the way of a search that are not looked at.

    :param settings: of the search.
    :param steps: that it takes at most.
    :param shared: whether processes share its restarts.
    :returns: the reason in words, by setting.

    >>> idle_on_the_way(Settings(halve=1000, look=7), steps=100)
    {'halve': 'a search has 100 steps'}
    """
    found, short = {}, f"a search has {counted(steps, 'step')}"
    if settings.look is not None and settings.look > steps:
        found["look"] = short
    if settings.halve is None:
        return found
    least = Halving(settings.halve).least
    if shared:
        found["halve"] = "restarts that processes share all go on"
    elif not has_guide(str(settings.strategy)):
        found["halve"] = "where choices are summed over all restarts go on"
    elif settings.restarts <= least:
        found["halve"] = f"up to {least} restarts all go on"
    elif settings.halve > steps:
        found["halve"] = short
    return found


def idle_settings(settings: Settings, *, shared: bool = False) -> dict[str, str]:
    """Settings of a run by restarts that are not looked at.

    :param settings: all of them.
    :param shared: whether processes share its restarts.
    :returns: the reason in words, by setting.

    >>> idle_settings(Settings(search=900, steps=300))
    {'search': 'a search has 100 steps, a third of --steps'}
    """
    steps, found = search_steps(settings), {}
    if settings.search is not None and settings.restarts == 1:
        found["search"] = "one restart takes all steps"
    elif settings.search is not None and settings.search > steps:
        found["search"] = f"a search has {counted(steps, 'step')}, a third of --steps"
    return found | idle_on_the_way(settings, steps, shared=shared)
