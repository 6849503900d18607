"""Thirteen list tasks of Neural Functional Programming, as instances of TerpreT's published nfp models.

The tasks and the way inputs lie in memory are those of Feser, Brockschmidt, Gaunt and Tarlow ("Differentiable
Functional Program Interpreters", arXiv 1611.01988); the instances are our own, drawn from a seeded generator.
A list is linked cells of a stack: where one holds an element, and which cell comes next, 0 being the end.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.random import Generator

from ntpt_pyro.errors import DataError
from ntpt_pyro.terpret import TerpretModel
from ntpt_pyro.terpret.parser import Source

SIZES = {
    "maxInt": 10,
    "maxScalar": 10,
    "inputNum": 2,
    "inputStackSize": 5,
    "prefixLength": 0,
    "lambdaLength": 3,
    "loopBodyLength": 3,
    "suffixLength": 2,
    "extraRegisterNum": 1,
}
"""The published generator's defaults, by hyper."""
TRIES = 100
"""Sets of examples that are drawn at most until one is as it should be."""

Given = list[int] | int
"""An input: a list, or a number."""
Draw = Callable[[Generator, int, int], list[Given]]
"""Draws inputs, from numbers below a bound and a number of cells."""


@dataclass(frozen=True)
class Example:
    """Inputs, and what a function gives for them."""

    inputs: list[Given]
    output: Given | bool


@dataclass(frozen=True)
class ListTask:
    """A function of lists and numbers to find.

    :param draw: its inputs.
    :param function: of the inputs; numbers of its output count modulo their range.
    :param instances: to learn from: as many as the published generator makes.
    """

    draw: Draw
    function: Callable[..., Given | bool]
    instances: int = 5

    def example(self, generator: Generator, below: int, cells: int) -> Example:
        """Draw one.

        :param generator: source of randomness.
        :param below: the range of numbers.
        :param cells: that its lists may take.
        :returns: it.
        """
        inputs = self.draw(generator, below, cells)
        output = self.function(*inputs)
        if isinstance(output, bool):
            return Example(inputs, output)
        return Example(
            inputs, [one % below for one in output] if isinstance(output, list) else output % below
        )

    def examples(self, generator: Generator, below: int, cells: int, held_out: int) -> list[Example]:
        """Draw examples that differ; those to learn from, which come first, tell something.

        :param generator: source of randomness.
        :param below: the range of numbers.
        :param cells: that lists may take.
        :param held_out: how many to draw beside those to learn from.
        :returns: them.
        :raises DataError: where there are not so many.
        """
        wanted = self.instances + held_out
        for _ in range(TRIES):
            drawn = [self.example(generator, below, cells) for _ in range(4 * wanted)]
            found = list({str(one.inputs): one for one in drawn}.values())[:wanted]
            if len(found) == wanted and _diverse([one.output for one in found[: self.instances]]):
                return found
        raise DataError(
            "examples",
            expected=f"{wanted} that differ, of different outputs",
            got=f"fewer in lists of up to {cells} numbers below {below}",
            remedy="draw fewer, or make lists longer",
        )


def _diverse(outputs: Sequence[Given | bool]) -> bool:
    """Whether outputs are not all the same; of yes and no, whether more than a quarter are of each."""
    share = sum(output is True for output in outputs) / len(outputs)
    return len(set(map(str, outputs))) > 1 and (not isinstance(outputs[0], bool) or 0.25 < share < 0.75)


def _list(generator: Generator, below: int, cells: int, *, shortest: int = 1) -> list[Given]:
    length = generator.integers(shortest, cells + 1)
    return [generator.integers(below, size=length).tolist()]


def _unlike_its_reverse(generator: Generator, below: int, cells: int) -> list[Given]:
    while True:
        (found,) = _list(generator, below, cells, shortest=2)
        assert isinstance(found, list)
        if found != found[::-1]:
            return [found]


def _list_and_number(generator: Generator, below: int, cells: int) -> list[Given]:
    return [*_list(generator, below, cells), int(generator.integers(below))]


def _list_and_element(generator: Generator, below: int, cells: int) -> list[Given]:
    (found,) = _list(generator, below, cells)
    assert isinstance(found, list)
    return [found, found[generator.integers(len(found))]]


def _list_and_place(generator: Generator, below: int, cells: int) -> list[Given]:
    (found,) = _list(generator, below, cells)
    assert isinstance(found, list)
    return [found, int(generator.integers(len(found)))]


