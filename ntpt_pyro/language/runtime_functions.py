"""Integer functions lifted to the simplex: ``@runtime``.

A function ``f`` of integers is evaluated once on its whole domain and kept as a table. On values of the
simplex it acts by its multilinear extension (Gaunt et al. 2017, section 2.1),

    out[k] = sum over i, j of  1[f(i, j) = k] * x[i] * y[j],

which is the distribution of ``f`` if its arguments were independent, equals ``f`` at one-hot arguments, and
is linear in each argument. Cost of a call: ``prod(ranges) * out_range`` multiply-adds a batch element, for
large batches on the CPU only ``prod(ranges)``.
"""

import inspect
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, reduce
from typing import Any, SupportsIndex, overload

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import BudgetError, RangeError
from ntpt_pyro.language._contract import contract, joint_batch
from ntpt_pyro.language.overriding import overriding
from ntpt_pyro.language.table_product import TableProduct
from ntpt_pyro.language.values import Value, check_values

MOST_NUMBERS = 2**28
"""Combinations of arguments, times results, of a function on the simplex: 1 GiB."""
FEWEST_PAIRS = 2**16
"""Pairs of arguments, of all elements of a batch, from which on they are added up result by result."""
_only_products: ContextVar[bool] = ContextVar("only_matrix_products", default=False)


class RuntimeFunction:
    """An integer function and its multilinear extension; made by :func:`runtime`.

    Called with integers it is the function itself; called with values ``[*batch, n_i]`` it is the extension.

    :param function: a pure function of integers.
    :param ranges: the range of each argument: argument ``i`` takes ``0..ranges[i]-1``.
    :param out_range: results lie in ``0..out_range-1``.
    :raises RangeError: where the ranges are no list of integers, the signature does not fit them, or a
        result is out of range (the message names the arguments), or where Python cannot say how many
        arguments the function takes, as of ``max``.

    >>> add = RuntimeFunction(lambda a, b: a + b, [2, 2], 3)
    >>> add(1, 1)
    2
    >>> add(torch.tensor([0.5, 0.5]), torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.5000, 0.5000])
    """

    def __init__(self, function: Callable[..., int], ranges: Sequence[int], out_range: int) -> None:
        self.function = function
        self.name = getattr(function, "__name__", repr(function))
        arguments = _number_of_arguments(self.name, function)
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__qualname__ = getattr(function, "__qualname__", self.name)
        _check_ranges(self.name, ranges, out_range)
        self.ranges = tuple(ranges)
        self.out_range = out_range
        if arguments != len(self.ranges):
            raise RangeError(
                self.name,
                expected=f"{arguments} ranges, one an argument",
                got=f"{list(self.ranges)}",
                remedy="declare the range of each argument",
            )
        results = []
        for integers in itertools.product(*map(range, self.ranges)):
            result = int(function(*integers))
            if not 0 <= result < out_range:
                raise RangeError(
                    f"{self.name}({', '.join(map(str, integers))})",
                    expected=f"a result in 0..{out_range - 1}",
                    got=str(result),
                    remedy="enlarge the out range or reduce the result",
                )
            results.append(result)
        self.table: Int[Tensor, ...] = torch.tensor(results, device="cpu").reshape(self.ranges)
        """The function on its whole domain, ``[*ranges]``, int64, on the CPU."""
        self._indicators: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def __repr__(self) -> str:
        return f"<runtime {self.name}: {list(self.ranges)} -> {self.out_range}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickled by its name where its module has it under its name, as functions are."""
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:
            name: str = self.__qualname__
            return name
        return RuntimeFunction, (self.function, self.ranges, self.out_range)

    def indicator(self, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "domain out_range"]:
        """The tensor ``1[f(...) = k]`` with all arguments flattened into one axis.

        :param dtype: floating type.
        :param device: where it is wanted; one copy is kept for each type and device.
        :returns: ``[prod(ranges), out_range]``.
        :raises BudgetError: where it would take more than :data:`MOST_NUMBERS`.
        """
        key = (dtype, device)
        if key not in self._indicators:
            self._check_numbers()
            flat = torch.eye(self.out_range, dtype=dtype, device="cpu")[self.table.flatten()]
            self._indicators[key] = flat.to(device)
        return self._indicators[key]

    @overload
    def __call__(self, *arguments: int) -> int: ...

    @overload
    def __call__(self, *arguments: Value) -> Value: ...

    def __call__(self, *arguments: Any) -> Any:
        """The multilinear extension.

        :param arguments: one value for each argument, ``[*batch, ranges[i]]``; batches broadcast. At integers
            it is the function itself.
        :returns: ``[*batch, out_range]``, in probability space; of integers an integer.
        :raises RangeError: where the number or the ranges of the arguments do not match the table, or one is
            neither a value nor an integer.
        """
        if arguments and all(isinstance(argument, int) for argument in arguments):
            return self._of_integers(arguments)
        check_values(self.name, *arguments)
        got = tuple(argument.shape[-1] for argument in arguments)
        if got != self.ranges:
            raise RangeError(
                self.name,
                expected=f"arguments of ranges {list(self.ranges)}",
                got=f"{list(got)}",
                remedy="the sizes of choices and values must match the function's table",
            )
        other = overriding(arguments)
        if other is not None:
            made: Value = other.ntpt_function(self, arguments)
            return made
        first, *others = arguments
        same_batch = joint_batch(*(argument.shape for argument in arguments))
        if same_batch and self._adds_up(arguments):
            self._check_numbers()
            return self._product(*arguments)
        indicator = self.indicator(first.dtype, first.device)
        if same_batch:
            if len(arguments) < 3:
                return reduce(outer, arguments) @ indicator
            # The last argument last: an outer product of all would be the largest tensor by far.
            *joint, last = arguments
            partial = reduce(outer, joint) @ indicator.reshape(-1, last.shape[-1] * self.out_range)
            return contract(last, partial.unflatten(-1, (last.shape[-1], self.out_range)))
        partial = first @ indicator.reshape(first.shape[-1], -1)  # f with its first argument filled in
        for argument in others:
            partial = contract(argument, partial.unflatten(-1, (argument.shape[-1], -1)))
        return partial

    def _check_numbers(self) -> None:
        """Raise where there are too many arguments times results."""
        numbers = self.table.numel() * self.out_range
        if numbers > MOST_NUMBERS:
            raise BudgetError(
                self.name,
                expected=f"at most {MOST_NUMBERS:,} arguments times results",
                got=f"{numbers:,}",
                remedy="make the ranges smaller, or split the function in two",
            )

    @cached_property
    def _product(self) -> TableProduct:
        return TableProduct(self.table, self.out_range)

    def _adds_up(self, arguments: Sequence[Value]) -> bool:
        """Whether adding up the pairs of each result is faster than a matrix product."""
        first, *others = arguments
        if not others or first.device.type != "cpu" or _only_products.get() or _in_functorch():
            return False
        pairs = first.shape[:-1].numel() * self.table.shape[: max(2, len(arguments) - 1)].numel()
        return pairs >= FEWEST_PAIRS

    def _of_integers(self, integers: tuple[int, ...]) -> int:
        """The function at integers of its domain."""
        fits = len(integers) == len(self.ranges)
        if not (fits and all(0 <= one < n for one, n in zip(integers, self.ranges, strict=True))):
            raise RangeError(
                self.name,
                expected=f"{len(self.ranges)} integers in ranges {list(self.ranges)}",
                got=f"{list(integers)}",
                remedy="correct them, or declare larger ranges",
            )
        return int(self.table[integers])


