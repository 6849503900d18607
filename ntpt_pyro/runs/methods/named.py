"""Every way of inducing programs by its name: the one place where a name becomes an algorithm."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

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


FUNCTIONS = {
    "exact": "exhaustive",
    "exact_posterior": "exhaustive",
    "expectation_maximisation": "em",
    "solve": "solver",
}
"""What functions of Python, and earlier names, are called here."""


ABOUT = {
    "marginal": "every choice at its mean, steps at their marginals; default",
    "fmgd": "marginal without a KL term: TerpreT's gradient descent",
    "relaxed": "Gumbel-softmax samples of the choices, for exploring",
    "enumeration": "all choices and steps summed over: exact, for small models",
    "enumerated-choices": "all choices summed over, steps at their marginals",
    "straight-through": "relaxed, with one-hot samples",
    "marginal-joint": "marginal; control variables stay joint, for loops",
    "relaxed-joint": "relaxed; control variables stay joint, for loops",
    "em": "all programs tried, and networks taught by their posterior",
    "exhaustive": "the exact posterior over all programs; trains nothing",
    "solver": "the best program, proved by a solver",
}
"""What those are that are ready-made."""


def method_names() -> list[str]:
    """The names that ``--strategy`` takes.

    :returns: those of strategies, then those of methods.

    >>> {"marginal", "exhaustive", "em", "solver"} <= set(method_names())
    True
    """
    return [*STRATEGIES, *METHODS]


def about(name: str) -> str:
    """What a way of inference is, in a line.

    :param name: one of :func:`method_names`.
    :returns: the line; of one that is not ready-made the first of its docstring.
    """
    made = METHODS.get(name) or STRATEGIES[name]
    return ABOUT.get(name) or (made.__doc__ or "").strip().split("\n")[0]


def has_guide(strategy: str) -> bool:
    """Whether the probabilities of choices are a guide's: not where a strategy sums over all of them.

    :param strategy: its name, or what describes one of one's own.
    :returns: whether they are.
    """
    return strategy not in STRATEGIES or STRATEGIES[strategy]().choices.kl_applies


def method_of(strategy: str | Strategy, untrained: Sequence[str] = ()) -> Method:
    """The way of inference of a name, or of a strategy of one's own.

    :param strategy: one of :func:`method_names`, or a strategy that restarts are trained under.
    :param untrained: functions that it has to teach.
    :returns: the method.
    :raises UsageError: where there is none of that name.
    """
    if isinstance(strategy, Strategy):
        return RestartsMethod(strategy)
    name = str(strategy)
    if untrained and name in TEACHING:
        return TEACHING[name]()
    if name in METHODS:
        return METHODS[name]()
    if name in STRATEGIES:
        return RestartsMethod(STRATEGIES[name]())
    near = get_close_matches(str(strategy), [*method_names(), *FUNCTIONS], n=1, cutoff=0.5)
    raise UsageError(
        "strategy",
        expected=f"one of {', '.join(method_names())}",
        got=repr(strategy),
        remedy=f"pick one, such as {FUNCTIONS.get(near[0], near[0])}" if near else "pick one",
    )


def ignored_settings(
    strategy: str | Strategy, names: Iterable[str], untrained: Sequence[str] = ()
) -> list[str]:
    """Settings that a way of inference does not look at.

    :param strategy: see :func:`method_of`.
    :param names: of settings.
    :param untrained: functions that it has to teach.
    :returns: those of them.
    """
    ignored = method_of(strategy, untrained).ignored
    return [name for name in names if name in ignored]
