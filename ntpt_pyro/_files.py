"""Atomic writes: a file is there whole or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file through a temporary neighbour and a rename.

    :param path: the file; its folder is made where missing.
    :param content: all of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, readable by people and strict (no NaN).

    :param path: the file.
    :param content: what json can write.
    """
    write_bytes(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors with their metadata.

    :param path: the file.
    :param tensors: by name.
    :param metadata: text by name.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(contiguous, metadata))
