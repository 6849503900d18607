"""Which axis of what a learnable function is given is that of restarts."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ntpt_pyro.language.networks import Network

Shape = tuple[int, ...]


def restarts_at(
    function: Network,
    inputs: Sequence[Tensor],
    plates: Mapping[int, int],
    dim: int,
    *,
    items: int | None,
    data: bool,
) -> int | None:
    """The axis of restarts in the batches of a function's inputs, whether they have it or not.

    A batch is laid out as that of a value: enumeration dimensions, restarts, the model's own plates; right of
    these perhaps further axes, such as the cells of a grid. How many is found by the sizes of the plates.
    Where they fit in several ways, data have no axis of restarts, and all else has as few further axes as may
    be.

    :param function: the function.
    :param inputs: its inputs.
    :param plates: by dimension the size of each plate that is open, that of restarts included.
    :param dim: the dimension of the plate of restarts.
    :param items: the number of further axes, where it is known.
    :param data: whether the inputs are what the model was called with, or parts of it.
    :returns: the axis, counted from the right end of a batch from 1; None where the inputs are laid out in
        another way, as outside of the model's plates.
    """
    if items is not None:
        return items - dim
    if not any(other > dim for other in plates):
        return None
    shapes: list[Shape] = [
        tuple(x.shape[: x.ndim - len(own)])
        for x, own in zip(inputs, function.declaration.input_shapes, strict=False)
    ]
    of_data = max(max(map(len, shapes)) + dim + 1, 0)
    for number in [of_data] * data + [*range(of_data + 1)]:
        if all(_fits(shape, number, plates, dim) for shape in shapes):
            return int(number - dim)
    return None


def _fits(shape: Shape, items: int, plates: Mapping[int, int], dim: int) -> bool:
    """Whether the axes of a batch left of so many are as long as plates, or 1."""
    for plate in range(-1, dim - 1, -1):
        place = len(shape) - items + plate
        if place < 0:
            break
        if plate in plates and shape[place] not in (1, plates[plate]):
            return False
    return True
