"""Checkpoints: where training stands, as one file, enough to go on as if it had never stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro._files import Format, read_safetensors, write_safetensors

FORMAT = Format("ntpt_pyro checkpoint 5", remedy="start anew with another --out folder")
State = dict[str, Any]
"""Nested dictionaries with text as keys, of tensors and of what JSON can hold."""


@dataclass(frozen=True)
class _Kept:
    """What a checkpoint holds beside tensors."""

    settings: dict[str, Any]
    state: dict[str, Any]


def digest_of(data: Sequence[Tensor]) -> str:
    """What tells tensors from others, for the settings of a checkpoint that is of these only.

    :param data: they.
    :returns: a short text, equal for equal tensors.
    """
    found = blake2b(digest_size=16)
    for tensor in data:
        found.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        # As bytes, whatever its type; a clone has the strides that this takes.
        flat = tensor.detach().cpu().clone(memory_format=torch.contiguous_format).reshape(-1)
        found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()


def save_checkpoint(path: Path, state: State, settings: Mapping[str, Any]) -> None:
    """Write a state and torch's global random state, atomically.

    :param path: the file.
    :param state: the state.
    :param settings: what the training was called with; :func:`load_checkpoint` must be given the same.
    """
    tensors: dict[str, Tensor] = {}
    tree = _without_tensors({**state, "random": torch.get_rng_state()}, tensors)
    write_safetensors(path, tensors, {"settings": dict(settings), "state": tree}, FORMAT)


def load_checkpoint(path: Path, settings: Mapping[str, Any]) -> State:
    """Read a state.

    :param path: a file that :func:`save_checkpoint` wrote.
    :param settings: as given to it.
    :returns: the state, and torch's global random state under ``"random"``, which is to be set last.
    :raises RunError: where the file is damaged, no checkpoint of this version, of another run than its folder
        is, or was made with other settings (the message names the first that differs).
    """
    tensors, kept = read_safetensors(path, FORMAT, _Kept)
    for name in {**kept.settings, **settings}:
        before, now = kept.settings.get(name), settings.get(name)
        if now != before:
            raise FORMAT.refused(path, repr(now), f"{name}={before!r} as before")
    try:
        state: State = _with_tensors(kept.state, tensors)
    except (KeyError, TypeError) as error:
        raise FORMAT.refused(path, "one that lacks a tensor") from error
    return state


def step_of(path: Path) -> int:
    """The step at which a training was kept.

    :param path: a checkpoint of a training.
    :returns: the steps that had been taken.
    :raises RunError: where the file is missing, damaged, or no checkpoint of a training.
    """
    _, kept = read_safetensors(path, FORMAT, _Kept)
    try:
        return int(kept.state["training"]["step"])
    except (KeyError, TypeError) as error:
        raise FORMAT.refused(path, "one of something else") from error


def _without_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value with each tensor replaced by its number, under which it joins ``tensors``."""
    if isinstance(value, Tensor):
        number = str(len(tensors))
        tensors[number] = value
        return {"$tensor": number}
    if isinstance(value, Mapping):
        return {key: _without_tensors(inner, tensors) for key, inner in value.items()}
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The reverse."""
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$tensor"}:
        return tensors[value["$tensor"]]
    return {key: _with_tensors(inner, tensors) for key, inner in value.items()}
