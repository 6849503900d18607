"""Learnable functions: NTPT's ``@Learn``.

``@learn([Tensor(28, 28)], 10, hid_sizes=[256, 256])`` declares a function from images to the integers 0..9.
A declaration has no weights; a :class:`~ntpt_pyro.Library` builds them, so that importing a model touches no
random state, and one function is shared by every task that calls it (Gaunt et al. 2017, section 2.2).

The network is fully connected unless a declaration brings one of its own: ``@learn([Tensor(28, 28)], 10,
module=CNN)`` for any torch module, see :class:`~ntpt_pyro.language.module_functions.ModuleFunction`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ntpt_pyro.errors import UsageError
from ntpt_pyro.language.module_functions import ModuleFunction
from ntpt_pyro.language.networks import Network as Network
from ntpt_pyro.language.networks import NeuralFunction as NeuralFunction


@dataclass(frozen=True, init=False)
class Tensor:
    """The type of a real-valued input or output of a learnable function, such as ``Tensor(28, 28)``.

    :param shape: the length of each axis.

    >>> Tensor(28, 28).shape
    (28, 28)
    """

    shape: tuple[int, ...]

    def __init__(self, *shape: int) -> None:
        object.__setattr__(self, "shape", shape)


@dataclass(frozen=True)
class LearnedFunction:
    """A declared learnable function: its name, types and layout, no weights.

    Equal declarations build equal networks from equal generators; so one with another ``module`` is another.

    :param name: the name it has in a library.
    :param inputs: for each input its integer range or its :class:`Tensor` type; inputs are concatenated.
    :param out: the integer range (softmax) or the :class:`Tensor` type (linear) of the result.
    :param hid_sizes: neurons in each hidden layer (ReLU).
    :param doc: what it is meant to compute.
    :param module: a class or function without arguments that makes the network, instead of ``hid_sizes``.
        Inputs are not concatenated then: see :class:`~ntpt_pyro.language.module_functions.ModuleFunction`.
    :raises UsageError: where there are both ``hid_sizes`` and a module, or the module cannot be called.

    >>> read = LearnedFunction("read", (Tensor(28, 28),), 10, hid_sizes=(256,))
    >>> read.name, read.out
    ('read', 10)
    """

    name: str
    inputs: tuple[int | Tensor, ...]
    out: int | Tensor
    hid_sizes: tuple[int, ...]
    doc: str = ""
    module: Callable[[], torch.nn.Module] | None = None

    def __post_init__(self) -> None:
        if self.module is None:
            return
        if self.hid_sizes:
            raise UsageError(
                f"learnable function {self.name!r}",
                expected="hid_sizes or a module",
                got="both",
                remedy="leave out hid_sizes: the module has layers of its own",
            )
        if isinstance(self.module, torch.nn.Module) or not callable(self.module):
            raise UsageError(
                f"learnable function {self.name!r}",
                expected="a class or function without arguments that makes a module",
                got=f"an object of class {type(self.module).__name__}",
                remedy="give the class itself, or a lambda: each restart needs a network of its own",
            )

    def __deepcopy__(self, memo: dict[int, Any]) -> "LearnedFunction":
        return self  # or a copied library's function would have another declaration than the library's

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Neurons in every layer of the fully connected network, from concatenated inputs to the output."""
        return (sum(map(_numbers, self.inputs)), *self.hid_sizes, _numbers(self.out))

    @property
    def input_shapes(self) -> list[tuple[int, ...]]:
        """The axes of each input behind those of the batch."""
        return [_shape(kind) for kind in self.inputs]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The axes of the result behind those of the batch."""
        return _shape(self.out)

    @property
    def module_name(self) -> str:
        """Where a module of one's own is defined, for people to read: nothing is imported by it."""
        made_by: Any = self.module.func if isinstance(self.module, functools.partial) else self.module
        named = made_by if hasattr(made_by, "__qualname__") else type(made_by)
        return f"{named.__module__}.{named.__qualname__}"

    def build(self, generator: torch.Generator, copies: int | None = None) -> Network:
        """Draw the weights.

        :param generator: source of the initial weights.
        :param copies: None for one function, R for R of them evaluated as one batch.
        :returns: the function as a module.
        :raises LibraryError: where a module of one's own cannot be made or evaluated.
        :raises RangeError: where its result has another shape than declared.
        """
        kind = NeuralFunction if self.module is None else ModuleFunction
        return kind(self, generator, copies)


def _numbers(kind: int | Tensor) -> int:
    return kind if isinstance(kind, int) else math.prod(kind.shape)


def _shape(kind: int | Tensor) -> tuple[int, ...]:
    return (kind,) if isinstance(kind, int) else kind.shape


def learn(
    inputs: Sequence[int | Tensor],
    out: int | Tensor,
    hid_sizes: Sequence[int] = (),
    *,
    module: Callable[[], torch.nn.Module] | None = None,
) -> Callable[[Callable[..., Any]], LearnedFunction]:
    """Declare a learnable function; the decorated function gives the name and the docstring.

    :param inputs: for each input its integer range or its :class:`Tensor` type.
    :param out: the integer range or :class:`Tensor` type of the result.
    :param hid_sizes: neurons in each hidden layer.
    :param module: what makes a network of one's own instead, see :class:`LearnedFunction`.
    :returns: a decorator that yields a :class:`LearnedFunction`.
    :raises UsageError: see :class:`LearnedFunction`.

    >>> @learn([Tensor(28, 28)], 10, hid_sizes=[256, 256])
    ... def net_0(image):
    ...     "The digit in an image."
    >>> net_0.layer_sizes
    (784, 256, 256, 10)
    """

    def decorate(function: Callable[..., Any]) -> LearnedFunction:
        return LearnedFunction(
            function.__name__, tuple(inputs), out, tuple(hid_sizes), function.__doc__ or "", module
        )

    return decorate
