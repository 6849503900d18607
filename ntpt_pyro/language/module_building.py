"""Making the network of a declaration with a module of its own, and trying it before anything is trained."""

import warnings
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from pyro.nn import PyroModule
from torch import Tensor

from ntpt_pyro.errors import LibraryError, NtptError, RangeError
from ntpt_pyro.language.module_calls import EvaluateRestarts, as_one_batch, in_mode, one_by_one, tensors_of

if TYPE_CHECKING:  # a declaration builds its network, so that it imports this file
    from ntpt_pyro.language.learned_functions import LearnedFunction

ROWS = 2
"""Rows of the batch that a new network is tried on."""


def make_network(
    declaration: "LearnedFunction", generator: torch.Generator, copies: int | None
) -> tuple[torch.nn.Module, EvaluateRestarts]:
    """Make a network on torch's default device, and try it there on random inputs in evaluation mode.

    It is made on the CPU first, so that its weights do not depend on the device. Torch's random state is as
    it was afterwards.

    :param declaration: what makes it, and its types.
    :param generator: of the seed for each call of ``declaration.module``.
    :param copies: None for one network; R for one that has the parameters and buffers of R networks, each
        with a leading axis of restarts.
    :returns: the network, and how to evaluate its restarts: as one batch where :func:`torch.vmap` can do that
        in every mode, forwards and backwards, or one by one.
    :raises LibraryError: where it cannot be made, evaluated or copied.
    :raises RangeError: where its result has another shape than declared.
    """
    with _random_state_kept(), _explained(declaration):
        trial = _trial_inputs(declaration)
        networks, results = [], []
        with torch.device("cpu"):
            for _ in range(copies or 1):
                seed = int(torch.randint(2**63 - 1, (), generator=generator))
                torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed accelerators as well
                network = _new(declaration)
                networks.append(network)
                results.append(_tried(declaration, network, trial))
        if (device := torch.get_default_device()).type != "cpu":
            # Before they are one: torch moves no LSTM whose weights have an axis of restarts.
            networks = [network.to(device) for network in networks]
            trial = tuple(x.to(device) for x in trial)
            results = [_tried(declaration, network, trial) for network in networks]
        network = networks[0]
        if copies is None:
            for parameter in network.parameters():
                parameter.data = parameter.data.contiguous()  # Pyro would train a contiguous copy
            return network, one_by_one
        again = _tried(declaration, network, trial)
        _stack(declaration, networks)
        expected = torch.stack(results)
        if _can_be_one_batch(network, trial, expected):
            return network, as_one_batch
        found, _ = _in_evaluation(one_by_one, network, trial, copies)
        if not _agree(found, expected) and _agree(again, results[0]):
            raise _refused(
                declaration,
                expected=f"the results of {declaration.module_name} to depend on its parameters and buffers",
                got="other results with the same ones",
                remedy="register tensors that the module keeps as parameters or buffers",
            )
        return network, one_by_one


def evaluation_of_own_inputs(
    declaration: "LearnedFunction", network: torch.nn.Module, copies: int
) -> EvaluateRestarts:
    """How to evaluate the restarts of a network where each has inputs of its own.

    :param declaration: its types.
    :param network: the network, with the tensors of all restarts.
    :param copies: how many restarts there are.
    :returns: as one batch where that is possible, or one by one.
    """
    with _random_state_kept():
        given = tuple(x.expand(copies, *x.shape).to(_device(network)) for x in _trial_inputs(declaration))
        expected, _ = _in_evaluation(one_by_one, network, given, copies, apart=True)
        possible = _can_be_one_batch(network, given, expected, apart=True)
    return as_one_batch if possible else one_by_one


def check_result(declaration: "LearnedFunction", result: Any, *leading: int) -> None:
    """Refuse what a network may not return.

    :param declaration: its types.
    :param result: what it returned.
    :param leading: the axes before those of the declared result: restarts, where there are any, and rows.
    :raises RangeError: where that is not a tensor of real numbers of the declared shape.
    """
    expected = [*leading, *declaration.out_shape]
    if isinstance(result, Tensor) and result.is_floating_point() and [*result.shape] == expected:
        return
    got = f"an object of class {type(result).__name__}"
    if isinstance(result, Tensor):
        got = f"{[*result.shape]}" + ("" if result.is_floating_point() else f" of {result.dtype}")
    kind = "logits" if isinstance(declaration.out, int) else "numbers"
    raise RangeError(
        declaration.name,
        expected=f"{kind} of shape {expected} from its module for {leading[-1]} rows of inputs",
        got=got,
        remedy=f"let it return {_rows(declaration.out_shape)} for inputs of N rows",
    )


def _rows(shape: tuple[int, ...]) -> str:
    """The shape of a batch, for a message."""
    return f"[{', '.join(['N', *map(str, shape)])}]"


