"""Devices of torch by the names that people give."""

import os

from ntpt_pyro.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def device_named(name: str) -> str:
    """The torch device that a name stands for.

    :param name: auto, cpu or cuda. In a process that ``torchrun`` started cuda is a device of its own, and
        auto is cuda where each process on this machine has one.
    :returns: the device.
    :raises UsageError: where it is not to be had.
    """
    import torch

    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if "cuda" in available and name != "cpu" and (number := os.environ.get("LOCAL_RANK")) is not None:
        return _device_of_rank(name, int(number), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if name == "auto":
        return available[-1]
    if name == "cuda" and name not in available:
        raise UsageError(
            "device",
            expected="auto or cpu, since torch sees no CUDA device here",
            got=repr(name),
            remedy="take cpu, or install a driver and a torch for the device",
        )
    if name not in available:
        raise UsageError(
            "device",
            expected=f"one of auto, {', '.join(available)}",
            got=repr(name),
            remedy="pick one",
        )
    return name


def _device_of_rank(name: str, number: int, processes: int) -> str:
    """The device of a process that torchrun started, by its number on this machine."""
    import torch

    devices = torch.cuda.device_count()
    if name == "auto" and devices < processes:
        return "cpu"
    if name in ("auto", "cuda") and number < devices:
        return f"cuda:{number}"
    raise UsageError(
        "device",
        expected=f"at most {devices} processes on this machine, one for each CUDA device",
        got=f"{processes}",
        remedy=f"start fewer (torchrun --nproc-per-node {devices}), or take --device cpu",
    )
