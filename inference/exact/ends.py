"""The ways in which a program can end, where they depend on choices alone: a last line, seen from outside.

After the last cut a straight-line program makes a few choices, and what it returns is then a value that was
there before, or a function of such values. These ways are the same for all states before, so that each can be
scored for all of them at once, and only on the values that it reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ntpt_pyro.inference.exact.evaluation import Evaluation
from ntpt_pyro.inference.exact.nodes import Apply, Call, Choice, Node, Operand, Select
from ntpt_pyro.inference.exact.programs import Programs

Setting = Mapping[str, int]


@dataclass(frozen=True)
class Applied:
    """A runtime function of values that a state has.

    :param node: with the function.
    :param arguments: its arguments.
    """

    node: Apply
    arguments: "tuple[Result, ...]"


Result = Operand | Applied
"""A value that a state has, data, or a function of such."""


class NotByChoiceError(Exception):
    """What a program ends with depends on more than choices."""


class Ends:
    """Finds the ways in which programs end.

    :param live: what every state has.
    :param evaluation: of its values.
    """

    def __init__(self, live: tuple[Node, ...], evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._open: dict[Node, bool] = dict.fromkeys(live, False)
        self._places: dict[Node, tuple[Choice, list[int]] | None] = {}

    def __call__(self, values: list[Operand]) -> list[tuple[Setting, tuple[Result, ...]]]:
        """All ways to end.

        :param values: that are observed.
        :returns: for each way its choices, those that matter, and what the values are then.
        :raises NotByChoiceError: where that depends on more than choices.
        """
        found: list[tuple[Setting, tuple[Result, ...]]] = [({}, ())]
        for value in values:
            found = [
                (more, (*results, result))
                for setting, results in found
                for more, result in self._resolved(value, setting)
            ]
        return found

    def _is_open(self, node: Node) -> bool:
        """Whether a value depends on choices that states have not made."""
        if node not in self._open:
            self._open[node] = isinstance(node, Choice) or any(map(self._is_open, node.read()))
        return self._open[node]

    def _resolved(self, value: Operand, setting: Setting) -> Iterator[tuple[Setting, Result]]:
        if isinstance(value, Tensor) or not self._is_open(value):
            yield setting, value
        elif isinstance(value, Select):
            choice, places = self._picks(value.index)
            known = setting.get(choice.site)
            for integer in range(choice.size) if known is None else (known,):
                yield from self._resolved(value.items[places[integer]], {**setting, choice.site: integer})
        elif isinstance(value, Apply):
            found: list[tuple[Setting, tuple[Result, ...]]] = [(setting, ())]
            for operand in value.operands:
                found = [
                    (more, (*arguments, argument))
                    for before, arguments in found
                    for more, argument in self._resolved(operand, before)
                ]
            for more, arguments in found:
                yield more, Applied(value, arguments)
        else:
            raise NotByChoiceError

    def _picks(self, index: Node) -> tuple[Choice, list[int]]:
        """The choice that an index is, and what it picks for each of its integers."""
        if index not in self._places:
            self._places[index] = self._found(index)
        found = self._places[index]
        if found is None:
            raise NotByChoiceError
        return found

    def _found(self, index: Node) -> tuple[Choice, list[int]] | None:
        choice = index
        while isinstance(choice, Call) and len(read := list(choice.read())) == 1:
            (choice,) = read
        if not isinstance(choice, Choice):
            return None
        integers = np.arange(choice.size)
        programs = Programs({choice.site: integers.astype(np.int32)}, {}, integers, choice.size)
        self._evaluation(index, programs, integers)
        places = self._evaluation.contents(index).vertices(programs.values[index])
        return None if (places < 0).any() else (choice, places.tolist())
