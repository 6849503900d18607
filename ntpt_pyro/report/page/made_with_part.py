"""What a run was made with: the command that makes it again, settings, data, versions."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ntpt_pyro.errors import NtptError
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.induce import settled_settings
from ntpt_pyro.runs.methods.named import method_names
from ntpt_pyro.runs.results import PosteriorResult, ProgramResult
from ntpt_pyro.tasks.task import Task

NO_OPTIONS = ("strategy", "own_networks", "tolerance", "memory", "prior")
"""Settings that ``ntpt learn`` has no option for, or that come first."""
OF_POSTERIOR = ("examples", "prior", "tolerance", "memory", "seed", "test_examples", "seconds")
"""Settings that ``ntpt posterior`` has options for."""


@dataclass(frozen=True)
class MadeWith:
    """What a run was made with.

    :param command: that makes it again; empty where none does.
    :param remarks: what the command needs, in words.
    :param facts: by what it is, in words.
    :param settings: by name, in words.
    """

    command: str
    remarks: list[str]
    facts: dict[str, str]
    settings: dict[str, str]


def made_with(result: ProgramResult, options: Mapping[str, Any], task: Task | None) -> MadeWith:
    """What a run was made with.

    :param result: of the run.
    :param options: of the run's options.json; empty where the run was not kept.
    :param task: that the run was of, where it can be found; then the command says only what is not its
        default.
    :returns: the contents of the page's last part.
    """
    command, remarks = _command(result, options, task)
    facts = {
        "task": result.found_by,
        "seed": str(result.seed),
        **{f"data, {split}": source for split, source in result.data.items()},
        "time": f"{result.seconds:.1f} s",
        "made with": ", ".join(f"{name} {number}" for name, number in result.versions.items()),
    }
    inputs = options.get("inputs", {})
    if isinstance(inputs, Mapping):
        facts |= {f"digest of {what}": str(digest) for what, digest in inputs.items()}
    facts = {what: words for what, words in facts.items() if words}
    return MadeWith(command, remarks, facts, {name: _word(value) for name, value in result.options.items()})


def _command(result: ProgramResult, options: Mapping[str, Any], task: Task | None) -> tuple[str, list[str]]:
    """The command that makes the run again, and what it needs."""
    if result.strategy not in method_names():
        return "", [f"It was made in Python, with a strategy of its own: {result.strategy}."]
    posterior = isinstance(result, PosteriorResult)
    words = ["ntpt", "posterior" if posterior else "learn", result.found_by]
    remarks = []
    for name, value in result.parameters.items():
        words += _option(name, value)
    if options.get("library") is not None:
        words += ["--library", "LIBRARY"]
        trained = ", ".join(f"{name} for {steps:,} steps" for name, steps in options["library"].items())
        remarks.append(f"LIBRARY is the one that the run began with: {trained or 'without functions'}.")
    if not posterior:
        words += ["--strategy", result.strategy]
    for name, value in _not_default(result, options, task, posterior=posterior).items():
        words += _option(name, value)
    if any(what.startswith("images") for what in options.get("inputs", ())):
        remarks.append("Images that are from a folder are found by --data or $NTPT_DATA.")
    return shlex.join(words), remarks


def _not_default(
    result: ProgramResult, options: Mapping[str, Any], task: Task | None, *, posterior: bool
) -> dict[str, Any]:
    """The settings that have to be said."""
    known = {
        name: value
        for name, value in result.options.items()
        if name not in result.parameters and (name in OF_POSTERIOR if posterior else name not in NO_OPTIONS)
    }
    said = {name: value for name, value in known.items() if value is not None}
    if task is None:
        return said
    try:
        defaults = _defaults(result, options, task)
    except NtptError:
        return said
    return {name: value for name, value in known.items() if name == "seed" or defaults.get(name) != value}


def _defaults(result: ProgramResult, options: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """What the settings would be if nothing was said."""
    began_with = Library()
    began_with.steps.update(options.get("library") or {})  # which functions were trained is all that matters
    return settled_settings(task, None, {"strategy": result.strategy}, began_with)[1].to_json()


def _option(name: str, value: Any) -> Sequence[str]:
    """An option of the command line."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", _word(value)]


def _word(value: Any) -> str:
    """A setting in words, as the command line reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