def _two_lists(generator: Generator, below: int, cells: int) -> list[Given]:
    found: list[list[int]] = generator.integers(below, size=(2, cells // 2)).tolist()
    return list(found)


LIST_TASKS: Mapping[str, ListTask] = {
    "len": ListTask(_list, len),
    "rev": ListTask(_unlike_its_reverse, lambda xs: xs[::-1]),
    "sum": ListTask(_list, sum),
    "allGtK": ListTask(_list_and_number, lambda xs, k: all(x > k for x in xs), instances=25),
    "exGtK": ListTask(_list_and_number, lambda xs, k: any(x > k for x in xs), instances=25),
    "findLastIdx": ListTask(_list_and_element, lambda xs, k: len(xs) - 1 - xs[::-1].index(k)),
    "getIdx": ListTask(_list_and_place, lambda xs, k: xs[k]),
    "last2": ListTask(partial(_list, shortest=2), lambda xs: xs[-2]),
    "mapAddK": ListTask(_list_and_number, lambda xs, k: [x + k for x in xs]),
    "mapInc": ListTask(_list, lambda xs: [x + 1 for x in xs]),
    "max": ListTask(_list, max),
    "pairwiseSum": ListTask(_two_lists, lambda xs, ys: [x + y for x, y in zip(xs, ys, strict=True)]),
    "revMapInc": ListTask(_list, lambda xs: [x + 1 for x in reversed(xs)]),
}
"""By name in the paper."""


def hypers_of(source: Source, sizes: Mapping[str, int]) -> dict[str, int]:
    """Those of the sizes that a text asks for.

    :param source: the text.
    :param sizes: by name.
    :returns: an integer a hyper.
    """
    asked = [
        statement.targets[0].id
        for statement in source.tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and ast.unparse(statement.value) == "Hyper()"
    ]
    return {name: sizes[name] for name in asked}


def range_of_numbers(model: TerpretModel) -> int:
    """The range of the numbers in a model's lists.

    :param model: one of the published ones, compiled.
    :returns: it.
    """
    sizes = {one.name: one.size for one in (*model.inputs, *model.outputs)}
    size = sizes["outputListVal"]
    assert isinstance(size, int)
    return size


def instance(example: Example, model: TerpretModel, generator: Generator) -> dict[str, Any]:
    """An example as a model takes it, by input and output of the model.

    A list's cells lie next to each other in random order; a register holds which is its first. Typed models
    have registers for cells, numbers and truth values apart. What an output does not tell is null.

    :param example: the example.
    :param model: one of the published ones, compiled.
    :param generator: places the cells.
    :returns: integers, lists of them, or null.
    """
    dims = {one.name: one.dims for one in (*model.inputs, *model.outputs)}
    registers = next(dims[name][0] for name in ("inputRegVal", "inputRegIntVal") if name in dims)
    cells = next(dims[name][0] for name in ("inputStackCarVal", "inputStackIntVal") if name in dims)
    elements, following, used = [0] * cells, [0] * cells, 0
    pointers, numbers = [0] * registers, [0] * registers
    for register, given in enumerate(example.inputs):
        if isinstance(given, int):
            numbers[register] = given
            continue
        places = [used + int(place) for place in generator.permutation(len(given))]
        used += len(given)
        for place, element, after in zip(places, given, [*places[1:], -1], strict=True):
            elements[place], following[place] = element, after + 1
        pointers[register] = places[0] + 1
    either = [pointer or number for pointer, number in zip(pointers, numbers, strict=True)]
    output, known = example.output, dict[str, Any]()
    if isinstance(output, list):
        known["outputListVal"] = output + [None] * (dims["outputListVal"][0] - len(output))
    elif isinstance(output, bool):
        known |= dict.fromkeys(("outputRegVal", "outputRegBoolVal"), int(output))
    else:
        known |= dict.fromkeys(("outputRegVal", "outputRegIntVal"), output)
    known |= {"inputRegVal": either, "inputRegIntVal": numbers, "inputRegPtrVal": pointers}
    known |= {"inputRegBoolVal": [0] * registers, "outputTermState": 1}
    known |= dict.fromkeys(("inputStackCarVal", "inputStackIntVal"), elements)
    known |= dict.fromkeys(("inputStackCdrVal", "inputStackPtrVal"), following)
    return {name: known.get(name) for name in dims}
