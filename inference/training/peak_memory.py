"""How much memory tensors take at most while a computation runs."""

import weakref
from typing import Any

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from ntpt_pyro.inference.training.without_compiler import DispatchMode


class PeakMemory(DispatchMode):
    """Counts the tensors that are made and dropped in its context, those of gradients too.

    >>> import torch
    >>> with PeakMemory() as memory:
    ...     for _ in range(3):
    ...         made = torch.zeros(1000).add(1)
    >>> memory.peak  # of one turn, and what is left of the turn before
    12000
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        """Bytes at most."""
        self._now = 0
        self._known: Any = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage not in self._known:
            size = storage.nbytes()
            self._known[storage] = size
            self._now += size
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._dropped, size)

    def _dropped(self, size: int) -> None:
        self._now -= size
