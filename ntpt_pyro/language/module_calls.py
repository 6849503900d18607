"""Calling a torch module with other tensors than its own: once, or for each restart."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor
from torch.func import functional_call

Tensors = Mapping[str, Tensor]
"""Parameters or buffers by name; for restarts each with a leading axis."""
Results = tuple[Tensor, dict[str, Tensor]]
"""What a module returns, and its buffers after the call; for restarts each with a leading axis."""
EvaluateRestarts = Callable[..., Results]
"""Such as :func:`as_one_batch`."""


def call_with(network: torch.nn.Module, parameters: Tensors, buffers: Tensors, *inputs: Tensor) -> Results:
    """Call a module with given tensors; its own stay as they are.

    :param network: the module.
    :param parameters: of every name that the module has.
    :param buffers: the same; the call may change them in place.
    :param inputs: of the module.
    :returns: its result, and the buffers after the call.
    """
    state = {**parameters, **buffers}
    result = functional_call(network, state, inputs)
    return result, {name: state[name] for name in buffers}


def as_one_batch(
    network: torch.nn.Module,
    parameters: Tensors,
    buffers: Tensors,
    inputs: tuple[Tensor, ...],
    restarts: int,
    *,
    apart: bool = False,
) -> Results:
    """Call a module for all restarts at once, each with random numbers of its own.

    :param network: the module; what it computes must be known to :func:`torch.vmap`.
    :param parameters: ``[R, ...]`` by name.
    :param buffers: ``[R, ...]`` by name; the call may change them in place.
    :param inputs: of the module, the same for all restarts.
    :param restarts: R.
    :param apart: whether inputs have a leading axis of restarts, too.
    :returns: with a leading axis of restarts.
    """
    mapped = (0, 0, *[0 if apart else None for _ in inputs])
    one = torch.vmap(partial(call_with, network), mapped, randomness="different")
    results: Results = one(parameters, buffers, *inputs)
    return results


def one_by_one(
    network: torch.nn.Module,
    parameters: Tensors,
    buffers: Tensors,
    inputs: tuple[Tensor, ...],
    restarts: int,
    *,
    apart: bool = False,
) -> Results:
    """The same for any module, in a loop: the time of R calls of the module.

    :param network: the module.
    :param parameters: see :func:`as_one_batch`.
    :param buffers: see :func:`as_one_batch`.
    :param inputs: see :func:`as_one_batch`.
    :param restarts: see :func:`as_one_batch`.
    :param apart: see :func:`as_one_batch`.
    :returns: see :func:`as_one_batch`.
    """
    # Not parameter[r]: its gradient would be as large as the parameter, for each restart.
    own = {name: parameter.unbind() for name, parameter in parameters.items()}
    found = [
        call_with(
            network,
            {name: parts[r] for name, parts in own.items()},
            {name: buffer[r].clone() for name, buffer in buffers.items()},
            *(x[r] if apart else x for x in inputs),
        )
        for r in range(restarts)
    ]
    after = {name: torch.stack([one[name] for _, one in found]) for name in buffers}
    return torch.stack([result for result, _ in found]), after


def tensors_of(network: torch.nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters of a network, and copies of its buffers that a call may change.

    :param network: the network.
    :returns: both by name.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return dict(network.named_parameters()), buffers


@contextmanager
def in_mode(network: torch.nn.Module, training: bool) -> Generator[None]:
    """Have a module in training or in evaluation mode for a while.

    :param network: the module.
    :param training: whether it trains.
    """
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
