"""TerpreT's files: hypers, and batches of instances, as JSON."""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER
from ntpt_pyro.terpret.parser import Source
from ntpt_pyro.terpret.symbols import Declared
from ntpt_pyro.terpret.text_files import Entries, correction, read_json, shown
from ntpt_pyro.terpret.text_model import TerpretModel

NOT_OBSERVED = -1
"""An output that an instance does not give."""
LARGEST_REAL = float(np.finfo(np.float32).max)
MOST_BYTES_OF_HYPERS = 1_000_000
MOST_BYTES_OF_DATA = 200_000_000
MOST_NAMES = 12
"""Names that a message lists."""

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
        given = [(one >= 0).reshape(count, prod(one.shape[1:])) for one in results]
        return torch.cat([torch.zeros(count, 0, dtype=torch.bool), *given], 1).sum(1)


def read_hypers(path: Path) -> Hypers:
    """The settings of hypers in a file ``{setting: {hyper: integer}}``.

    :param path: the file.
    :returns: them.
    :raises DataError: where the file is missing, too large or something else; names setting and hyper.
    """
    content = read_json(path, most=MOST_BYTES_OF_HYPERS)
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise _wrong(str(path), "{setting: {hyper: integer}}", "something else")
    _check_once(str(path), content)
    for name, setting in content.items():
        where = f"{path}, setting {name!r}"
        _check_once(where, setting)
        for hyper, value in setting.items():
            if type(value) is not int or abs(value) > LARGEST_INTEGER:
                raise _wrong(
                    f"{where}, {hyper}",
                    f"an integer of at most {LARGEST_INTEGER}",
                    shown(value),
                    correction(value),
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
        raise _wrong(str(path), "a list of batches", "something else")
    models: dict[str, TerpretModel] = {}
    batches: list[Batch] = []
    for number, batch in enumerate(content):
        where = _checked_batch(path, number, batch, hypers)
        name, setting, instances = batch["batch_name"], batch["hypers"], batch["instances"]
        if any(name == other.name for other in batches):
            raise _wrong(where, "batches of different names", "a second one of that name", "rename it")
        if setting not in models:
            _check_hypers(source, setting, hypers[setting])
            models[setting] = TerpretModel(source, hypers[setting])
            check(models[setting])
        model = models[setting]
        _check_names(model, instances, where)
        tensors = tuple(_tensor(declared, instances, where) for declared in (*model.inputs, *model.outputs))
        batches.append(Batch(name, setting, model, instances, tensors))
        if model.outputs and not batches[-1].observed.any():
            outputs = _listed(one.name for one in model.outputs)
            raise _wrong(where, "an instance that gives an output", "none", f"give {outputs}")
    return batches


def _checked_batch(path: Path, number: int, batch: Any, hypers: Hypers) -> str:
    """Raise where a batch is not made as one is; how messages name it."""
    if not isinstance(batch, Entries) or not {"batch_name", "hypers", "instances"} <= set(batch):
        raise _wrong(f"{path}, batch {number}", "batch_name, hypers and instances", "something else")
    _check_once(f"{path}, batch {number}", batch)
    name, setting, instances = batch["batch_name"], batch["hypers"], batch["instances"]
    if not isinstance(name, str):
        raise _wrong(f"{path}, batch {number}, batch_name", "a text", shown(name))
    where = f"{path}, batch {name!r}"
    if not isinstance(setting, str) or setting not in hypers:
        got = repr(setting) if isinstance(setting, str) else shown(setting)
        raise _wrong(where, f"hypers out of {', '.join(hypers)}", got, _nearest(setting, hypers))
    if not isinstance(instances, list) or not instances:
        raise _wrong(where, "a list of instances", "something else or none")
    for place, instance in enumerate(instances):
        if not isinstance(instance, Entries):
            raise _wrong(f"{where}, instance {place}", "an instance {name: value}", shown(instance))
        _check_once(f"{where}, instance {place}", instance)
    return where


def _check_hypers(source: Source, setting: str, hypers: Mapping[str, int]) -> None:
    """Raise where a setting lacks a hyper that the text declares."""
    for statement in source.tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        target, function = statement.targets[0], statement.value.func
        if not isinstance(target, ast.Name) or not isinstance(function, ast.Name):
            continue
        if function.id == "Hyper" and target.id not in hypers:
            raise source.error(
                statement.value,
                expected=f"a value for the hyper {target.id} in setting {setting!r}",
                got=f"none among {_listed(hypers)}" if hypers else "none",
                remedy=_nearest(target.id, hypers, f"add {target.id!r} to it in the file of hypers"),
            )


def _check_names(model: TerpretModel, instances: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise where an instance gives what the text neither takes nor puts out."""
    known = {one.name for one in (*model.inputs, *model.outputs)}
    for number, instance in enumerate(instances):
        for name in instance:
            if name not in known:
                other = f", a {model.declared[name].kind}" if name in model.declared else ""
                raise _wrong(
                    f"{where}, instance {number}",
                    f"an Input or Output of the text ({_listed(sorted(known))})",
                    f"{name!r}{other}",
                    _nearest(name, known, "leave it out, or declare it in the text"),
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
        if not _has_shape(given, shape, open_=output):
            raise _wrong(place, f"shape {list(shape)}", _shape_in_words(given))
        flat = _flat(given, shape)
        _check_values(flat, declared, place)
        rows.append(np.array([NOT_OBSERVED if one is None else one for one in flat]).reshape(shape))
    together = torch.from_numpy(np.stack(rows))
    return together.long() if isinstance(size, int) else together.float()


def _has_shape(given: Any, shape: Sequence[int], *, open_: bool) -> bool:
    """Whether nested lists have a shape; where outputs may be open, null stands for any part."""
    if given is None and open_:
        return True
    if not shape:
        return not isinstance(given, list)
    if not isinstance(given, list) or len(given) != shape[0]:
        return False
    return all(_has_shape(part, shape[1:], open_=open_) for part in given)


def _flat(given: Any, shape: Sequence[int]) -> list[Any]:
    """The elements of nested lists, the last index fastest."""
    if given is None:
        return [None] * prod(shape)
    return [one for part in given for one in _flat(part, shape[1:])] if shape else [given]


def _shape_in_words(given: Any) -> str:
    """What nested lists have in place of a shape."""
    lengths, parts = [], [given]
    while parts and all(isinstance(part, list) for part in parts):
        if len({len(part) for part in parts}) > 1:
            return "lists of different lengths"
        lengths.append(len(parts[0]))
        parts = [one for part in parts for one in part]
    return str(lengths) if lengths else shown(given)


def _check_values(flat: Sequence[Any], declared: Declared, place: str) -> None:
    """Raise where a value is of another kind, or out of its range."""
    size = declared.size
    kinds: set[type] = {int} if isinstance(size, int) else {int, float}
    least, most = (0, size - 1) if isinstance(size, int) else (-LARGEST_REAL, LARGEST_REAL)
    values = [one for one in flat if one is not None] if declared.kind == "Output" else flat
    if set(map(type, values)) <= kinds and all(least <= one <= most for one in values):
        return
    wrong = next(one for one in values if type(one) not in kinds or not least <= one <= most)
    wanted = f"integers in 0..{most}" if isinstance(size, int) else "finite numbers"
    raise _wrong(place, wanted, shown(wrong), correction(wrong))


def _check_once(where: str, entries: Mapping[str, Any]) -> None:
    if isinstance(entries, Entries) and entries.twice is not None:
        raise _wrong(where, "each name once", f"{entries.twice!r} twice", "leave one of them out")


def _nearest(name: Any, known: Iterable[str], otherwise: str = "correct the file") -> str:
    """What to do about a name: correct its spelling, where a known one is close to it."""
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(str(name).casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}?" if near else otherwise


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"


def _wrong(where: str, expected: str, got: str, remedy: str = "correct the file") -> DataError:
    return DataError(where, expected=expected, got=got, remedy=remedy)
