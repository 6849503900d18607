"""Import every module of ntpt_pyro, and see that this does nothing else.

``python -W error tests/import_everything.py FOLDER`` in a fresh process; FOLDER is the one that
ntpt_pyro must come from: the checkout (tests/test_layout.py) or an unpacked wheel (``make check``).
"""

import importlib
import pkgutil
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pyro
import torch

NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


def refuse_network(event: str, args: tuple[Any, ...]) -> None:
    if event in NETWORK:
        raise RuntimeError(f"{event}{args} at import")


def global_state() -> dict[str, Any]:
    return {
        "torch's random state": torch.get_rng_state().tolist(),
        "numpy's random state": repr(numpy.random.get_state(legacy=False)),
        "random's state": random.getstate(),
        "the default dtype": torch.get_default_dtype(),
        "the default device": torch.get_default_device(),
        "the number of threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "gradients enabled": torch.is_grad_enabled(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "Pyro's settings": pyro.settings.get(),
        "Pyro's parameters": list(pyro.get_param_store()),
    }


def import_below(name: str) -> Iterator[ModuleType]:
    """Import a module, then, where it is a package, everything in it."""
    module = importlib.import_module(name)
    yield module
    for inner in pkgutil.iter_modules(getattr(module, "__path__", []), f"{name}."):
        yield from import_below(inner.name)


def main(folder: Path) -> None:
    sys.addaudithook(refuse_network)
    before = global_state()
    for module in import_below("ntpt_pyro"):
        origin = Path(str(module.__file__))
        if folder not in origin.parents:
            raise SystemExit(f"{module.__name__}: expected from {folder}, got {origin}")
        after = global_state()
        changed = [what for what in before if before[what] != after[what]]
        if changed:
            raise SystemExit(f"importing {module.__name__} changed {', '.join(changed)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
