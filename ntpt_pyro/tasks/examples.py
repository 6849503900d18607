"""Examples of a task: the arguments of its model, a row an example."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from ntpt_pyro.bounds import check_memory
from ntpt_pyro.errors import DataError
from ntpt_pyro.language.given_data import Data, given_data

Draw = Callable[[int, torch.Generator], Sequence[Tensor]]
"""Draws so many examples from a generator: the model's arguments, a row an example, results last."""
Given = Draw | Data
"""Examples: those that there are, or how to draw some."""
MANY, TRIED = 2**16, 8
"""Of more examples it is found out first, by so few of them, what memory they take."""


@dataclass(frozen=True)
class Examples:
    """Examples of one task, as the arguments of its model, on torch's default device.

    :param tensors: all arguments of the model, with a common first axis of examples; the last one is the
        result that is observed.

    >>> examples = Examples((torch.tensor([[1, 2], [3, 4]]), torch.tensor([3, 7])))
    >>> len(examples)
    2
    """

    tensors: tuple[Shaped[Tensor, "examples ..."], ...]

    def __post_init__(self) -> None:
        here = torch.get_default_device()
        object.__setattr__(self, "tensors", tuple(tensor.to(here) for tensor in self.tensors))

    @property
    def inputs(self) -> tuple[Shaped[Tensor, "examples ..."], ...]:
        """All arguments but the last."""
        return self.tensors[:-1]

    @property
    def results(self) -> Shaped[Tensor, "examples ..."]:
        """The last argument."""
        return self.tensors[-1]

    def __len__(self) -> int:
        return len(self.tensors[-1])

    def __repr__(self) -> str:
        return f"<Examples {len(self)} of {len(self.inputs)} input(s) and a result>"

    def take(self, rows: Int[Tensor, " kept"]) -> "Examples":
        """Some of the examples.

        :param rows: their indices.
        :returns: those, in that order.
        """
        rows = rows.to(self.results.device)
        return Examples(tuple(tensor[rows] for tensor in self.tensors))

    def split(self, first: int) -> tuple["Examples", "Examples"]:
        """The first examples, and the rest.

        :param first: how many the first part has.
        :returns: both parts.
        """
        head = Examples(tuple(tensor[:first] for tensor in self.tensors))
        return head, Examples(tuple(tensor[first:] for tensor in self.tensors))


def checked_examples(task: str, tensors: Data) -> Examples:
    """What people give as examples.

    :param task: its name, for messages.
    :param tensors: an input and a result at least, see :func:`~ntpt_pyro.language.given_data.given_data`.
    :returns: the examples.
    :raises DataError: where there are fewer than two, results are no integers, or they are no data.
    """
    where = f"task {task}, examples"
    if isinstance(tensors, Examples):
        return Examples(tensors.tensors)
    found = list(given_data(where, tensors))
    if len(found) < 2:
        raise DataError(
            where, expected="a tuple of tensors, inputs and a result", got=f"{len(found)}", remedy="give both"
        )
    if found[-1].is_floating_point():
        raise DataError(
            where,
            expected="integers as results, which the last tensor holds",
            got=str(found[-1].dtype),
            remedy="give the result last, as integers (.long())",
        )
    found[-1] = found[-1].long()  # of any integer type
    return Examples(tuple(found))


def drawn_examples(
    name: str, given: Draw | Sequence[Tensor] | Examples, count: int, source: torch.Generator
) -> Examples:
    """Examples, drawn on the CPU where they are not there already.

    :param name: of the task, for messages.
    :param given: those that there are, or how to draw some.
    :param count: how many to draw.
    :param source: of the draw.
    :returns: the examples.
    :raises DataError: see :func:`checked_examples`.
    :raises BudgetError: where so many would not fit this machine; a few are drawn to find that out.
    """
    if not callable(given):
        return checked_examples(name, given)
    if count > MANY:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            few = checked_examples(name, given(TRIED, torch.Generator().manual_seed(0)))
        each = sum(one.numel() * one.element_size() for one in few.tensors) / len(few)
        remedy = "give fewer (--examples, --test-examples)"
        check_memory(f"task {name}", each * count, of=f"{count:,} examples", remedy=remedy)
    with torch.device("cpu"):  # where the source draws
        drawn = given(count, source)
    return checked_examples(name, drawn)
