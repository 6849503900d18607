"""TerpreT's files: hypers, and batches of instances, as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.bounds import counted
from ntpt_pyro.errors import DataError
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER
from ntpt_pyro.terpret.nearest_names import listed, nearest, to_rename
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import Declared
from ntpt_pyro.terpret.text_files import Entries, correction, read_json, shown
from ntpt_pyro.terpret.text_model import TerpretModel

NAMES_OF_BATCH = ("batch_name", "hypers", "instances")
"""What a batch gives; what else it has is left alone."""
NOT_OBSERVED = -1
"""An output that an instance does not give."""
LARGEST_REAL = float(np.finfo(np.float32).max)
MOST_BYTES_OF_HYPERS = 1_000_000
MOST_BYTES_OF_DATA = 200_000_000

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

    @property
    def observed(self) -> Tensor:
        """For each instance how many variables of outputs it gives, ``[instances]``."""
        count, results = len(self.instances), self.tensors[len(self.model.inputs) :]
        given = [(one >= 0).reshape(count, prod(one.shape[1:])).cpu() for one in results]
        return torch.cat([torch.zeros(count, 0, dtype=torch.bool, device="cpu"), *given], 1).sum(1)


def read_hypers(path: Path) -> Hypers:
    """The settings of hypers in a file ``{setting: {hyper: integer}}``.

    :param path: the file.
    :returns: them.
    :raises DataError: where the file is missing, too large or something else; names setting and hyper.
    """
    content = read_json(path, most=MOST_BYTES_OF_HYPERS)
    if not isinstance(content, Entries):
        remedy = (
            "name the file of hypers, then that of the data" if isinstance(content, list) else "correct it"
        )
        raise _wrong(str(path), "{setting: {hyper: integer}}", shown(content), remedy)
    _check_once(str(path), content)
    for name, setting in content.items():
        if not isinstance(setting, Entries):
            remedy = f'put hypers under a name of their own: {{"first": {{"{name}": ...}}}}'
            wanted = "{hyper: integer}, as the file is {setting: {hyper: integer}}"
            raise _wrong(f"{path}, setting {name!r}", wanted, shown(setting), remedy)
    for name, setting in content.items():
        where = f"{path}, setting {name!r}"
        _check_once(where, setting)
        for hyper, value in setting.items():
            if type(value) is not int or abs(value) > LARGEST_INTEGER:
                raise _wrong(
                    f"{where}, {hyper}",
                    f"an integer of at most {LARGEST_INTEGER}",
                    shown(value),
                    correction(value, "correct the file"),
                )
    return dict(content)


def read_batches(
    path: Path,
    hypers: Hypers,
    source: Source,
    *,
    check: Callable[[TerpretModel], None] = lambda model: None,
) -> list[Batch]:
    """The batches in a file ``[{"batch_name", "hypers", "instances": [{name: value}]}]``.

    A value is an integer, or nested lists of the dimensions declared; an output that is missing or null is
    not observed.

    :param path: the file.
    :param hypers: the settings that it may name.
    :param source: the program text, which is compiled for each setting that it does.
    :param check: called with each compiled text, before instances are looked at.
    :returns: the batches, at least one.
    :raises DataError: where the file is missing, too large or something else, an instance has a name that the
        text does not have, lacks an input or has a value that does not fit, or a batch observes nothing (the
        message names batch, instance and variable).
    :raises TerpretError: where the text does not compile under a setting.
    """
    content = read_json(path, most=MOST_BYTES_OF_DATA)
    if not isinstance(content, list) or not content:
        got, remedy = shown(content), 'write [{"batch_name": ..., "hypers": ..., "instances": [...]}]'
        raise _wrong(str(path), "a list of at least one batch", got, remedy)
    models: dict[str, TerpretModel] = {}
    batches: list[Batch] = []
    for number, batch in enumerate(content):
        where = _checked_batch(path, number, batch, hypers)
        name, setting, instances = batch["batch_name"], batch["hypers"], batch["instances"]
        if any(name == other.name for other in batches):
            raise _wrong(where, "batches of different names", "a second one of that name", "rename it")
        if setting not in models:
            models[setting] = TerpretModel(source, hypers[setting], setting)
            check(models[setting])
        model = models[setting]
        _check_names(model, instances, where)
        tensors = tuple(_tensor(declared, instances, where) for declared in (*model.inputs, *model.outputs))
        batches.append(Batch(name, setting, model, instances, tensors))
        if model.outputs and not batches[-1].observed.any():
            outputs = listed(one.name for one in model.outputs)
            raise _wrong(where, "an instance that gives an output", "none", f"give {outputs}")
    return batches


def _checked_batch(path: Path, number: int, batch: Any, hypers: Hypers) -> str:
    """Raise where a batch is not made as one is; how messages name it."""
    where = f"{path}, batch {number}"
    if not isinstance(batch, Entries):
        raise _wrong(where, f"an object of {', '.join(NAMES_OF_BATCH)}", shown(batch))
    _check_once(where, batch)
    for key in NAMES_OF_BATCH:
        if key not in batch:
            raise _wrong(
                where, f"{key!r}", f"none among {listed(batch)}", to_rename(key, batch, f"add {key!r}")
            )
    name, setting, instances = batch["batch_name"], batch["hypers"], batch["instances"]
    if not isinstance(name, str):
        raise _wrong(f"{where}, batch_name", "a text in quotes", shown(name), "give a name")
    where = f"{path}, batch {name!r}"
    if not isinstance(setting, str) or setting not in hypers:
        got = repr(setting) if isinstance(setting, str) else shown(setting)
        remedy = nearest(setting, hypers, "name one of them, or add it to the file of hypers")
        if isinstance(setting, Entries):
            remedy = "write the name of a setting, which the file of hypers has"
        raise _wrong(where, f"hypers out of {listed(hypers)}", got, remedy)
    if not isinstance(instances, list) or not instances:
        remedy = "write a list of objects, one an instance"
        raise _wrong(f"{where}, instances", "a list of at least one instance", shown(instances), remedy)
    for place, instance in enumerate(instances):
        if not isinstance(instance, Entries):
            raise _wrong(f"{where}, instance {place}", "an instance {name: value}", shown(instance))
        _check_once(f"{where}, instance {place}", instance)
    return where


def _check_names(model: TerpretModel, instances: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise where an instance gives what the text neither takes nor puts out."""
    known = {one.name for one in (*model.inputs, *model.outputs)}
    for number, instance in enumerate(instances):
        for name in instance:
            if name not in known:
                other = f", a {model.declared[name].kind}" if name in model.declared else ""
                remedy = nearest(name, known, "leave it out, or declare it in the text")
                if other:
                    remedy = "leave it out: instances give Inputs and Outputs"
                raise _wrong(
                    f"{where}, instance {number}",
                    f"an Input or Output of the text ({listed(sorted(known))})",
                    f"{name!r}{other}",
                    remedy,
                )


