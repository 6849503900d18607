"""Checkpoints: where training stands, as one file, enough to go on as if it had never stopped."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ntpt_pyro._files import write_safetensors
from ntpt_pyro.errors import RunError

FORMAT = "ntpt_pyro checkpoint 4"
State = dict[str, Any]
"""Nested dictionaries with text as keys, of tensors and of what JSON can hold."""


def digest_of(data: Sequence[Tensor]) -> str:
    """What tells tensors from others, for the settings of a checkpoint that is of these only.

    :param data: they.
    :returns: a short text, equal for equal tensors.
    """
    found = blake2b(digest_size=16)
    for tensor in data:
        found.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def save_checkpoint(path: Path, state: State, settings: Mapping[str, Any]) -> None:
    """Write a state and torch's global random state, atomically.

    :param path: the file.
    :param state: the state.
    :param settings: what the training was called with; :func:`load_checkpoint` must be given the same.
    """
    tensors: dict[str, Tensor] = {}
    tree = _without_tensors({**state, "random": torch.get_rng_state()}, tensors)
    metadata = {"format": FORMAT, "settings": json.dumps(dict(settings)), "state": json.dumps(tree)}
    write_safetensors(path, tensors, metadata)


def load_checkpoint(path: Path, settings: Mapping[str, Any]) -> State:
    """Read a state.

    :param path: a file that :func:`save_checkpoint` wrote.
    :param settings: as given to it.
    :returns: the state, and torch's global random state under ``"random"``, which is to be set last.
    :raises RunError: where the file is no checkpoint of this version, or was made with other settings (the
        message names the first that differs).
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _unusable(path, "a readable checkpoint", str(error)) from error
    if metadata.get("format") != FORMAT:
        raise _unusable(path, FORMAT, repr(metadata.get("format")))
    for name, before in json.loads(metadata["settings"]).items():
        if settings.get(name) != before:
            raise _unusable(path, f"{name}={before!r} as before", repr(settings.get(name)))
    state: State = _with_tensors(json.loads(metadata["state"]), tensors)
    return state


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


def _unusable(path: Path, expected: str, got: str) -> RunError:
    return RunError(str(path), expected=expected, got=got, remedy="start anew with another --out folder")
