"""The option ``--device``; and what commands do where ``torchrun`` starts several, each on a device."""

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from ntpt_pyro.cli import streams
from ntpt_pyro.cli.options import Command, beginning, with_parameters
from ntpt_pyro.errors import UsageError
from ntpt_pyro.runs.device_names import DEVICES, device_named

Device = Annotated[
    str,
    typer.Option(
        help="cpu, cuda, or auto: cuda where it is; it pays off with very many restarts or programs",
        autocompletion=lambda incomplete: beginning(DEVICES, incomplete),
    ),
]


def with_device(*, shares: bool) -> Callable[[Command], Command]:
    """Give a command the option ``--device``; it works on that device.

    :param shares: whether processes of ``torchrun`` share its restarts. Of another command they would all do
        the same.
    :returns: a decorator for the command.
    """

    def decorate(command: Command) -> Command:
        own = [*inspect.signature(command).parameters.values()]
        kind = inspect.Parameter.KEYWORD_ONLY
        option = inspect.Parameter("device", kind, default="cpu", annotation=Device)

        @wraps(command)
        def run(**given: Any) -> None:
            with on_device(given.pop("device"), shares=shares):
                command(**given)

        return with_parameters(run, [*own, option])

    return decorate


@contextmanager
def on_device(name: str, *, shares: bool) -> Iterator[None]:
    """Work on a device, and share restarts with the other ranks where there are any.

    :param name: auto, cpu or cuda.
    :param shares: whether there may be other ranks.
    :raises UsageError: where the device is not to be had, the other ranks are not to be reached, or there may
        be none.
    """
    import torch

    from ntpt_pyro.inference.training.ranks import is_one_of_several, sharing_restarts

    if not shares and is_one_of_several():
        raise UsageError(
            "torchrun",
            expected="a command that trains one run: learn or terpret",
            got="another, which each process would do alike",
            remedy="start it without torchrun; --jobs takes several cores",
        )
    device = device_named(name)
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)
    with ExitStack() as stack:
        if torch.device(device) != torch.get_default_device():  # it costs a call of Python for each operation
            stack.enter_context(torch.device(device))
        stack.enter_context(sharing_restarts(device))
        yield


def goes_on(out: Path | None, *, quiet: bool) -> bool:
    """Whether a run is gone on with because torchrun has started it again; the first process says so.

    :param out: its folder; None where there is none to go on in.
    :param quiet: say nothing.
    :returns: whether it is.
    """
    from ntpt_pyro.inference.training.ranks import STARTED_AGAIN
    from ntpt_pyro.runs.kept_at import kept_at

    if out is None or os.environ.get(STARTED_AGAIN, "0") == "0":
        return False
    if streams.speaks() and not quiet:
        streams.say(f"torchrun has started all processes again; the run was kept {kept_at(out)}")
    return True
