"""Data as people have them, as tensors with a row an example."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from ntpt_pyro.errors import DataError

BATCH = 500
"""Examples at once, where nothing is said."""
Data = Any
"""Tensors or arrays of NumPy, one an argument of a model; or a Dataset or DataLoader of torch; or what has
``tensors``, as a TensorDataset and a task's examples have."""


def given_data(where: str, data: Data) -> tuple[Shaped[Tensor, "examples ..."], ...]:
    """What people give as data, as the arguments of a model, on torch's default device.

    Types of numbers stay as they are: a learned function takes pixels of any type, and an observation labels
    of any integer type. Of a DataLoader the whole dataset is taken: batches are drawn by whoever learns.

    :param where: what they are, for messages.
    :param data: see :data:`Data`.
    :returns: a tensor for each argument, with a common first axis of examples, at least one.
    :raises DataError: where they are something else, have different numbers of examples or none, or hold NaN
        or infinity: names the tensor and the example.

    >>> given_data("fit, data", (np.array([1, 2]), torch.tensor([0.5, 1.0])))
    (tensor([1, 2]), tensor([0.5000, 1.0000]))
    """
    if isinstance(data, DataLoader):
        data = data.dataset
    if isinstance(data, Dataset) and not isinstance(data, TensorDataset):
        data = _columns(where, data)
    data = getattr(data, "tensors", data)
    if isinstance(data, (Tensor, np.ndarray, str, Mapping)) or not isinstance(data, Sequence):
        raise DataError(
            where,
            expected="a tensor for each argument of the model, such as (inputs, results)",
            got=f"one {type(data).__name__}",
            remedy="give a tuple of tensors, or a Dataset of torch",
        )
    here = torch.get_default_device()
    found = tuple(_tensor(where, number, one).to(here) for number, one in enumerate(data))
    lengths = [len(tensor) for tensor in found]
    if not lengths or len(set(lengths)) != 1 or not lengths[0]:
        raise DataError(
            where,
            expected="tensors with the same number of examples, at least 1",
            got=f"{lengths}",
            remedy="give one entry an example in each tensor",
        )
    return found


def in_batches(data: Sequence[Tensor], size: int = BATCH) -> Iterator[tuple[Tensor, ...]]:
    """Examples some at a time, in their order.

    :param data: tensors with a common first axis of examples.
    :param size: how many at a time; the last ones may be fewer.
    :returns: such tensors, one after the other.

    >>> [len(x) for x, y in in_batches((torch.zeros(5), torch.ones(5)), 2)]
    [2, 2, 1]
    """
    return zip(*(tensor.split(size) for tensor in data), strict=True)


def _tensor(where: str, number: int, given: object) -> Tensor:
    """One of the tensors, which has an axis of examples and numbers that are finite."""
    try:
        tensor = torch.as_tensor(given) if isinstance(given, np.ndarray) else given
    except TypeError:  # an array of texts or objects
        tensor = None
    if not isinstance(tensor, Tensor) or tensor.ndim < 1:
        shape = f"of shape {[*given.shape]}" if isinstance(given, (Tensor, np.ndarray)) else ""
        kind = f" of {given.dtype}" if isinstance(given, np.ndarray) else ""
        raise DataError(
            f"{where}, number {number}",
            expected="a tensor, or an array of numbers, with an axis of examples",
            got=f"{type(given).__name__}{kind} {shape}".strip(),
            remedy="give tensors (torch.tensor(...))",
        )
    if (tensor.is_floating_point() or tensor.is_complex()) and not tensor.detach().sum().isfinite():
        fine = tensor.detach().isfinite().reshape(len(tensor), -1).all(-1)
        if not fine.all():  # a sum may be too large where no number is
            raise DataError(
                f"{where}, number {number}, example {int(fine.long().argmin())}",
                expected="finite numbers",
                got=f"NaN or infinity, in {int((~fine).sum())} of {len(tensor)} examples",
                remedy="correct the data, or leave these examples out",
            )
    return tensor


def _columns(where: str, dataset: Dataset[Any]) -> tuple[Tensor, ...]:
    """The rows of a dataset, stacked by column."""
    if not isinstance(dataset, Sized):
        raise DataError(
            where,
            expected="a dataset that knows its length",
            got=type(dataset).__name__,
            remedy="give tensors of the examples that there are",
        )
    rows = [dataset[number] for number in range(len(dataset))]
    columns = zip(*(row if isinstance(row, (tuple, list)) else (row,) for row in rows), strict=True)
    found = []
    for number, column in enumerate(columns):
        try:
            found.append(torch.stack([torch.as_tensor(one) for one in column]))
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"{where}, number {number} of each row of {type(dataset).__name__}",
                expected="numbers, or tensors of one shape",
                got=f"{type(column[0]).__name__}: {error}".splitlines()[0],
                remedy="give the dataset a transform that makes tensors, such as ToTensor",
            ) from error
    return tuple(found)
