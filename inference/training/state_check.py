"""Whether a state that is to be gone on from is one of this training."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ntpt_pyro.errors import RunError
from ntpt_pyro.inference.training.checkpoint import State


def check_state(
    parts: Mapping[str, Mapping[str, Tensor]],
    state: State,
    here: Sequence[int],
    there: Sequence[int],
    *,
    may_be_fewer: bool,
) -> None:
    """Check that the tensors of a state are those of a training, which may have more restarts.

    :param parts: the tensors of the training, by part and name.
    :param state: that is to be set.
    :param here: the numbers of the training's restarts.
    :param there: those of the state's.
    :param may_be_fewer: whether the training can give up those that are not in the state.
    :raises RunError: where a tensor is of another shape, or a restart of the state is not here.
    """
    left = (len(here), len(there) if may_be_fewer else len(here))
    if may_be_fewer and (len(there) > len(here) or (len(there) < len(here) and not set(there) <= set(here))):
        raise RunError(
            "state of a training, restarts",
            expected=f"some of those that are left, {', '.join(map(str, here))}",
            got=", ".join(map(str, there)),
            remedy="begin a training with as many as there were, and set the state there",
        )
    for part, tensors in parts.items():
        shapes = {name: [*one.shape] for name, one in tensors.items()}
        kept = {name: [*one.shape] for name, one in state[part].items()}
        for name in [*shapes, *kept]:
            if not _fits(shapes.get(name), kept.get(name), left):
                raise RunError(
                    f"state of a training, {part}, {name!r}",
                    expected=f"shape {shapes[name]}" if name in shapes else "no tensor of this name",
                    got=f"shape {kept[name]}" if name in kept else "none",
                    remedy="give the model, library and guide that it was made with, or start anew with "
                    "another file",
                )


def _fits(shape: list[int] | None, other: list[int] | None, left: tuple[int, int]) -> bool:
    """Whether shapes are the same, but for the number of restarts."""
    if shape is None or other is None or len(shape) != len(other):
        return False
    return all(
        size in (own, left[1] if own == left[0] else own) for own, size in zip(shape, other, strict=True)
    )
