"""A handler that opens a plate around the model it is applied to."""

from typing import Any, TypeVar

import pyro
from pyro.poutine.messenger import Messenger

Of = TypeVar("Of", bound="Plated")


class Plated(Messenger):
    """Runs a model in a plate of its own.

    :param plate: the plate's name.
    :param size: of the plate.
    :param dim: its batch dimension.
    """

    def __init__(self, plate: str, size: int, dim: int) -> None:
        super().__init__()
        self.plate = plate
        self.size = size
        self.dim = dim
        self._opened: pyro.plate | None = None

    def __enter__(self: Of) -> Of:
        """Open the plate for one run."""
        super().__enter__()
        self._opened = pyro.plate(self.plate, self.size, dim=self.dim)
        self._opened.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Close the plate."""
        assert self._opened is not None
        self._opened.__exit__(*exception)
        self._opened = None
        super().__exit__(*exception)
