"""What recorded results say of how they came about: settings, and the command that gives them."""

import argparse
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, fields
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from ntpt_pyro.bounds import check_count
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.work.side_by_side import each
from ntpt_pyro.inference.work.workers import Workers
from ntpt_pyro.runs.provenance import commit, versions

MOST_SEEDS = 10_000
"""Runs of one command."""


def as_json(settings: Any) -> dict[str, Any]:
    """A dataclass of settings as JSON can hold it, paths by their last part only."""
    found = asdict(settings)
    return {name: value.name if isinstance(value, Path) else value for name, value in found.items()}


def given(settings: Any) -> dict[str, Any]:
    """Those of a dataclass of settings that are not the default, as an option takes them."""
    values = {one: getattr(settings, one.name) for one in fields(settings)}
    changed = {one.name: value for one, value in values.items() if value != one.default}
    return {name: "none" if value is None else value for name, value in changed.items()}


def command_of(start: str, options: Mapping[str, Any]) -> str:
    """A command, files and folders by what they hold.

    :param start: its first words.
    :param options: by name; nothing is written for None and for empty lists.
    :returns: the command.

    >>> command_of("ntpt lifelong", {"seeds": 5, "augment": True, "data": Path("/me/data"), "library": None})
    'ntpt lifelong --seeds 5 --augment --data DATA'
    """
    words = [start]
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, (list, tuple)):
            parts = [one.name if isinstance(one, Path) else str(one) for one in value]
            words += [f"--{flag} {','.join(parts)}"] if parts else []
        elif value is not None:
            words.append(f"--{flag} {name.upper() if isinstance(value, Path) else value}")
    return " ".join(words)


def made_with() -> dict[str, Any]:
    """What a result was made with: fields of it."""
    return {"versions": versions(), "commit": commit()}


def check_models(command: str, models: Sequence[str], known: Sequence[str], seeds: Sequence[int]) -> None:
    """Check that a command has models, all of them known, and seeds.

    :raises UsageError: where a model is unknown, or there is none, or no seed.
    """
    for model in models:
        if model not in known:
            raise UsageError(
                "models", expected=f"some of {', '.join(known)}", got=repr(model), remedy="pick from these"
            )
    if not models or not seeds:
        raise UsageError(command, expected="a model and a seed", got="none", remedy="name some")


def seeds_of(first: int, count: int) -> range:
    """Seeds one after the other.

    :param first: the first of them.
    :param count: how many.
    :returns: the seeds.
    :raises UsageError: where there are too many, or one is no seed.
    """
    check_count("seeds", count, at_least=1, at_most=MOST_SEEDS)
    check_count("first_seed", first, at_least=0, at_most=2**32 - count)
    return range(first, first + count)


Figures = Mapping[str, Callable[[], Any]]
"""By name what measures a figure."""


def parts_of(names: Sequence[str], made: Mapping[str, Callable[[], Figures]]) -> dict[str, Figures]:
    """What measures the parts of a recording.

    :param names: of the parts that are wanted.
    :param made: by part what gives its figures.
    :returns: the figures of each.
    :raises UsageError: where there is none, or one is unknown.
    """
    unknown = [name for name in names if name not in made]
    if unknown or not names:
        got = ", ".join(unknown) or "none"
        raise UsageError("part", expected=f"some of {', '.join(made)}", got=got, remedy="pick from these")
    return {name: made[name]() for name in names}


def record_parts(
    experiment: str, options: argparse.Namespace, parts: Mapping[str, Figures], **content: Any
) -> dict[str, Any]:
    """Measure figures and write each as soon as it is there; those that the file has already are kept.

    :param experiment: the module of :mod:`ntpt_pyro.experiments` that was run.
    :param options: of its command line; with its workers figures are measured side by side.
    :param parts: their figures.
    :param content: what else is written.
    :returns: what was written.
    :raises UsageError: where the file is another recording.
    """
    content |= _measured_before(experiment, options)
    for part in parts:
        content.setdefault(part, {})
    left = [(part, name) for part, of in parts.items() for name in of if name not in content[part]]
    measured = each(
        _called,
        [parts[part][name] for part, name in left],
        workers=workers_of(options),
        names=[f"{part}, {name}" for part, name in left],
    )
    with closing(measured):
        for (part, name), figure in zip(left, measured, strict=True):
            content[part][name] = figure
            content = record(experiment, options, **content)
            print(f"{part}, {name}: {content[part][name]}", flush=True)
    return record(experiment, options, **content)


