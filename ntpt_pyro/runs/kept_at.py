"""Where a run that was broken off stands, in words."""

from contextlib import suppress
from pathlib import Path

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.training.checkpoint import step_of
from ntpt_pyro.runs.run_folder import RunFolder


def kept_at(folder: Path) -> str:
    """At which step a run of restarts was kept last.

    :param folder: of the run; there need be none.
    :returns: in words, after "kept".

    >>> kept_at(Path("nowhere"))
    'at no step yet'
    """
    run, last = RunFolder(folder), len([*folder.glob("search-*.safetensors")])
    if run.complete:
        return "at its end"
    phases = {"settle": "training on"} | {f"search-{n}": f"search {n + 1}" for n in reversed(range(last))}
    for phase, words in phases.items():
        if (checkpoint := run.checkpoint(phase)).exists():
            with suppress(NtptError):
                return f"at step {step_of(checkpoint)} of {words}"
            return f"in a checkpoint of {words} that cannot be read"
    return "at no step yet"
