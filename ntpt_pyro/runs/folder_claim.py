"""Whether a run may work in a folder: what is there, whether it is whole, and whether it is the same run."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ntpt_pyro._files import ANSWERS, ANY, OPTIONS, check_whole, is_left_over
from ntpt_pyro.errors import RunError
from ntpt_pyro.runs.run_lock import LOCK

SEALED = re.compile(r"(options|result|choices|answers|history|history-.+)\.json|.+\.safetensors")
"""Names of files that runs go on from, or are read back from."""
KINDS = {"answers.json": ANSWERS}
"""What files are that a person can do more about than make a run again."""
REMEDY = "resume with the same options and inputs, or give another --out folder"


def identity(options: Mapping[str, Any]) -> str:
    """What tells a run from others.

    :param options: what decides its result.
    :returns: a short text.
    """
    return blake2b(json.dumps(options, sort_keys=True).encode(), digest_size=16).hexdigest()


def something_in(folder: Path) -> bool:
    """Whether a folder holds anything but runs that came to nothing.

    :param folder: it may be missing.
    :returns: False where there is only what says how runs were begun, here and in folders below.
    """
    return any(
        path.name not in (OPTIONS, LOCK) and not is_left_over(path)
        for path in folder.rglob("*")
        if not path.is_dir()
    )


def remove_left_overs(folder: Path) -> None:
    """Remove the temporary files of writes that were killed.

    :param folder: of a run, which nobody else works in; folders below are looked into.
    """
    for path in folder.rglob(".*.tmp"):
        if is_left_over(path):
            path.unlink()


def withdraw(folder: Path) -> None:
    """Take a claim back where the run has come to nothing.

    :param folder: of the run, which it still holds; folders of other runs may be in it.
    """
    if something_in(folder):
        return
    for options in list(folder.rglob(OPTIONS)):
        options.unlink()
        if options.parent != folder:
            options.parent.rmdir()


def check_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a run is the one that was begun.

    :param folder: its folder.
    :param before: what decided its result when it was begun.
    :param now: the same, of the run that would go on with it; contents under ``inputs``.
    :raises RunError: names the first option that differs, or the input.
    """
    for name in {**before, **now}:
        then, today = before.get(name), now.get(name)
        if then != today and name not in ("run", "inputs"):
            raise RunError(
                str(folder),
                expected=f"{name}={then!r}, as the run was begun",
                got=repr(today),
                remedy=REMEDY,
            )
    contents, found = before.get("inputs", {}), now.get("inputs", {})
    for what in {**contents, **found}:
        if contents.get(what) != found.get(what):
            raise RunError(
                str(folder),
                expected=f"the {what} that the run was begun with"
                if what in contents
                else f"no {what}, as then",
                got="another content" if what in found else "none",
                remedy=REMEDY,
            )


def check_all_whole(folder: Path) -> None:
    """Check every file that a run goes on from, and those of runs in folders below.

    :param folder: of a run.
    :raises RunError: names the first file that is damaged or of another run.
    """
    for options in sorted(folder.rglob(OPTIONS)):
        for path in sorted(options.parent.iterdir()):
            if SEALED.fullmatch(path.name):
                check_whole(path, KINDS.get(path.name, ANY))