def _tensor(declared: Declared, instances: Sequence[Mapping[str, Any]], where: str) -> Tensor:
    """One input or output of all instances, ``[instances, *dims]``."""
    output, size = declared.kind == "Output", declared.size
    shape = declared.dims if isinstance(size, int) else (*declared.dims, *size)
    rows = []
    for number, instance in enumerate(instances):
        place = f"{where}, instance {number}, {declared.name}"
        given = instance.get(declared.name)
        if given is None and not output:
            raise _wrong(place, "an input", "none", f"give {declared.name!r} a value")
        _check_shape(given, shape, place, open_=output)
        flat = _flat(given, shape)
        _check_values(flat, declared, shape, place)
        rows.append(np.array([NOT_OBSERVED if one is None else one for one in flat]).reshape(shape))
    together = torch.from_numpy(np.stack(rows)).to(torch.get_default_device())
    return together.long() if isinstance(size, int) else together.float()


def _check_shape(
    given: Any, shape: Sequence[int], place: str, index: tuple[int, ...] = (), *, open_: bool
) -> None:
    """Raise where nested lists have another shape; where outputs may be open, null stands for any part."""
    if given is None and open_:
        return
    here, axes = _at(place, index), len(shape) - len(index)
    if not axes:
        if isinstance(given, list):
            raise _wrong(here, "a number, not a list", shown(given), "give one value there")
        return
    length = shape[len(index)]
    what = f"a list of {counted(length, 'value' if axes == 1 else 'list')}, of shape {[*shape]} in all"
    if not isinstance(given, list):
        raise _wrong(here, what, shown(given), "write it in brackets, nested as deeply")
    if len(given) < length:
        missing = _at(place.rpartition(", ")[2], (*index, len(given)))
        remedy = f"give {missing}" + (", null where it is not observed" if open_ else "")
        raise _wrong(here, what, f"{len(given)}; {missing} is missing", remedy)
    if len(given) > length:
        raise _wrong(here, what, str(len(given)), "leave some out, or declare more in the text")
    for number, part in enumerate(given):
        _check_shape(part, shape, place, (*index, number), open_=open_)


def _at(place: str, index: Sequence[int]) -> str:
    """A place inside a value, as messages name it."""
    return f"{place}[{', '.join(map(str, index))}]" if index else place


def _flat(given: Any, shape: Sequence[int]) -> list[Any]:
    """The elements of nested lists, the last index fastest."""
    if given is None:
        return [None] * prod(shape)
    return [one for part in given for one in _flat(part, shape[1:])] if shape else [given]


def _check_values(flat: Sequence[Any], declared: Declared, shape: Sequence[int], place: str) -> None:
    """Raise where a value is of another kind, or out of its range."""
    size, output = declared.size, declared.kind == "Output"
    kinds: set[type] = {int} if isinstance(size, int) else {int, float}
    least, most = (0, size - 1) if isinstance(size, int) else (-LARGEST_REAL, LARGEST_REAL)
    values = [one for one in flat if one is not None] if output else flat
    if set(map(type, values)) <= kinds and all(least <= one <= most for one in values):
        return
    index, wrong = next(
        (index, one)
        for index, one in zip(product(*map(range, shape)), flat, strict=True)
        if not (one is None and output) and (type(one) not in kinds or not least <= one <= most)
    )
    wanted = f"an integer in 0..{most}" if isinstance(size, int) else "a finite number"
    remedy = "correct it"
    if wrong is None:
        remedy = "give it a value: only Outputs may be left open"
    elif type(wrong) is int and isinstance(size, int):
        remedy = f"correct it, or declare {declared.name} with a larger range"
        if wrong < 0:
            remedy = "write null where it is not observed" if output else "integers count from 0"
    raise _wrong(_at(place, index), wanted, shown(wrong), correction(wrong, remedy))


def _check_once(where: str, entries: Mapping[str, Any]) -> None:
    if isinstance(entries, Entries) and entries.twice is not None:
        raise _wrong(where, "each name once", f"{entries.twice!r} twice", "leave one of them out")


def _wrong(where: str, expected: str, got: str, remedy: str = "correct the file") -> DataError:
    return DataError(where, expected=expected, got=got, remedy=remedy)
