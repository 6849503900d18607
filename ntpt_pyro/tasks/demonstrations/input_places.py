"""The inputs of a run as places of a scene: images where they are some, words where they are integers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import torch
from torch import Tensor

from ntpt_pyro.tasks.demonstrations.scene import Place, Read

MOST_PLACES = 400
"""Elements of an input that are shown one by one."""
LEAST_SIDE, MOST_SIDE = 4, 256
"""Pixels of a side of what is taken for an image where nobody says that it is one; of any image."""
LONGEST = 60
"""Characters of an input that are shown."""
REALS = 8
"""Numbers of a tensor that are shown one by one."""

PIXELS = (torch.uint8, torch.bool)
"""What images may be made of besides real numbers."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Given:
    """An input of one example.

    :param name: as the program calls it.
    :param tensor: its elements, without an axis of examples.
    :param shape: of each element where it is a tensor, as the program declares it; None finds it out.
    """

    name: str
    tensor: Tensor
    shape: Shape | None = None


@dataclass(frozen=True)
class InputPlaces:
    """The places of all inputs.

    :param places: row by row.
    :param tensors: what is in each place, as the program is given it.
    :param cells: for each place the input's name and the element's index.
    :param columns: places in the longest row.
    """

    places: list[Place]
    tensors: list[Tensor]
    cells: list[tuple[str, tuple[int, ...]]]
    columns: int

    def read_as(self, found: dict[int, Sequence[Read]]) -> list[Place]:
        """The places, some of them read.

        :param found: what a place is taken for, by its number.
        :returns: all of them.
        """
        return [replace(one, reads=found.get(number, ())) for number, one in enumerate(self.places)]


def input_places(inputs: Sequence[Given]) -> InputPlaces:
    """Places for inputs, a row or more for each.

    :param inputs: in order.
    :returns: the places.

    >>> made = input_places([Given("numbers", torch.tensor([3, 1, 4])), Given("start", torch.tensor(2))])
    >>> [(place.name, place.word, place.begins) for place in made.places]
    [('numbers[0]', '3', True), ('numbers[1]', '1', False), ('numbers[2]', '4', False), ('start', '2', True)]
    >>> made.columns
    3
    """
    made = InputPlaces([], [], [], 1)
    columns = 1
    for one in inputs:
        shape = _element_shape(one)
        dims = tuple(one.tensor.shape[: one.tensor.ndim - len(shape)])
        if prod(dims) > MOST_PLACES:
            shape, dims = tuple(one.tensor.shape), ()
        width = dims[-1] if dims else 1
        columns = max(columns, width)
        for number, index in enumerate(product(*map(range, dims))):
            element = one.tensor[index]
            image = _image(element, declared=one.shape is not None)
            name = f"{one.name}[{', '.join(map(str, index))}]" if index else one.name
            word = "" if image is not None else _word(element)
            made.places.append(Place(image=image, word=word, name=name, begins=number % width == 0))
            made.tensors.append(element)
            made.cells.append((one.name, index))
    return replace(made, columns=columns)


def _element_shape(one: Given) -> Shape:
    """The shape of an input's elements: as declared, or that of images where its numbers may be some."""
    shape = tuple(one.tensor.shape)
    if one.shape is not None and shape[len(shape) - len(one.shape) :] == one.shape:
        return one.shape
    if not one.tensor.is_floating_point():
        return ()
    for image in (shape[-3:] if shape[-1:] == (3,) else (), shape[-2:]):
        if len(image) >= 2 and min(image[:2]) >= LEAST_SIDE:
            return image
    return shape


def _image(element: Tensor, *, declared: bool) -> Tensor | None:
    """An element's pixels in [0, 1]; None where it is no image."""
    if not (element.is_floating_point() or element.dtype in PIXELS):
        return None
    pixels = element.float() / 255 if element.dtype == torch.uint8 else element.float()
    sides = element.shape[:2]
    kind = element.ndim == 2 or (element.ndim == 3 and element.shape[-1] == 3)
    least = 2 if declared else LEAST_SIDE
    if not kind or not least <= min(sides) or max(sides) > MOST_SIDE or not pixels.isfinite().all():
        return None
    return pixels.detach().cpu() if pixels.min() >= 0 and pixels.max() <= 1 else None


def _word(element: Tensor) -> str:
    """An element in words; of more than a few real numbers only how many there are."""
    if element.is_floating_point():
        if element.numel() > REALS:
            return f"{' x '.join(map(str, element.shape))} numbers"
        return ", ".join(f"{number:.2f}" for number in element.flatten().tolist())
    text = str(element.tolist())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
