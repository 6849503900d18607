"""What commands do where ``torchrun`` starts several of them: each works on a device of its own, together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ntpt_pyro.runs.device_names import device_named

STARTED_AGAIN = "TORCHELASTIC_RESTART_COUNT"
"""How often ``torchrun`` has started all ranks again, as it does where one of them has ended."""


@contextmanager
def on_device(name: str) -> Iterator[None]:
    """Work on a device, and share restarts with the other ranks where there are any.

    :param name: auto, cpu or cuda.
    :raises UsageError: where it is not to be had, or the other ranks are not to be reached.
    """
    import torch

    from ntpt_pyro.inference.training.ranks import sharing_restarts

    device = device_named(name)
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)
    with torch.device(device), sharing_restarts(device):
        yield


def goes_on(out: Path | None) -> bool:
    """Whether a run is gone on with because torchrun has started it again.

    :param out: its folder; None where there is none to go on in.
    :returns: whether it is.
    """
    return out is not None and os.environ.get(STARTED_AGAIN, "0") != "0"
