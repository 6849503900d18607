"""A run of a program text as a scene: its inputs, and a moment for each iteration of its loop.

A text says all times of its variables: ``tape[t, p]`` for every ``t``. Played step by step there is one tape.
So an array of which every iteration of a loop sets the next slice is shown by its newest slice; where the
first one is a copy of an input, in the input's places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from math import prod
from typing import Any

from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.input_places import MOST_PLACES, Given, InputPlaces, input_places
from ntpt_pyro.tasks.demonstrations.noted_execution import NotedExecution, Section, carries
from ntpt_pyro.tasks.demonstrations.scene import MOST_MOMENTS, Moment, Place, Read, Scene
from ntpt_pyro.tasks.demonstrations.text_heads import Look, evaluated, looks
from ntpt_pyro.terpret.concrete_interpreter import Concrete
from ntpt_pyro.terpret.symbols import Call, Cell, Declared

START, END = "start", "end"
"""What comes before and after a loop."""


@dataclass(frozen=True)
class Rolled:
    """An array of which each iteration sets the next slice, and whose first slice is a copy of inputs.

    :param declared: the array.
    :param inputs: names of those inputs.
    :param names: of the elements of a slice: those of an input where they copy one.
    """

    declared: Declared
    inputs: frozenset[str]
    names: tuple[str, ...]


def text_scene(run: NotedExecution, inputs: Sequence[Given], params: Sequence[Cell]) -> Scene | None:
    """The scene of a run of a text.

    :param run: the run.
    :param inputs: its inputs, in order of declaration.
    :param params: in the order of the lines of the program.
    :returns: the scene; None where it has too many moments.
    """
    steps = _steps(run)
    if not 0 < len(steps) <= MOST_MOMENTS:
        return None
    return _TextScene(run, inputs, params, steps).scene()


def _steps(run: NotedExecution) -> list[tuple[str, list[Section]]]:
    """What is shown as one moment each, in words.

    That is what comes before a loop that goes on with what it did, its iterations, and what comes after it.
    In a text without such a loop it is each statement, and each iteration.
    """
    together = [list(of) for _, of in groupby(run.sections, key=lambda one: id(one.statement))]
    loops = [number for number, of in enumerate(together) if carries(of)]
    steps = list[tuple[str, list[Section]]]()
    for number, of in enumerate(together):
        if number in loops or not loops:
            steps += [(_words(run, one), [one]) for one in of]
        elif number < loops[0]:
            steps = [(START, [*(steps[0][1] if steps else ()), *of])]
        elif number > loops[-1]:
            end = steps.pop()[1] if steps[-1][0] == END else []
            steps.append((END, [*end, *of]))
        else:
            steps.append((_words(run, of[0]), of))
    return steps


def _words(run: NotedExecution, section: Section) -> str:
    """A statement's first line, or the iteration of a loop."""
    if section.count is not None:
        return f"{getattr(getattr(section.statement, 'target', None), 'id', 'step')} = {section.count}"
    return run.source.lines[section.statement.lineno - 1].strip()


