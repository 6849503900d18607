"""TerpreT's files: hypers, and batches of instances, as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import Declared
from ntpt_pyro.terpret.text_model import TerpretModel

NOT_OBSERVED = -1
"""An output that an instance does not give."""

Hypers = dict[str, dict[str, int]]
"""By name of a setting the integer of each hyper."""


@dataclass(frozen=True)
class Batch:
    """Instances that share a setting of hypers.

    :param name: of the batch.
    :param hypers: name of the setting.
    :param model: the text under it.
    :param instances: as in the file: by input and output its value.
    :param tensors: the model's arguments, see :class:`~ntpt_pyro.terpret.TerpretModel`.
    """

    name: str
    hypers: str
    model: TerpretModel
    instances: Sequence[Mapping[str, Any]]
    tensors: tuple[Tensor, ...]


def read_hypers(path: Path) -> Hypers:
    """The settings of hypers in a file ``{setting: {hyper: integer}}``.

    :param path: the file.
    :returns: them.
    :raises DataError: where the file is missing or something else.
    """
    content = _read(path)
    fits = isinstance(content, dict) and all(
        isinstance(setting, dict) and all(type(value) is int for value in setting.values())
        for setting in content.values()
    )
    if not fits:
        raise _wrong(str(path), "{setting: {hyper: integer}}", "something else")
    return dict(content)


def read_batches(path: Path, hypers: Hypers, source: Source) -> list[Batch]:
    """The batches in a file ``[{"batch_name", "hypers", "instances": [{name: value}]}]``.

    A value is an integer, or nested lists of the dimensions declared; an output that is missing or null is
    not observed.

    :param path: the file.
    :param hypers: the settings that it may name.
    :param source: the program text, which is compiled for each setting that it does.
    :returns: the batches, at least one.
    :raises DataError: where the file is missing, or an instance lacks an input or has a value that does not
        fit (the message names batch, instance and variable).
    :raises TerpretError: where the text does not compile under a setting.
    """
    content = _read(path)
    if not isinstance(content, list) or not content:
        raise _wrong(str(path), "a list of batches", "something else")
    models: dict[str, TerpretModel] = {}
    batches: list[Batch] = []
    for number, batch in enumerate(content):
        if not isinstance(batch, dict) or not {"batch_name", "hypers", "instances"} <= set(batch):
            raise _wrong(f"{path}, batch {number}", "batch_name, hypers and instances", "something else")
        name, setting, instances = str(batch["batch_name"]), batch["hypers"], batch["instances"]
        where = f"{path}, batch {name!r}"
        if any(name == other.name for other in batches):
            raise _wrong(where, "batches of different names", "a second one of that name")
        if setting not in hypers:
            raise _wrong(where, f"hypers out of {', '.join(hypers)}", repr(setting))
        if (
            not isinstance(instances, list)
            or not instances
            or not all(isinstance(i, dict) for i in instances)
        ):
            raise _wrong(where, "a list of instances", "something else or none")
        if setting not in models:
            models[setting] = TerpretModel(source, hypers[setting])
        model = models[setting]
        tensors = tuple(_tensor(declared, instances, where) for declared in (*model.inputs, *model.outputs))
        batches.append(Batch(name, setting, model, instances, tensors))
    return batches


def _tensor(declared: Declared, instances: Sequence[Mapping[str, Any]], where: str) -> Tensor:
    """One input or output of all instances, ``[instances, *dims]``."""
    size = declared.size
    shape = declared.dims if isinstance(size, int) else (*declared.dims, *size)
    rows = []
    for number, instance in enumerate(instances):
        place = f"{where}, instance {number}, {declared.name}"
        given = instance.get(declared.name)
        if given is None and declared.kind == "Input":
            raise _wrong(place, "an input", "none")
        if declared.kind == "Output":
            given = _observed(given, declared.dims)
        try:
            row = np.array(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise _wrong(place, f"numbers of shape {list(shape)}", "something else") from error
        if row.shape != shape:
            raise _wrong(place, f"shape {list(shape)}", f"{list(row.shape)}")
        if isinstance(size, int):
            lowest = NOT_OBSERVED if declared.kind == "Output" else 0
            wrong = row[(row < lowest) | (row >= size) | (row != np.floor(row))]
            if wrong.size:
                raise _wrong(place, f"integers in 0..{size - 1}", f"{wrong[0]:g}")
        rows.append(row)
    together = torch.from_numpy(np.stack(rows))
    return together.long() if isinstance(size, int) else together.float()


def _observed(given: Any, dims: Sequence[int]) -> Any:
    """An output with what is not observed marked, whole or in part."""
    if given is None:
        return np.full(tuple(dims), NOT_OBSERVED)
    return [_observed(part, dims[1:]) for part in given] if isinstance(given, list) and dims else given


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _wrong(str(path), "a file", "none") from error
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(str(path), "JSON", " ".join(str(error).split())) from error


def _wrong(where: str, expected: str, got: str) -> DataError:
    return DataError(where, expected=expected, got=got, remedy="correct the file")
