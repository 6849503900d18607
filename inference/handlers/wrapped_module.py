"""A module under a handler: what a handler makes of a module is a module again."""

from typing import Any

import torch
from pyro.poutine.messenger import Messenger


class WrappedModule(torch.nn.Module):
    """Runs a module under a handler.

    Pyro's handlers make functions, in which parameters are hidden: ``elbo(model, guide).parameters()`` would
    be empty, and an optimiser of torch would have nothing to move. The parameters' names in Pyro's store are
    those of the module itself.

    :param handler: the handler.
    :param wrapped: the module.
    """

    def __init__(self, handler: Messenger, wrapped: torch.nn.Module) -> None:
        super().__init__()
        self.handler = handler
        self.wrapped = wrapped

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module; arguments and result are its own."""
        with self.handler:
            return self.wrapped(*args, **kwargs)
