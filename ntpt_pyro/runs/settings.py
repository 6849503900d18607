"""What decides how a program is induced: typed settings, each with its bounds and its help, in one place."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from numbers import Integral, Real
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from ntpt_pyro.bounds import MOST_COUNTED, check_number
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.ways_to_run import COMPILE
from ntpt_pyro.runs.known_names import strategy_names

if TYPE_CHECKING:  # the command line reads settings before it knows whether torch is needed
    from ntpt_pyro.inference.handlers.strategy import Strategy


PRIORS = ("uniform", "fewest-read")
"""Priors over programs, by name."""


def setting(
    default: Any,
    about: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    values: Callable[[], Iterable[str]] | None = None,
    unset: str | None = None,
) -> Any:
    """A field of settings, with its bounds and what it is.

    :param default: its value where nothing is said.
    :param about: what it is, for the command line's help, which adds its values and its default.
    :param at_least: its smallest value.
    :param above: what it must be greater than.
    :param below: what it must be smaller than.
    :param at_most: its largest value.
    :param values: gives the names that it may be, for the command line; None where it is a number.
    :param unset: what is taken where it is None, in words.
    :returns: the field of a dataclass.
    """
    bounds = {"at_least": at_least, "above": above, "below": below, "at_most": at_most}
    told = {"about": about, "values": values, "unset": unset}
    return field(default=default, metadata={**told, "bounds": bounds})


def counted(
    default: int | None,
    about: str,
    *,
    at_least: int = 1,
    at_most: int = MOST_COUNTED,
    unset: str | None = None,
) -> Any:
    """A field of settings that counts something: whole, and never so many that no run would end.

    :param default: its value where nothing is said.
    :param about: what it is, for the command line's help.
    :param at_least: its smallest value.
    :param at_most: its largest value.
    :param unset: what is taken where it is None, in words.
    :returns: the field of a dataclass.
    """
    return setting(default, about, at_least=at_least, at_most=at_most, unset=unset)


def check_bounds(settings: Any) -> None:
    """Check that numbers are numbers, finite and within their bounds; those of NumPy become Python's.

    :param settings: a dataclass of fields that :func:`setting` made.
    :raises UsageError: names the first that is not.
    """
    for one in fields(settings):
        object.__setattr__(settings, one.name, checked_value(one, getattr(settings, one.name)))


def remedy_of(one: "Field[Any]", default: str | None, none: str = "None") -> str:
    """What to do about a value that a field cannot have.

    :param one: a field that :func:`setting` made.
    :param default: its default in words; None where it has none.
    :param none: how one writes that it is left open, where it may be.
    :returns: in words.
    """
    open_too = f"{none} leaves it open" if NoneType in get_args(one.type) else ""
    parts = ["" if default is None else f"the default is {default}", open_too]
    return ", ".join(part for part in parts if part) or "leave it out"


def checked_value(one: "Field[Any]", value: Any, remedy: str | None = None) -> Any:
    """Check the value of a field.

    :param one: a field that :func:`setting` made.
    :param value: that it is given.
    :param remedy: what to do about another one; None: see :func:`remedy_of`, with the field's own default.
    :returns: the value; a number as Python has it.
    :raises UsageError: where it is no number within the bounds, or no yes or no.
    """
    kinds = set(get_args(one.type) or (one.type,))
    if value is None and NoneType in kinds:
        return None
    remedy = remedy or remedy_of(one, None if one.default is None else str(one.default))
    if kinds == {bool} and not isinstance(value, bool):
        raise UsageError(one.name, expected="True or False", got=repr(value), remedy=remedy)
    if not {int, float} & kinds:
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(one.name, expected="a number", got=repr(value), remedy=remedy)
    number = int(value) if isinstance(value, Integral) else float(value)
    check_number(one.name, number, **one.metadata["bounds"], remedy=remedy)
    if int in kinds and not isinstance(number, int):
        raise UsageError(one.name, expected="a whole number", got=repr(value), remedy=remedy)
    return number if int in kinds else float(number)


def like(name: str, default: Any = None, about: str | None = None) -> Any:
    """A field of other settings with the bounds of one of :class:`Settings`.

    :param name: of that one.
    :param default: where it is another.
    :param about: where it is another.
    :returns: the field of a dataclass.
    """
    same = next(one for one in fields(Settings) if one.name == name)
    return setting(
        same.default if default is None else default,
        about or same.metadata["about"],
        **same.metadata["bounds"],
    )


@dataclass(frozen=True)
class Settings:
    """What decides how a program is induced, beside the task and its library.

    :param strategy: a name, see :func:`~ntpt_pyro.runs.method_names`, or a
        :class:`~ntpt_pyro.inference.Strategy`.
    :param examples: training examples.
    :param restarts: programs trained at once.
    :param steps: training steps of a search and of the training after it; each further search adds its own.
    :param search: of them at most so many, and never more than a third, train all restarts; None: all do.
    :param look: steps of a search between two looks at the examples held back, which end it when a restart
        explains them; None looks at its end only.
    :param halve: steps of a search after which the half of the restarts that explain least is given up, and
        after as many again another half, see :class:`~ntpt_pyro.inference.Halving`; None keeps all.
    :param rounds: searches at most, until one explains the examples held back.
    :param seed: of everything random.
    :param batch_size: examples a step of the search; None for all.
    :param settle_batch: examples a step after it; None for as many.
    :param choice_lr: learning rate of the choices.
    :param library_lr: learning rate of the networks.
    :param init_scale: standard deviation of the choices' initial logits.
    :param kl: weight of the KL term in the search, against one example's log-likelihood.
    :param kl_start: that it begins with, to fall to ``kl`` in the course of the search; None: it is ``kl``.
    :param dropout: whether networks drop inputs and hidden units while they learn after the search.
    :param averaging: decay of the average of their weights then, which is what is kept; 0 takes the last.
    :param own_networks: where the library is untrained, give each restart networks of its own.
    :param compile: how training steps are run, see :class:`~ntpt_pyro.inference.StepSettings`.
    :param test_examples: that the program is tried on, at most.
    :param tolerance: of an exhaustive search: the probability that programs may have that are dropped.
    :param memory: of an exhaustive search: that running programs may take, in MiB.
    :param prior: of an exhaustive search: ``uniform``, where every joint setting of the choices is as likely,
        or ``fewest-read``, see :func:`~ntpt_pyro.inference.fewest_read`.
    :param seconds: of a solver: a limit of time; what is known then is the result.
    :param alternatives: of a solver: programs of other behaviour to look for, that explain as much.
    :raises UsageError: where a number is not finite or out of its bounds.

    >>> Settings(restarts=1.5)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: restarts: expected a whole number, got 1.5; the default is 16
    """

    strategy: "str | Strategy" = setting("marginal", "the way of inference", values=strategy_names)
    examples: int = counted(1000, "training examples, of tasks that draw them")
    restarts: int = counted(16, "programs trained at once", at_most=10_000)
    steps: int = counted(
        1000,
        "training steps of a search and after it; further searches (--rounds) add theirs, and em takes as "
        "many as it needs, then trains on with what is left",
    )
    search: int | None = counted(300, "steps with all restarts; at most a third of --steps")
    look: int | None = counted(
        None,
        "steps between looks at examples held back, which end a search that explains them",
        unset="one look at its end",
    )
    halve: int | None = counted(
        None,
        "steps of a search after which the half of the restarts that explain least is given up; after as "
        "many again another half goes",
        unset="none is given up",
    )
    rounds: int = counted(3, "searches at most")
    seed: int = setting(0, "of everything random", at_least=0, below=2**32)
    batch_size: int | None = counted(32, "examples a step")
    settle_batch: int | None = counted(None, "examples a step after the search", unset="as before")
    choice_lr: float = setting(0.1, "learning rate of the choices", above=0, below=1e30)
    library_lr: float = setting(1e-3, "learning rate of the networks", above=0, below=1e30)
    init_scale: float = setting(
        3.0, "standard deviation of the choices' initial logits", at_least=0, below=1e30
    )
    kl: float = setting(0.03, "weight of the KL term in the search", at_least=0, below=1e30)
    kl_start: float | None = setting(
        None, "weight that it begins with, to fall to --kl", above=0, below=1e30, unset="that of --kl"
    )
    dropout: bool = setting(False, "networks drop inputs and hidden units after the search")
    averaging: float = setting(
        0.0, "decay of the average of weights kept after the search", at_least=0, below=1
    )
    own_networks: bool = setting(True, "each restart learns networks of its own where they are untrained")
    compile: str = setting(
        "auto",
        "how steps are run: by Pyro (none), recorded once and run again with the same result (jit; auto: "
        "once that pays off), or compiled to C++ (inductor: takes minutes and a C++ compiler, and the result "
        "differs by rounding)",
        values=lambda: COMPILE,
    )
    test_examples: int = counted(10_000, "test examples at most", at_most=10**6)
    tolerance: float = setting(
        1e-6,
        "exhaustive: probability that programs may have that are dropped on the way",
        at_least=0,
        below=1,
    )
    memory: int = counted(2048, "exhaustive: that running programs may take, in MiB", at_most=2**24)
    prior: str = setting("uniform", "exhaustive: the prior over programs", values=lambda: PRIORS)
    seconds: float = setting(300.0, "solver: limit of time, in seconds", at_least=0, below=1e9)
    alternatives: int = counted(
        0, "solver: programs of other behaviour to look for", at_least=0, at_most=10**6
    )

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_bounds(self)
        for name, known, more in (
            ("prior", PRIORS, "; exact_posterior takes priors of your own"),
            ("compile", COMPILE, ""),
        ):
            if getattr(self, name) not in known:
                raise UsageError(
                    name,
                    expected=f"one of {', '.join(known)}",
                    got=repr(getattr(self, name)),
                    remedy=f"pick one{more}",
                )
        if self.kl_start is not None and not self.kl:
            raise UsageError(
                "kl", expected="a weight above 0, which kl_start falls to", got="0", remedy="give one"
            )

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        strategy = self.strategy if isinstance(self.strategy, str) else self.strategy.describe()
        return {**asdict(replace(self, strategy="")), "strategy": strategy}

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """The settings with some of them changed.

        :param changes: by name.
        :returns: new settings.
        :raises UsageError: where there is no such setting, or a value is out of its bounds.
        """
        known = [one.name for one in fields(self)]
        for name in changes:
            if name not in known:
                near = get_close_matches(name, known, n=1) or [one for one in known if name in one.split("_")]
                raise UsageError(
                    "settings",
                    expected=f"names out of {', '.join(known)}",
                    got=repr(name),
                    remedy=f"did you mean {' or '.join(near)}?" if near else "correct it",
                )
        return replace(self, **changes)


def settings_of(options: Mapping[str, Any]) -> Settings:
    """The settings that a result says.

    :param options: of it.
    :returns: all settings, those by default that it does not say.
    """
    return Settings(**{one.name: options[one.name] for one in fields(Settings) if one.name in options})
