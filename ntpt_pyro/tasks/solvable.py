"""What a task tells about its inputs: which tensors are results, which are meant, what is simple."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ntpt_pyro.tasks.task_contents import Contents


class Solvable(Contents):
    """The part of a task that only a solver asks for. A subclass of :class:`~ntpt_pyro.Task` may say more."""

    observed = 1
    """How many of its examples' tensors, the last ones, are results that the model observes."""
    admits: Callable[..., Any] | None = None
    """``admits(*inputs)``, a program of the language from inputs, as the model takes them, to a value of two:
    1 where the task means them. A solver asks about these inputs only; None means all."""
    costs: Mapping[str, Sequence[int]] | None = None
    """By choice what each alternative costs: of programs that explain the examples as well a solver takes the
    cheapest. None counts the choices that a program reads."""

    question_seconds: float | None = None
    """How long a run may ask, however its program was found, whether the examples determine the behaviour.
    None: only a run by a solver asks."""

    told_apart_by: str | None = None
    """What programs are told apart by, in words, where that is more than examples."""

    def check_solvable(self) -> None:
        """Refuse a solver, where it cannot run the model, in words of the task.

        :raises NtptError: says what it cannot do; by default the solver says so itself.
        """

    def input_words(self, inputs: Sequence[torch.Tensor]) -> list[str]:
        """An input as a person reads it.

        :param inputs: an example's tensors but for the results, ``[1, ...]`` each.
        :returns: a line for each tensor.
        """
        return [f"input {n} = {in_words(one[0])}" for n, one in enumerate(inputs, start=1)]

    def result_words(self, results: Mapping[str, int]) -> str:
        """Results as a person reads them.

        :param results: by observed site.
        :returns: in one line.
        """
        return ", ".join(f"{site} = {value}" for site, value in results.items())

    def result_tensors(self, results: Mapping[str, int]) -> list[torch.Tensor]:
        """Results as examples have them.

        :param results: by observed site, in the order of the tensors.
        :returns: ``[1]`` each; where several sites observe a single tensor, ``[1, sites]``.
        """
        if self.observed == 1 and len(results) > 1:
            return [torch.tensor([list(results.values())])]
        return [torch.tensor([value]) for value in results.values()]


def in_words(tensor: torch.Tensor) -> str:
    """A tensor as a person reads it.

    :param tensor: of any shape.
    :returns: its integers; of real numbers only how many there are.
    """
    return f"{[*tensor.shape]} reals" if tensor.is_floating_point() else str(tensor.tolist())
