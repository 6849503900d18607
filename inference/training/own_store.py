"""A store of Pyro's parameters of one's own, so that trainings may take turns."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyro


def params_in(store: Any) -> AbstractContextManager[Any]:
    """Keep what Pyro calls parameters in a store of one's own, those of modules too.

    :param store: what it holds before.
    :returns: a scope that gives the store, to be held on to.
    """
    scope = pyro.get_param_store().scope(store)
    return _not_local(scope) if pyro.settings.get("module_local_params") else scope


@contextmanager
def _not_local(scope: AbstractContextManager[Any]) -> Iterator[Any]:
    """A scope without Pyro's setting by which modules keep their parameters to themselves."""
    with pyro.settings.context(module_local_params=False), scope as store:
        yield store
