"""Results of trying models of MATH on expressions of every length: of one model, and of all over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ntpt_pyro.runs.results import Result
from ntpt_pyro.runs.statistics import Ranged, Rate, each_mean_and_range, mean_and_range, success_rate


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


Tried = dict[tuple[str, str], list[AccuracyByLength]]
"""By kind of input and model a result a seed."""


def summary(command: str, seeds: Sequence[int], tried: Tried) -> Generalization:
    """Sum up the results that a command gives, of which there is at least one."""
    every = [one for results in tried.values() for one in results]
    return Generalization(
        command=command,
        seeds=list(seeds),
        data=next((one.data for one in every if one.data is not None), None),
        inputs={
            what: {model: _over_seeds(results) for (kind, model), results in tried.items() if kind == what}
            for what in ("symbols", "images")
        },
        versions=every[0].versions,
        commits=sorted({str(one.commit) for one in every}),
    )


def _over_seeds(results: Sequence[AccuracyByLength]) -> ModelByLength:
    """One model on one kind of input."""
    some = results[0]
    verdicts = [one.program_correct for one in results if one.program_correct is not None]
    return ModelByLength(
        trained_on=some.trained_on,
        parameters=some.parameters,
        seconds=mean_and_range([one.seconds for one in results]),
        curve=[_point(points) for points in zip(*(one.curve for one in results), strict=True)],
        options={name: value for name, value in some.options.items() if name != "seed"},
        right_programs=success_rate(sum(verdicts), len(verdicts)) if verdicts else None,
        program=some.program,
        readings=each_mean_and_range([one.readings for one in results if one.readings])
        if some.readings
        else None,
    )


def _point(points: Sequence[LengthPoint]) -> RangedPoint:
    """A point of a curve over seeds."""
    tapes, counts = points[0].tapes, [one.by_networks for one in points if one.by_networks]
    shares = [{name: count / tapes for name, count in of.items()} for of in counts]
    return RangedPoint(
        **vars(mean_and_range([one.right / tapes for one in points])),
        digits=points[0].digits,
        tapes=tapes,
        right=[one.right for one in points],
        by_networks=each_mean_and_range(shares) if shares else None,
    )
