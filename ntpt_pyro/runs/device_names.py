"""Devices of torch by the names that people give."""

from ntpt_pyro.errors import UsageError


def device_named(name: str) -> str:
    """The torch device that a name stands for.

    :param name: auto, cpu or cuda.
    :returns: the device.
    :raises UsageError: where it is not to be had.
    """
    import torch

    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
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