def _trial_inputs(declaration: "LearnedFunction") -> tuple[Tensor, ...]:
    """Random numbers in [0, 1], those of an integer on the simplex; the same ones each time, on the CPU."""
    source = torch.Generator().manual_seed(0)
    drawn = [torch.rand(ROWS, *shape, generator=source, device="cpu") for shape in declaration.input_shapes]
    return tuple(
        x.softmax(-1) if isinstance(kind, int) else x
        for x, kind in zip(drawn, declaration.inputs, strict=True)
    )


def _new(declaration: "LearnedFunction") -> torch.nn.Module:
    assert declaration.module is not None
    made = declaration.module()
    if not isinstance(made, torch.nn.Module):
        raise _refused(
            declaration,
            expected=f"a torch module from {declaration.module_name}",
            got=f"an object of class {type(made).__name__}",
            remedy="let it return the network",
        )
    if any(isinstance(module, PyroModule) for module in made.modules()):
        raise _refused(
            declaration,
            expected=f"plain torch modules from {declaration.module_name}",
            got="a PyroModule",
            remedy="build it of torch.nn: a library tells Pyro of the parameters itself",
        )
    return deepcopy(made).cpu()  # its maker may keep it, and give the same one to another library


def _tried(declaration: "LearnedFunction", network: torch.nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """What it returns in evaluation mode; lazy layers know their sizes afterwards."""
    with in_mode(network, False), torch.no_grad():
        result: Tensor = network(*inputs)
    check_result(declaration, result, ROWS)
    return result


def _stack(declaration: "LearnedFunction", networks: Sequence[torch.nn.Module]) -> None:
    """Give the first network the tensors of all."""
    tensors = [[*network.named_parameters(), *network.named_buffers()] for network in networks]
    if len({tuple((name, tensor.shape) for name, tensor in named) for named in tensors}) > 1:
        raise _refused(
            declaration,
            expected=f"networks of one layout from {declaration.module_name}",
            got="layers of other sizes from one call to the next",
            remedy="let it draw nothing but weights",
        )
    for same in zip(*tensors, strict=True):
        same[0][1].data = torch.stack([tensor.data for _, tensor in same])  # tied weights stay tied


def _random_state_kept() -> AbstractContextManager[None]:
    """What torch draws within leaves its random states, of the CPU and of the default device, as they are."""
    device = torch.get_default_device()
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _device(network: torch.nn.Module) -> torch.device:
    """Where a network is."""
    tensor = next(chain(network.parameters(), network.buffers()), torch.zeros(()))
    return tensor.device


def _can_be_one_batch(
    network: torch.nn.Module, inputs: tuple[Tensor, ...], expected: Tensor, *, apart: bool = False
) -> bool:
    """Whether vmap evaluates the restarts of a network, in every mode, and as they would be one by one."""
    try:
        found, _ = _in_evaluation(as_one_batch, network, inputs, len(expected), apart=apart)
        for training in (False, True):
            _backwards(network, inputs, len(expected), training, apart=apart)
    except Exception:  # of many kinds: vmap refuses operations, modules look at values
        return False
    return _agree(found, expected)


def _in_evaluation(
    evaluate: EvaluateRestarts,
    network: torch.nn.Module,
    inputs: tuple[Tensor, ...],
    restarts: int,
    *,
    apart: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    with in_mode(network, False), torch.no_grad(), _no_slow_batches():
        return evaluate(network, *tensors_of(network), inputs, restarts, apart=apart)


def _backwards(
    network: torch.nn.Module,
    inputs: tuple[Tensor, ...],
    restarts: int,
    training: bool,
    *,
    apart: bool,
) -> None:
    parameters, buffers = tensors_of(network)
    with in_mode(network, training), torch.enable_grad(), _no_slow_batches():
        result, _ = as_one_batch(network, parameters, buffers, inputs, restarts, apart=apart)
        learning = [parameter for parameter in parameters.values() if parameter.requires_grad]
        torch.autograd.grad(result.sum(), learning, allow_unused=True)


@contextmanager
def _no_slow_batches() -> Generator[None]:
    """Raise where vmap would loop over single operations: a loop over restarts is faster, and as general."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "There is a performance drop")
        yield


def _agree(one: Tensor, other: Tensor) -> bool:
    """Up to rounding: a batch adds up in another order."""
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True)


@contextmanager
def _explained(declaration: "LearnedFunction") -> Generator[None]:
    """Raise what is wrong with a module as one line."""
    try:
        yield
    except NtptError:
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise _refused(
            declaration,
            expected=f"{declaration.module_name} to make a network of inputs "
            f"{', '.join(map(_rows, declaration.input_shapes))}",
            got=f"{type(error).__name__}" + (f" ({first})" if first else ""),
            remedy="correct the module: it is called with each declared input as a batch",
        ) from error


def _refused(declaration: "LearnedFunction", *, expected: str, got: str, remedy: str) -> LibraryError:
    return LibraryError(f"learnable function {declaration.name!r}", expected=expected, got=got, remedy=remedy)