def _called(measure: Callable[[], Any]) -> Any:
    """What a function without arguments gives."""
    return measure()


def workers_of(options: argparse.Namespace) -> Workers:
    """Who does the work of a recording.

    :param options: of its command line, where :func:`parser_of` has put ``jobs`` and ``cluster`` or not.
    :returns: the workers.
    :raises UsageError: where there can be none such.
    """
    jobs = getattr(options, "jobs", None)
    return Workers(1 if jobs is None else jobs, getattr(options, "cluster", None))


def _deciding(options: argparse.Namespace) -> dict[str, Any]:
    """The options without those that no result depends on."""
    return {name: value for name, value in vars(options).items() if name not in ("jobs", "cluster")}


def _measured_before(experiment: str, options: argparse.Namespace) -> dict[str, Any]:
    """What an interrupted recording of the same command has measured."""
    if not options.out.exists():
        return {}
    found: dict[str, Any] = json.loads(options.out.read_text(encoding="utf-8"))
    same = {"command": command_of(f"python -m ntpt_pyro.experiments.{experiment}", _deciding(options))}
    same |= made_with()
    if {name: found.get(name) for name in same} != same:
        raise UsageError(
            str(options.out),
            expected="a recording of this command, of the same versions",
            got="another one",
            remedy="delete it, or name another file (--out)",
        )
    return found


def several(text: str) -> list[str]:
    """The parts of a text that commas separate."""
    return [part for part in text.split(",") if part]


def main_of(spec: ModuleSpec | None) -> None:
    """Run the module that is run as ``python -m``, under its own name.

    Workers import what they do by the name of its module, and have no ``__main__`` that is this one.

    :param spec: of the module.
    """
    assert spec is not None
    importlib.import_module(spec.name).main()


def parser_of(
    about: str | None, *, data: bool = True, out: bool = True, workers: bool = False, **numbers: int
) -> argparse.ArgumentParser:
    """A parser of the options that recordings have: a folder of data, who works, a file to write, numbers."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    if data:
        parser.add_argument("--data", type=Path, help="folder of data; default: the small sets at hand")
    if workers:
        parser.add_argument("--jobs", type=int, help="processes side by side; -1: one a core")
        parser.add_argument("--cluster", help="a Dask scheduler whose workers do the work")
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--out", type=Path, required=out, help="the JSON file to write")
    return parser


def parts_parser(about: str | None, parts: Sequence[str]) -> argparse.ArgumentParser:
    """A parser of the options that recordings of several parts have, see :func:`record_parts`."""
    parser = parser_of(about, workers=True, seeds=5)
    parser.add_argument("--library", type=Path, help="a library whose networks are trained")
    parser.add_argument("--part", type=several, default=list(parts))
    return parser


def record(experiment: str, options: argparse.Namespace, **content: Any) -> dict[str, Any]:
    """Write a recording to the file that ``--out`` names, with the command that gives it.

    :param experiment: the module of :mod:`ntpt_pyro.experiments` that was run.
    :param options: of its command line.
    :param content: what was measured.
    :returns: what was written.
    """
    from pydantic_core import to_jsonable_python

    from ntpt_pyro._files import write_json  # needs torch

    command = command_of(f"python -m ntpt_pyro.experiments.{experiment}", _deciding(options))
    if not (workers := workers_of(options)).alone:
        content["side_by_side"] = "on a cluster" if workers.cluster else f"{workers.jobs} jobs"
    recorded: dict[str, Any] = to_jsonable_python({"command": command, **made_with(), **content})
    if options.out is not None:
        write_json(options.out, recorded)
    return recorded