class _TextScene:
    """The scene while it is made."""

    def __init__(
        self,
        run: NotedExecution,
        inputs: Sequence[Given],
        params: Sequence[Cell],
        steps: Sequence[tuple[str, list[Section]]],
    ) -> None:
        self.run, self.steps, self.params = run, steps, params
        self.values: dict[Cell, Concrete] = {}
        self.newest: dict[str, int] = {}
        """Of arrays that are shown by slices, by name: the slice that was set last."""
        self.sliced = self._sliced()
        self.rolled = [one for name in self.sliced if (one := self._rolled(name)) is not None]
        self.made, self.begin = self._places(inputs)
        self.looks = [one for one in looks(run.source.tree) if self._index_of(one.array) is not None]

    def scene(self) -> Scene:
        """See :func:`text_scene`."""
        moments = list[Moment]()
        for text, sections in self.steps:
            moments.append(self._moment(text, sections, moments[-1].values if moments else {}))
        places = self.made.read_as(self._taken_for())
        words = moments[0].stands or [one.word for one in places]
        places = [replace(one, word=word) for one, word in zip(places, words, strict=True)]
        return Scene(places, self.made.columns, _without_rest(moments))

    def _sliced(self) -> list[str]:
        """Arrays of which every iteration of a loop sets one slice, each another one."""
        found = dict[str, dict[int, set[int]]]()
        for number, (_, sections) in enumerate(self.steps):
            for section in sections:
                for cell in section.cells:
                    if cell.index and not cell.declared.at:
                        found.setdefault(cell.declared.name, {}).setdefault(number, set()).add(cell.index[0])
        loops = self.steps[0][0] == START
        return [
            name
            for name, slices in found.items()
            if loops
            and len(slices) > 1
            and all(len(one) == 1 for one in slices.values())
            and len(set().union(*slices.values())) == len(slices)
        ]

    def _rolled(self, name: str) -> Rolled | None:
        """How an array's slices take the places of inputs; None where its first slice copies none."""
        declared = self.run.declared[name]
        indices = list(product(*map(range, declared.dims[1:])))
        copies = {
            cell.index: other
            for section in self.steps[0][1]
            for cell, other in section.copies.items()
            if cell.declared == declared and other.declared.kind == "Input" and other.size
        }
        if not copies or not declared.dims[1:] or prod(declared.dims[1:]) > MOST_PLACES:
            return None
        first = next(iter(copies))[0]
        names = [copies.get((first, *index)) for index in indices]
        return Rolled(
            declared,
            frozenset(one.declared.name for one in names if one is not None),
            tuple(
                f"{name}[{', '.join(map(str, index))}]" if one is None else one.text
                for index, one in zip(indices, names, strict=True)
            ),
        )

    def _places(self, inputs: Sequence[Given]) -> tuple[InputPlaces, dict[str, int]]:
        """All places, and where those of each array begin: of inputs that are not copied, of copies."""
        copied = frozenset[str]().union(*(one.inputs for one in self.rolled))
        made = input_places([one for one in inputs if one.name not in copied])
        places, columns = list(made.places), made.columns
        begin = {name: place for place, (name, _) in reversed([*enumerate(made.cells)])}
        for one in self.rolled:
            begin[one.declared.name] = len(places)
            width = one.declared.dims[-1]
            columns = max(columns, width)
            places += [Place(name=name, begins=n % width == 0) for n, name in enumerate(one.names)]
        return InputPlaces(places, made.tensors, made.cells, columns), begin

    def _moment(self, text: str, sections: Sequence[Section], before: Mapping[str, str]) -> Moment:
        """What a moment is shown by."""
        for section in sections:
            self.values |= section.cells
            self.newest |= {one.declared.name: one.index[0] for one in section.cells if one.index}
        values = dict(before)
        for declared in {cell.declared: None for section in sections for cell in section.cells}:
            values[_name(declared)] = str(self._shown(declared))
        calls = [call for section in sections for call in section.calls]
        reads: tuple[Read, ...] = ()
        if len(calls) == 1 and calls[0][1] is not None:
            reads = best_reads(calls[0][1].flatten())
        at = self._at()
        if at is None and len(calls) == 1 and not self.looks:
            at = self._place_of(calls[0][0])
        used = set[Cell]().union(*(section.params for section in sections))
        lines = tuple(number for number, cell in enumerate(self.params) if cell in used)
        if len(lines) > 1 and 2 * len(lines) > len(self.params):
            lines = ()  # most of them: it says nothing
        return Moment(
            text,
            at,
            reads,
            values,
            tuple(name for name, value in values.items() if before.get(name) != value),
            lines[0] if len(lines) == 1 else None,
            lines,
            self._stands(),
        )

    def _shown(self, declared: Declared) -> Any:
        """The value of a variable or an array: an integer, or nested lists; -1 where one is not set."""
        if not isinstance(declared.size, int):
            return f"a tensor of shape {[*declared.size]}"
        index = declared.at
        if declared.name in self.sliced:
            index = (self.newest[declared.name],)
        return self._nested(declared, index, declared.dims[len(index) :] if declared.dims else ())

    def _is_set(self, declared: Declared) -> bool:
        """Whether some of a variable has been set by now."""
        return declared.name in self.newest if declared.dims else Cell(declared) in self.values

    def _nested(self, declared: Declared, index: tuple[int, ...], dims: Sequence[int]) -> Any:
        if not dims:
            return self.values.get(Cell(declared, index), -1)
        return [self._nested(declared, (*index, place), dims[1:]) for place in range(dims[0])]

    def _stands(self) -> list[str]:
        """What stands in each place now; nothing where no step writes there."""
        if not self.rolled:
            return []
        words = [one.word for one in self.made.places[: len(self.made.tensors)]]
        for one in self.rolled:
            newest = self.newest.get(one.declared.name)
            for index in product(*map(range, one.declared.dims[1:])):
                value = None if newest is None else self.values.get(Cell(one.declared, (newest, *index)))
                words.append("" if value is None else str(value))
        return words

    def _index_of(self, array: str) -> Sequence[int] | None:
        """The axes of an array that has places, without that of time."""
        if array not in self.begin:
            return None
        declared = self.run.declared[array]
        return declared.dims[1:] if declared.kind == "Var" else declared.dims

    def _at(self) -> int | None:
        """The place that the text looks at; None where nothing in it is such an index, or several are."""
        found = {place for look in self.looks if (place := self._looked_at(look)) is not None}
        return found.pop() if len(found) == 1 else None

    def _looked_at(self, look: Look) -> int | None:
        """The place of a look, from what variables are now."""
        names = {name: value for name, value in self.run.names.top.items() if type(value) is int}
        for name, variable in look.names.items():
            declared = self.run.declared.get(variable)
            value = None
            if declared is not None and declared.kind == "Var" and self._is_set(declared):
                value = self._shown(declared)
            if type(value) is not int or value < 0:
                return None
            names[name] = value
        dims = self._index_of(look.array) or ()
        place = 0
        for axis, length in zip(look.index[len(look.index) - len(dims) :], dims, strict=False):
            step = evaluated(axis, names)
            if step is None or not 0 <= step < length:
                return None
            place = place * length + step
        return self.begin[look.array] + place

    def _place_of(self, call: Call) -> int | None:
        """The place that a function reads; None where it reads something else, or more than that."""
        read = call.arguments[0] if len(call.arguments) == 1 else None
        if not isinstance(read, Cell) or (read.declared.name, read.index) not in self.made.cells:
            return None
        return self.made.cells.index((read.declared.name, read.index))

    def _taken_for(self) -> dict[int, Sequence[Read]]:
        """What places are taken for, where one function alone reads them."""
        found = dict[int, dict[str, Sequence[Read]]]()
        for _, sections in self.steps:
            for section in sections:
                for call, probabilities in section.calls:
                    place = self._place_of(call)
                    if place is not None and probabilities is not None:
                        reads = best_reads(probabilities.flatten())
                        found.setdefault(place, {})[call.function.name] = reads
        return {place: next(iter(of.values())) for place, of in found.items() if len(of) == 1}


def _name(declared: Declared) -> str:
    return f"{declared.name}{list(declared.at)}" if declared.at else declared.name


def _without_rest(moments: list[Moment]) -> list[Moment]:
    """Moments without those at the end of a loop in which nothing changes any more: one stands for them."""
    last = len(moments) - (1 if moments[-1].text == END else 0)
    first = last
    while first > 1 and moments[first - 1].values == moments[first - 2].values:
        first -= 1
    if last - first < 2:
        return moments
    rest = moments[first]
    until = moments[last - 1].text.rpartition(" ")[2]
    text = f"{rest.text} to {until}: nothing changes"
    same = Moment(text, rest.at, (), rest.values, (), None, (), rest.stands)
    return [*moments[:first], same, *moments[last:]]
