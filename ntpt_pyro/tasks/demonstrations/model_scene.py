"""A run of any model as a scene: its inputs, and a moment for what it reads and for what each step sets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.learned_functions import Tensor as TensorType
from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.input_places import Given, InputPlaces, Shape, input_places
from ntpt_pyro.tasks.demonstrations.scene import MOST_MOMENTS, Moment, Read, Scene

NUMBERED = re.compile(r"(.+)_(\d+)")
"""A variable of a step, such as ``head_3``."""


@dataclass(frozen=True)
class Noted:
    """Something that a run did.

    :param name: of a learned function, or the site of a variable.
    :param words: what came of it.
    :param function: the learned function; None where it is a variable.
    :param inputs: of the learned function.
    :param probabilities: what it made of them, ``[*batch, n]``.
    """

    name: str
    words: str
    function: LearnedFunction | None = None
    inputs: tuple[Tensor, ...] = ()
    probabilities: Tensor | None = None

    @property
    def shape(self) -> Shape | None:
        """Of what it reads, where that is one tensor."""
        kinds = () if self.function is None else self.function.inputs
        return kinds[0].shape if len(kinds) == 1 and isinstance(kinds[0], TensorType) else None


def model_scene(
    inputs: Sequence[tuple[str, Tensor]], noted: Sequence[Noted], results: dict[str, str]
) -> Scene | None:
    """The scene of a run on one example.

    :param inputs: their names and tensors, without an axis of examples.
    :param noted: what it did, in order.
    :param results: what it came to, by observed site, in words.
    :returns: the scene, its last moment is the result; None where there are too many moments.
    """
    steps = list(_steps(noted))
    if len(steps) >= MOST_MOMENTS:
        return None
    shapes = [one.shape for one in noted if one.shape is not None]
    given = [Given(name, tensor, _declared(tensor, shapes)) for name, tensor in inputs]
    made = input_places(given)
    seen = [_seen(one, made) for one in noted]
    moments = list[Moment]()
    values = dict[str, str]()
    for text, step in steps:
        new = {_base(one.name) if text else one.name: one.words for _, one in step}
        values = {**values, **new}
        number, first = step[0]
        reads = (
            best_reads(_rows(first)[0]) if first.probabilities is not None and len(_rows(first)) == 1 else ()
        )
        at = next(iter(seen[number])) if len(seen[number]) == 1 else None
        moments.append(Moment(text or first.name, at, reads, values, tuple(new)))
    moments.append(Moment("result", values={**values, **results}, wrote=tuple(results)))
    return Scene(made.read_as(_taken_for(noted, seen)), made.columns, moments)


def _declared(tensor: Tensor, shapes: Sequence[Shape]) -> Shape | None:
    """The shape that learned functions read an input's elements in; None where none does, or several do."""
    fitting = {one for one in shapes if one and tuple(tensor.shape[tensor.ndim - len(one) :]) == one}
    return fitting.pop() if len(fitting) == 1 else None


def _rows(noted: Noted) -> Tensor:
    """What a learned function made of its inputs, ``[items, n]``."""
    assert noted.probabilities is not None
    return noted.probabilities.reshape(-1, noted.probabilities.shape[-1])


def _seen(noted: Noted, made: InputPlaces) -> dict[int, Sequence[Read]]:
    """The places that a learned function read, with what it took each for: those of equal pixels."""
    if noted.shape is None or noted.probabilities is None:
        return {}
    rows, items = _rows(noted), noted.inputs[0].reshape(-1, *noted.shape)
    if len(rows) != len(items):
        return {}
    found = dict[int, Sequence[Read]]()
    for place, tensor in enumerate(made.tensors):
        if tuple(tensor.shape) == noted.shape:
            (same,) = (items == tensor.to(items)).flatten(1).all(1).nonzero(as_tuple=True)
            if len(same):
                found[place] = best_reads(rows[same[0]])
    return found


def _taken_for(
    noted: Sequence[Noted], seen: Sequence[dict[int, Sequence[Read]]]
) -> dict[int, Sequence[Read]]:
    """What places are taken for, where one function alone reads them."""
    by_place = dict[int, dict[str, Sequence[Read]]]()
    for one, places in zip(noted, seen, strict=True):
        for place, reads in places.items():
            by_place.setdefault(place, {})[one.name] = reads
    return {place: next(iter(of.values())) for place, of in by_place.items() if len(of) == 1}


def _base(site: str) -> str:
    found = NUMBERED.fullmatch(site)
    return found[1] if found else site


def _steps(noted: Sequence[Noted]) -> Iterator[tuple[str, list[tuple[int, Noted]]]]:
    """What was noted, the variables of one step together: those that end in the same number, in a row.

    :yields: the step in words, empty where something stands alone; what was noted, with its place in the row.
    """
    counts = [found[2] for one in noted if one.function is None and (found := NUMBERED.fullmatch(one.name))]
    bases = {_base(one.name) for one in noted if one.function is None}
    together = len(set(counts)) > 1 and len(bases) < len({one.name for one in noted if one.function is None})
    step, count = list[tuple[int, Noted]](), ""
    for number, one in enumerate(noted):
        found = NUMBERED.fullmatch(one.name) if together and one.function is None else None
        here = found[2] if found else ""
        again = any(one.name == other.name for _, other in step)
        if step and (not here or here != count or again):
            yield f"step {count}" if count else "", step
            step = []
        step.append((number, one))
        count = here
    if step:
        yield f"step {count}" if count else "", step
