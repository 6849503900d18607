"""Learnable functions that yield something else than their networks do."""

from abc import ABC, abstractmethod
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.language.sites import Message
from ntpt_pyro.language.values import Value


class OtherReadings(Messenger, ABC):
    """Replaces what learnable functions yield; those to tensors are left alone."""

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        declaration = msg["args"][0].declaration
        if isinstance(declaration.out, int):
            read: Any = msg["value"]
            msg["value"] = self.instead_of(declaration.name, read)

    @abstractmethod
    def instead_of(self, name: str, read: Value) -> Tensor:
        """What a function yields.

        :param name: of the function.
        :param read: what its network yields, ``[*batch, n]``.
        :returns: of the same range.
        """
