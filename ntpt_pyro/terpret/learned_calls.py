"""Calls of learned functions in a program text: which can be made together, and how they are made.

A function's calls that can be made at the same time are one call of its network, along an axis of their own.
What a call is given is laid out as a value is: behind the batch an integer's distribution, or a tensor's
numbers.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ntpt_pyro.errors import LibraryError
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.learned_functions import Tensor as TensorType
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.values import constant, stack, widen
from ntpt_pyro.terpret.symbols import Call, Cell, cells_of
from ntpt_pyro.terpret.unrolling import Assignment

Find = Callable[[Cell], Tensor]
"""The value of a variable: ``[*batch, n]``, of a tensor ``[*batch, numbers]``."""


def calls_in(assignments: Mapping[Cell, Sequence[Assignment]]) -> list[Call]:
    """The different calls of learned functions.

    :param assignments: for each variable the ways it is set.
    :returns: them, in the order of the text.
    """
    every = [one.expression for ways in assignments.values() for one in ways]
    found = [one for one in every if isinstance(one, Call) and isinstance(one.function, LearnedFunction)]
    return list(dict.fromkeys(found))


def reads_inputs_only(call: Call) -> bool:
    """Whether a call depends on nothing but what an instance gives.

    :param call: of a learned function.
    :returns: whether it is so; not where it reads constants only.
    """
    kinds = {cell.declared.kind for cell in cells_of(call)}
    return kinds == {"Input"}


def calls_by_level(
    calls: Sequence[Call], levels: Sequence[Sequence[Cell]]
) -> list[tuple[list[Call], Sequence[Cell]]]:
    """Calls of learned functions in the order in which they can be made.

    :param calls: them.
    :param levels: variables in the order in which they can be computed, all of a level at once.
    :returns: for each level the calls that can be made before it, and not earlier; and its variables.
    """
    after = {cell: number for number, cells in enumerate(levels, 1) for cell in cells}
    found: list[tuple[list[Call], Sequence[Cell]]] = [([], cells) for cells in levels]
    for call in calls:
        found[max((after.get(cell, 0) for cell in cells_of(call)), default=0)][0].append(call)
    return found


def make_calls(
    calls: Sequence[Call], find: Find, library: Library | None, *, plates: int | None = None
) -> dict[Cell | Call, Tensor]:
    """Make calls of learned functions, those of one function together.

    :param calls: them.
    :param find: the values of variables.
    :param library: the functions.
    :param plates: dimensions that plates take. Calls whose arguments have others, which are enumerated, are
        made with those that have the same ones; None makes all together.
    :returns: by call its result, ``[*batch, n]``, or ``[*batch, numbers]`` of a tensor.
    :raises LibraryError: where there is no library.
    """
    groups: dict[tuple[LearnedFunction, tuple[int, ...]], list[tuple[Call, list[Tensor]]]] = {}
    for call in calls:
        assert isinstance(call.function, LearnedFunction)
        arguments = [
            _argument(argument, kind, find)
            for argument, kind in zip(call.arguments, call.function.inputs, strict=True)
        ]
        enumerated: tuple[int, ...] = ()
        if plates is not None:
            batch = torch.broadcast_shapes(*(one.shape[:-1] for one in arguments))
            enumerated = batch[: max(len(batch) - plates, 0)]
        groups.setdefault((call.function, enumerated), []).append((call, arguments))
    found: dict[Cell | Call, Tensor] = {}
    for (function, _), made in groups.items():
        results = _called(function, [arguments for _, arguments in made], library)
        found |= dict(zip((call for call, _ in made), results, strict=True))
    return found


def _argument(argument: Cell | int, kind: int | TensorType, find: Find) -> Tensor:
    """An argument's value, of the range that the function takes."""
    if isinstance(kind, TensorType):
        assert isinstance(argument, Cell)
        return find(argument)
    if isinstance(argument, int):
        return constant(argument, kind)
    return find(argument) if argument.size == kind else widen(find(argument), kind)


def _called(
    function: LearnedFunction, calls: Sequence[Sequence[Tensor]], library: Library | None
) -> Sequence[Tensor]:
    """The results of calls of one function, from the arguments of each."""
    if library is None:
        raise LibraryError(
            "library", expected=f"one with {function.name}", got="none", remedy="give the model a library"
        )
    inputs = []
    for kind, values in zip(function.inputs, zip(*calls, strict=True), strict=True):
        together = stack(values)
        shaped = together.shape[:-1] + kind.shape if isinstance(kind, TensorType) else together.shape
        inputs.append(together.reshape(shaped))
    results: Tensor = library[function.name](*inputs, items=1)
    if isinstance(function.out, TensorType):
        results = results.flatten(results.ndim - len(function.out.shape))
    return results.unbind(-2)