@contextmanager
def only_matrix_products() -> Iterator[None]:
    """Let no function add up pairs, for what is compiled: torch's inductor gives other sums there."""
    token = _only_products.set(True)
    try:
        yield
    finally:
        _only_products.reset(token)


def _in_functorch() -> bool:
    """Whether one of torch.func's transforms is at work, which know of matrix products only."""
    return torch._C._are_functorch_transforms_active()


def _number_of_arguments(name: str, function: object) -> int:
    """How many arguments a function takes; raises where it does not say so, as some of Python's own."""
    try:
        return len(inspect.signature(function).parameters)  # type: ignore[arg-type]  # what cannot be called is told
    except (TypeError, ValueError) as error:
        raise RangeError(
            name,
            expected="a function of which Python knows the arguments",
            got=f"{function!r:.60}, which has no signature",
            remedy=f"write the arguments, as in runtime([10, 10], 10)(lambda a, b: {name}(a, b))"
            if callable(function)
            else "give a function of integers",
        ) from error


def _check_ranges(name: str, ranges: object, out_range: object) -> None:
    """Raise where ranges are no list of whole numbers, or that of the result is none."""
    listed = isinstance(ranges, Iterable) and not isinstance(ranges, str)
    if not (listed and all(isinstance(one, SupportsIndex) for one in [*ranges, out_range])):  # type: ignore[misc]  # mypy does not see that it is listed
        raise RangeError(
            name,
            expected="a list of ranges, one an argument, and the result's range, as in @runtime([10], 10)",
            got=f"ranges {ranges!r:.40} and {out_range!r:.40}",
            remedy="write whole numbers, those of the arguments in [ ]",
        )


def outer(left: Value, right: Value) -> Value:
    """Two values as one: the flattened outer product along their last axes.

    :param left: ``[*batch, n]``.
    :param right: ``[*batch, m]``.
    :returns: ``[*batch, n * m]``.
    """
    return (left.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2)


def runtime(ranges: Sequence[int], out_range: int) -> Callable[[Callable[..., int]], RuntimeFunction]:
    """Decorate an integer function so that it also acts on values of the simplex.

    :param ranges: the range of each argument.
    :param out_range: the range of the result.
    :returns: a decorator that yields a :class:`RuntimeFunction`; the plain function stays as ``.function``.
    :raises RangeError: see :class:`RuntimeFunction`.

    >>> from ntpt_pyro import constant
    >>> @runtime([3, 3], 3)
    ... def add(a, b):
    ...     return (a + b) % 3
    >>> add(constant(2, 3), torch.tensor([0.5, 0.5, 0.0]))
    tensor([0.5000, 0.0000, 0.5000])
    >>> add.function(2, 2)
    1
    """

    def decorate(function: Callable[..., int]) -> RuntimeFunction:
        return RuntimeFunction(function, ranges, out_range)

    return decorate
