"""Results of trying models of MATH on expressions of every length: of one model, and of all over seeds."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ntpt_pyro.experiments.measures import Ranged, Rate
from ntpt_pyro.runs.results import Result


@dataclass(frozen=True)
class LengthPoint:
    """How many results of so many expressions ("tapes") of so many digits are right.

    :param by_networks: of a program on images, how many are right where the most probable readings of both
        networks are executed, of one of them (by its name) with what the other reads replaced by the symbols
        themselves, or of none.
    """

    digits: int
    tapes: int
    right: int
    accuracy: float
    by_networks: dict[str, int] | None = None


@dataclass(frozen=True)
class AccuracyByLength(Result):
    """One model of one seed on one kind of input.

    :param trained_on: digits of the expressions that it was trained on.
    :param parameters: of its networks; None for a program without any.
    :param seconds: of its training.
    :param readings: by network the share of single symbols that it reads right.
    """

    kind: ClassVar[str] = "accuracy_by_length"
    curve: list[LengthPoint]
    trained_on: list[int]
    parameters: int | None
    seconds: float
    options: dict[str, Any]
    versions: dict[str, str]
    commit: str | None
    program: list[str] | None = None
    program_correct: bool | None = None
    readings: dict[str, float] | None = None
    data: dict[str, str] | None = None


@dataclass(frozen=True)
class RangedPoint(Ranged):
    """A :class:`LengthPoint` over seeds; the range is of accuracies."""

    digits: int
    tapes: int
    right: list[int]
    by_networks: dict[str, Ranged] | None


@dataclass(frozen=True)
class ModelByLength:
    """An :class:`AccuracyByLength` over seeds; the program is that of the first."""

    trained_on: list[int]
    parameters: int | None
    seconds: Ranged
    curve: list[RangedPoint]
    options: dict[str, Any]
    right_programs: Rate | None
    program: list[str] | None
    readings: dict[str, Ranged] | None


@dataclass(frozen=True)
class Generalization(Result):
    """Several models over several seeds, by kind of input and model, and the command that gives them."""

    kind: ClassVar[str] = "generalization"
    command: str
    seeds: list[int]
    data: dict[str, str] | None
    inputs: dict[str, dict[str, ModelByLength]]
    versions: dict[str, str]
    commits: list[str]
