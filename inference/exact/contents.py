"""What values are evaluated to, each different one kept once and known by its number."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.errors import UsageError

Ids = NDArray[np.int32]
"""Numbers of contents; -1 stands for none."""

SIGNIFICANT_BITS = 21
"""Of a float, where contents are compared; the others are taken for rounding: a part in two million."""
AT_ONCE = 2**21
"""Numbers that are hashed at a time."""


class Contents:
    """Contents of one shape; equal ones are one, but for rounding.

    :param shape: of each.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.size = 0
        """How many there are."""
        self._kept = torch.zeros(16, *shape)  # the first is read where no program needs any
        self._ids: dict[int, int] = {}
        self._weights = np.random.default_rng(0).integers(2**62, size=max(1, int(np.prod(shape)))) * 2 + 1
        self._vertices = np.empty(0, dtype=np.int32)
        self._support = np.empty((0, shape[-1] if shape else 1), dtype=bool)

    @property
    def bytes(self) -> int:
        """Memory that they take."""
        return self._kept.numel() * self._kept.element_size()

    def __getitem__(self, ids: Ids) -> Tensor:
        return self._kept[torch.from_numpy(ids.astype(np.int64))]

    def add(self, contents: Tensor) -> Ids:
        """The numbers of contents; those that are not there are added.

        :param contents: ``[contents, *shape]``.
        :returns: ``[contents]``.
        """
        contents = contents.to(self._kept.dtype)
        keys, first, inverse = np.unique(self._keys(contents), return_index=True, return_inverse=True)
        ids = np.array([self._ids.get(key, -1) for key in keys.tolist()], dtype=np.int32)
        new = np.flatnonzero(ids < 0)
        if len(new):
            ids[new] = np.arange(self.size, self.size + len(new))
            self._ids.update(zip(keys[new].tolist(), ids[new].tolist(), strict=True))
            self._append(contents[torch.from_numpy(first[new])])
        found: Ids = ids[inverse.reshape(-1)]
        return found

    def vertices(self, ids: Ids) -> Ids:
        """The integer that each content has for every example alike; -1 where it has none.

        :param ids: ``[contents]``.
        :returns: ``[contents]``.
        """
        self._describe()
        return self._vertices[ids]

    def support(self, ids: Ids) -> NDArray[np.bool_]:
        """The integers that each content may have, for any example.

        :param ids: ``[contents]``.
        :returns: ``[contents, n]``.
        """
        self._describe()
        return self._support[ids]

    def _describe(self) -> None:
        known = len(self._vertices)
        if known < self.size:
            new = self._kept[known : self.size].reshape(self.size - known, -1, self._support.shape[1])
            support = (new != 0).any(1).numpy()
            sure = (support.sum(-1) == 1) & (new.amax(-1) == 1).all(1).numpy()
            vertices = np.where(sure, support.argmax(-1), -1).astype(np.int32)
            self._vertices = np.concatenate([self._vertices, vertices])
            self._support = np.concatenate([self._support, support])

    def _append(self, new: Tensor) -> None:
        if not bool(torch.isfinite(new).all()):
            raise UsageError(
                "exact posterior",
                expected="values that are finite",
                got="nan or infinite ones",
                remedy="look at the examples, and at what learned functions read in them",
            )
        last = self.size + len(new)
        if last > len(self._kept):
            larger = torch.empty(max(last, len(self._kept) * 3 // 2), *self.shape)
            larger[: self.size] = self._kept[: self.size]
            self._kept = larger
        self._kept[self.size : last] = new
        self.size = last

    def _keys(self, contents: Tensor) -> NDArray[np.int64]:
        """A number for each content, equal where they are but for rounding, else all but surely different."""
        flat = contents.reshape(len(contents), -1)
        at_once = max(1, AT_ONCE // max(1, flat.shape[1]))
        return np.concatenate([self._hashed(part) for part in flat.split(at_once)])

    def _hashed(self, flat: Tensor) -> NDArray[np.int64]:
        kind, mantissa = (torch.int64, 52) if flat.dtype == torch.float64 else (torch.int32, 23)
        bits = (flat + 0.0).contiguous().view(kind).numpy().astype(np.int64)
        dropped = mantissa - SIGNIFICANT_BITS
        rounded = (bits + (1 << dropped - 1)) >> dropped
        keys: NDArray[np.int64] = mixed(rounded * self._weights).sum(-1)
        return keys


def mixed(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers whose bits are all mixed, so that sums of them are different where they are.

    :param numbers: of any shape.
    :returns: of the same shape; different ones stay different.
    """
    found = numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    found ^= found >> np.uint64(32)
    found *= np.uint64(0xBF58476D1CE4E5B9)
    found ^= found >> np.uint64(29)
    made: NDArray[np.int64] = found.view(np.int64)
    return made


def distinct(columns: list[NDArray[np.int32]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are different.

    :param columns: of the rows, one number a row each, at least -1.
    :returns: one row of each kind ``[kinds]``, and the kind of each row ``[rows]``.
    """
    return distinct_keys(*packed(columns))


def packed(columns: list[NDArray[np.int32]]) -> tuple[NDArray[np.int64], int]:
    """Rows as a number each, equal where they are.

    :param columns: see :func:`distinct`.
    :returns: the numbers, and a bound on them; 0 where it is not known.
    """
    bound, keys = 1, np.zeros(len(columns[0]), dtype=np.int64)
    hashed = False
    for place, column in enumerate(columns):
        size = int(column.max(initial=-1)) + 2
        if not hashed and bound * size >= 2**62:
            hashed, keys = True, mixed(keys + 1)
        if hashed:
            keys = mixed(keys + (column.astype(np.int64) + 2) * (2 * place + 1))
        else:
            keys = keys * size + (column + 1)
            bound *= size
    return keys, 0 if hashed else bound


def distinct_keys(keys: NDArray[np.int64], bound: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """See :func:`distinct`.

    :param keys: of the rows.
    :param bound: on them; 0 where it is not known.
    :returns: see :func:`distinct`.
    """
    if 0 < bound <= max(2**16, 2 * len(keys)):
        some = np.full(bound, -1, dtype=np.int64)
        some[keys] = np.arange(len(keys))
        kinds = np.flatnonzero(some >= 0)
        number = np.empty(bound, dtype=np.int64)
        number[kinds] = np.arange(len(kinds))
        return some[kinds], number[keys]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
