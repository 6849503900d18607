"""What recorded results say of how they came about: settings, and the command that gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ntpt_pyro.errors import UsageError


def as_json(settings: Any) -> dict[str, Any]:
    """Settings as JSON can hold them.

    :param settings: a dataclass.
    :returns: by name, paths by their last part only.
    """
    return {
        name: value.name if isinstance(value, Path) else value for name, value in asdict(settings).items()
    }


def given(settings: Any) -> dict[str, Any]:
    """Those of some settings that are not the default.

    :param settings: a dataclass.
    :returns: by name.
    """
    return {
        one.name: getattr(settings, one.name)
        for one in fields(settings)
        if getattr(settings, one.name) != one.default
    }


def command_of(start: str, options: Mapping[str, Any]) -> str:
    """A command, files and folders by what they hold.

    :param start: its first words.
    :param options: by name; nothing is written for None and for empty lists.
    :returns: the command.

    >>> command_of("ntpt lifelong", {"seeds": 5, "augment": True, "data": Path("/home/me/data"), "library": None})
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


def check_models(command: str, models: Sequence[str], known: Sequence[str], seeds: Sequence[int]) -> None:
    """Check that a comparison has models, all of them known, and seeds.

    :param command: what compares them.
    :param models: their names.
    :param known: those that there are.
    :param seeds: each model is trained for each.
    :raises UsageError: where a model is unknown, or there is none, or no seed.
    """
    for model in models:
        if model not in known:
            raise UsageError(
                "models", expected=f"some of {', '.join(known)}", got=repr(model), remedy="pick from these"
            )
    if not models or not seeds:
        raise UsageError(command, expected="a model and a seed", got="none", remedy="name some")
