"""What a recorded result was made with."""

import subprocess
from importlib.metadata import version


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {name: version(name) for name in ("ntpt-pyro", "torch", "pyro-ppl", "numpy", "python-sat")}


def commit() -> str | None:
    """The commit of the code, marked where the work tree differs from it.

    :returns: None outside a checkout.
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
