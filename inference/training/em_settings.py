"""How the iterations of expectation maximisation are made, each number with its default and its range."""

from collections.abc import Iterable
from dataclasses import dataclass

from ntpt_pyro.bounds import check_count, check_number
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.callbacks import Callback
from ntpt_pyro.inference.training.step_settings import StepOptions


class EMOptions(StepOptions, total=False):
    """Keyword arguments of expectation maximisation, any of which may be left out.

    They are the fields of :class:`EMSettings`, and settings of the M steps, those of
    :func:`~ntpt_pyro.inference.fit`.
    """

    first: int
    steps: int
    sure: float
    iterations: int
    strategy: Strategy | None
    batch_size: int
    seed: int
    callbacks: Iterable[Callback]


@dataclass(frozen=True)
class EMSettings:
    """How the iterations of expectation maximisation are made.

    :param first: examples that the first posterior is of, at least 1.
    :param steps: training steps of an M step, at least 0.
    :param sure: the probability of a behaviour from which it may end, at least 0.
    :param iterations: the most, at least 1.
    :raises UsageError: names the first field that is out of its range.

    >>> EMSettings(first=16).iterations
    16
    """

    first: int = 8
    steps: int = 50
    sure: float = 0.99
    iterations: int = 16

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, least in (("first", 1), ("steps", 0), ("iterations", 1)):
            check_count(name, getattr(self, name), at_least=least)
        check_number("sure", self.sure, at_least=0)
