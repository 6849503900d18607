"""Every way of inducing programs by its name: the one place where a name becomes an algorithm."""

from collections.abc import Callable, Sequence

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.strategies import STRATEGIES
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.runs.methods.em_method import EMMethod
from ntpt_pyro.runs.methods.exhaustive_method import ExhaustiveMethod
from ntpt_pyro.runs.methods.method import Method
from ntpt_pyro.runs.methods.restarts_method import RestartsMethod
from ntpt_pyro.runs.methods.solver_method import SolverMethod, TeachingSolverMethod

METHODS: dict[str, Callable[[], Method]] = {
    "em": EMMethod,
    "exhaustive": ExhaustiveMethod,
    "solver": SolverMethod,
}
"""Those that follow no gradient of the choices; beside them each strategy of
:data:`~ntpt_pyro.inference.STRATEGIES` trains restarts."""

TEACHING: dict[str, Callable[[], Method]] = {"solver": TeachingSolverMethod}
"""What some of them are where a function of the task is untrained."""


def method_names() -> list[str]:
    """The names that ``--strategy`` takes."""
    return [*STRATEGIES, *METHODS]


def method_of(strategy: str | Strategy, untrained: Sequence[str] = ()) -> Method:
    """The way of inference of a name, or of a strategy of one's own.

    :param strategy: one of :func:`method_names`, or a strategy that restarts are trained under.
    :param untrained: functions that it has to teach.
    :returns: the method.
    :raises UsageError: where there is none of that name.
    """
    if isinstance(strategy, Strategy):
        return RestartsMethod(strategy)
    if untrained and strategy in TEACHING:
        return TEACHING[strategy]()
    if strategy in METHODS:
        return METHODS[strategy]()
    if strategy in STRATEGIES:
        return RestartsMethod(STRATEGIES[strategy]())
    raise UsageError(
        "strategy", expected=f"one of {', '.join(method_names())}", got=repr(strategy), remedy="pick one"
    )
