"""The answer of a run, at the top of its page: the program, right or not, how sure, all figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report import learned_report, posterior_report, solved_report
from ntpt_pyro.report.page.bars import Bar, bar
from ntpt_pyro.report.page.program_part import ShownLine, shown_lines, written_lines
from ntpt_pyro.runs.answer_words import how_sure, own_behaviour, restarts_right, right_or_not
from ntpt_pyro.runs.headings import heading_of
from ntpt_pyro.runs.results import (
    FoundBehaviour,
    LearnedResult,
    PosteriorResult,
    ProgramResult,
    SolvedResult,
    SolverQuestion,
)

MARKS = {True: "right", False: "wrong", None: "open"}
"""What a verdict is called in the page's style."""
SHOWN = 12
"""Behaviours that are listed at most."""
MOST_CHOICES, MOST_ALTERNATIVES = 60, 12
"""Choices, and alternatives of each, that are listed at most."""
FIGURES: dict[type[ProgramResult], Callable[[Any], dict[str, str]]] = {
    LearnedResult: learned_report.figures,
    PosteriorResult: posterior_report.figures,
    SolvedResult: solved_report.figures,
}
"""For each kind of result what says its figures."""


@dataclass(frozen=True)
class Tile:
    """A figure that is seen first.

    :param number: the figure.
    :param says: what it is.
    """

    number: str
    says: str


@dataclass(frozen=True)
class ShownBehaviour:
    """What some programs compute.

    :param bar: its probability, named by rank.
    :param programs: how many there are, in words.
    :param mark: ``right``, ``wrong`` or ``open``.
    :param says: whether it is right, in words.
    :param lines: the shortest program.
    """

    bar: Bar
    programs: str
    mark: str
    says: str
    lines: list[ShownLine]


@dataclass(frozen=True)
class ShownChoice:
    """A choice and all its alternatives.

    :param site: its name.
    :param bars: of the alternatives, those of the program marked.
    """

    site: str
    bars: list[Bar]


@dataclass(frozen=True)
class Question:
    """An input on which programs differ.

    :param inputs: in words.
    :param gives: what each of the two programs gives.
    :param lines: of the other program, where it is written out.
    """

    inputs: list[str]
    gives: list[tuple[str, str]]
    lines: list[ShownLine] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What a run found.

    :param mark: ``right``, ``wrong`` or ``open``.
    :param headline: the verdict in words.
    :param sure: how sure it is, in words.
    :param tiles: figures to be seen first.
    :param lines: the program.
    :param shaded: whether the probabilities of its words are known.
    :param behaviours: what programs compute, the most probable first.
    :param more_behaviours: so many more are kept with the run.
    :param heading: what the probabilities of the choices are.
    :param choices: the first of them.
    :param more_choices: so many more there are.
    :param questions: inputs that tell programs apart, as a solver found them.
    :param figures: all figures, by what they are.
    """

    mark: str
    headline: str
    sure: str
    tiles: list[Tile]
    lines: list[ShownLine]
    shaded: bool
    behaviours: list[ShownBehaviour]
    more_behaviours: int
    heading: str
    choices: list[ShownChoice]
    more_choices: int
    questions: list[Question]
    figures: dict[str, str]


def answer_of(result: ProgramResult, posterior: Posterior) -> Answer:
    """What the page says first.

    :param result: of the run.
    :param posterior: of its choices.
    :returns: the contents of the page's first part.
    """
    solved = isinstance(result, SolvedResult)
    figures = dict(FIGURES[type(result)](result))
    return Answer(
        mark=MARKS[result.program_correct],
        headline=right_or_not(result),
        sure=_sure(result, figures),
        tiles=_tiles(result),
        lines=shown_lines(result, posterior),
        shaded=not solved and bool(posterior.marginals),
        behaviours=[
            _behaviour(result, rank, one) for rank, one in enumerate(result.behaviours[:SHOWN], start=1)
        ],
        more_behaviours=len(result.behaviours[SHOWN:]),
        heading=heading_of(result),
        choices=[] if solved else _choices(result, posterior),
        more_choices=max(0, len(posterior.marginals) - MOST_CHOICES),
        questions=_questions(result) if isinstance(result, SolvedResult) else [],
        figures=figures,
    )


def _sure(result: ProgramResult, figures: dict[str, str]) -> str:
    """How sure the answer is."""
    if isinstance(result, LearnedResult | PosteriorResult):
        return how_sure(result)
    return f"Proof: {figures.get('proof', 'none')}."


def _tiles(result: ProgramResult) -> list[Tile]:
    """The figures that are seen first."""
    tiles = []
    if result.test_accuracy is not None:
        of = "of test examples right" if result.held_out else "of its own examples right"
        tiles.append(Tile(_percent(result.test_accuracy), of))
    own = own_behaviour(result) if isinstance(result, LearnedResult | PosteriorResult) else None
    if own is not None:
        tiles.append(Tile(_percent(min(own.probability, 1)), "sure of what it computes"))
    for name, reading in result.readings.items():
        tiles.append(Tile(_percent(reading.accuracy), f"of {reading.what} read right by {name}"))
    if result.restarts and result.restarts_correct is not None:
        tiles.append(Tile(restarts_right(result), "restarts found a right program"))
    return tiles


def _percent(share: float) -> str:
    """A share as a person reads it.

    >>> _percent(1.0), _percent(0.8424)
    ('100%', '84.2%')
    """
    return "100%" if share == 1 else f"{share:.1%}"


def _behaviour(result: ProgramResult, rank: int, one: FoundBehaviour) -> ShownBehaviour:
    says = {True: f"right on {result.domain}", False: "wrong", None: "not judged"}
    count = "one program" if one.programs == 1 else f"{in_digits(one.programs)} programs"
    return ShownBehaviour(
        bar=bar(f"{rank}", one.probability),
        programs=count,
        mark=MARKS[one.right],
        says=says[one.right],
        lines=written_lines(result, one.lines, one.choices),
    )


def _choices(result: ProgramResult, posterior: Posterior) -> list[ShownChoice]:
    """The first choices, each with its most probable alternatives."""
    found = []
    for site, probs in islice(posterior.numpy().items(), MOST_CHOICES):
        said = result.choices.get(site)
        best = {n for n in (-probs).argsort(kind="stable")[:MOST_ALTERNATIVES].tolist() if n != said}
        shown = sorted({*best, said} if said is not None else best)
        bars = [bar(result.word(site, n), float(probs[n]), marked=n == said) for n in shown]
        found.append(ShownChoice(site, bars))
    return found


def _questions(result: SolvedResult) -> list[Question]:
    """The example to ask for next, and the programs of other behaviour."""
    found = []
    if result.question is not None:
        found.append(_question(result.question, ("this program gives", "another one gives"), []))
    for other in result.others:
        lines = written_lines(result, other.lines, other.choices)
        found.append(_question(other.shown_by, ("the program above gives", "this one gives"), lines))
    return found


def _question(question: SolverQuestion, who: tuple[str, str], lines: Sequence[ShownLine]) -> Question:
    reads = [f"{name} reads {read}" for name, read in question.readings.items()]
    return Question(
        [*question.inputs, *reads],
        list(zip(who, (question.expected, question.other), strict=True)),
        list(lines),
    )
