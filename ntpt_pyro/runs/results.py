"""What runs end with: a class a kind of result, written to and read from JSON with its kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ntpt_pyro._files import RUN, typed
from ntpt_pyro.language.program import Line

DIGITS = "net_0"
"""The network whose accuracy result.json also has as ``digit_accuracy``."""

Kind = TypeVar("Kind", bound="Result")


@dataclass(frozen=True)
class Result:
    """What every kind of result has: a dataclass of what JSON can hold, with the name of its kind."""

    kind: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """What result.json says of it, with its ``kind``."""
        from pydantic import TypeAdapter

        content: dict[str, Any] = TypeAdapter(type(self)).dump_python(self, mode="json")
        return {"kind": self.kind, **content}

    @classmethod
    def from_json(cls: type[Kind], content: Mapping[str, Any], where: Path) -> Kind:
        """The reverse of :meth:`to_json`.

        :param content: of result.json.
        :param where: that file, for messages.
        :returns: the result.
        :raises RunError: where a field is missing or of another type.
        """
        found: Kind = typed(content, cls, where, RUN)
        return found


@dataclass(frozen=True)
class Reading:
    """How well a function reads single symbols; it was never shown a label.

    :param what: it reads.
    :param accuracy: the share of test images that it reads right, in [0, 1].
    """

    what: str
    accuracy: float


@dataclass(frozen=True)
class FoundBehaviour:
    """Programs that compute the same.

    :param choices: of the shortest of them.
    :param probability: of all of them together.
    :param programs: how many they are.
    :param right: whether they are right; None where it is not known.
    :param lines: the text of the shortest.
    """

    choices: dict[str, int]
    probability: float
    programs: int
    right: bool | None
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ProgramResult(Result):
    """A program, how well it does, and what it was found with.

    :param task: its name.
    :param strategy: the way of inference.
    :param seed: of everything random.
    :param seconds: of the session that finished the run.
    :param versions: of the packages that the result depends on.
    :param found_by: the name that finds the task again.
    :param parameters: that the task was made with.
    :param test_accuracy: the share of test examples that are right; None where there are none.
    :param held_out: whether these are examples that nothing was learned from.
    :param digit_accuracy: how well ``net_0`` reads digits; None where there is no such network.
    :param program: its text.
    :param choices: every choice's integer by site.
    :param program_correct: whether it is right, judged by execution; None where it is not known.
    :param restarts: programs trained at once; None where none were.
    :param restarts_correct: of those that were left in the end so many are right; None where it is not known.
    :param steps: training steps in all.
    :param lines: its text, with the choices that each line says.
    :param words: by choice the word of each alternative.
    :param domain: what it was judged on, in words.
    :param trials: the share of the examples of further tests that is right, by name.
    :param readings: by function how well it reads.
    :param behaviours: what programs of the posterior compute, the most probable first.
    :param log_evidence: log p(data) in nats, exact or a lower bound; None where it is not known.
    :param facts: what else the task has to say.
    :param data: where the examples come from, in words.
    :param options: all settings.
    """

    task: str
    strategy: str
    seed: int
    seconds: float
    versions: dict[str, str]
    found_by: str
    parameters: dict[str, Any]
    test_accuracy: float | None
    held_out: bool
    digit_accuracy: float | None
    program: list[str]
    choices: dict[str, int]
    program_correct: bool | None
    restarts: int | None
    restarts_correct: int | None
    steps: int
    lines: list[Line]
    words: dict[str, list[str]]
    domain: str
    trials: dict[str, float]
    readings: dict[str, Reading]
    behaviours: list[FoundBehaviour]
    log_evidence: float | None
    facts: dict[str, str]
    data: dict[str, str]
    options: dict[str, Any]

    def __repr__(self) -> str:
        """Of which task it is and whether the program is right, in one line."""
        verdict = {True: "right", False: "wrong", None: "not judged"}[self.program_correct]
        return f"<{type(self).__name__} of {self.task}: {verdict}, by {self.strategy}, seed {self.seed}>"

    def word(self, site: str, integer: int) -> str:
        """The word for an alternative of a choice.

        :param site: the choice.
        :param integer: the alternative.
        :returns: the word.
        """
        known = self.words.get(site, [])
        return known[integer] if integer < len(known) else str(integer)


@dataclass(frozen=True, repr=False)
class LearnedResult(ProgramResult):
    """What training found.

    :param rounds: searches.
    :param held_back_accuracy: the share of the examples held back that the best restart got right.
    :param held_back_log_likelihood: of one of them under that restart's program, mean, in nats; None where no
        restarts were trained.
    :param search_steps: training steps of the search that found it.
    :param search_seconds: that all searches took, of the session that ended them; None where it is not known.
    :param how: the way of the search in words, where it was another than training restarts.
    :param lost: the share of the examples held back that training on ended with, where the search had
        explained more of them: then what the search found is kept. None where that was not so.
    :param evidence_examples: examples that the log-evidence is of; None in older results.
    :param behaviour: which of the behaviours the program has; None where it is none of those that are kept,
        and in older results.
    :param given_up: restarts that were given up on the way of the search, see
        :class:`~ntpt_pyro.inference.Halving`.
    :param told_apart_on: how many given examples say all that is known of what programs compute; None where
        the task has other inputs, and in older results.
    """

    kind: ClassVar[str] = "learned"
    rounds: int
    held_back_accuracy: float
    held_back_log_likelihood: float | None
    search_steps: int
    search_seconds: float | None = None
    how: str | None = None
    lost: float | None = None
    evidence_examples: int | None = None
    behaviour: int | None = None
    given_up: int = 0
    told_apart_on: int | None = None


@dataclass(frozen=True)
class RankedProgram:
    """One of the most probable programs.

    :param choices: every choice's integer by site.
    :param probability: its own.
    """

    choices: dict[str, int]
    probability: float


@dataclass(frozen=True)
class PosteriorCost:
    """What an exact posterior took.

    :param programs: there are; in words where they have thousands of digits.
    :param examples: each was tried on at most.
    :param seconds_at_most: as estimated before; None where it was not.
    :param seconds: that it took.
    :param evaluated: programs times examples that were run.
    :param left: programs that were not dropped.
    :param bytes_each: of memory that one of them takes.
    """

    programs: int | str
    examples: int
    seconds_at_most: float | None
    seconds: float
    evaluated: int
    left: int
    bytes_each: int


@dataclass(frozen=True, repr=False)
class PosteriorResult(ProgramResult):
    """An exact posterior over all programs.

    :param hidden: a bound on the probability of programs that were dropped.
    :param entropy: of the program, in nats.
    :param programs: the most probable ones.
    :param right_behaviours: the probability of all programs that are right; None where it is not known.
    :param cost: what it took.
    :param settings: joint settings of the choices that were not dropped; None in older results.
    :param way: in which it was found, in words.
    :param certain_labels: whether labels were taken as certain: then these are all that fit the examples.
    :param behaviour: which of the behaviours the program has; None where it is none of those that are kept,
        and in older results.
    :param told_apart_on: how many given examples say all that is known of what programs compute; None where
        the task has other inputs, and in older results.
    """

    kind: ClassVar[str] = "posterior"
    hidden: float
    entropy: float
    programs: list[RankedProgram]
    right_behaviours: float | None
    cost: PosteriorCost
    settings: int | str | None = None
    way: str = ""
    certain_labels: bool = False
    behaviour: int | None = None
    told_apart_on: int | None = None


@dataclass(frozen=True)
class SolverQuestion:
    """An input on which programs differ that explain the examples as well: the example to ask for next.

    :param inputs: in words, a line each tensor.
    :param readings: what learned functions are taken to read in it, by function in words.
    :param expected: what the result's program gives.
    :param other: what the other program gives.
    """

    inputs: list[str]
    readings: dict[str, str]
    expected: str
    other: str


@dataclass(frozen=True)
class AnotherProgram:
    """A program of another behaviour that explains the examples as well.

    :param choices: every choice's integer by site.
    :param lines: its text.
    :param shown_by: an input on which it differs.
    """

    choices: dict[str, int]
    lines: list[Line]
    shown_by: SolverQuestion


@dataclass(frozen=True, repr=False)
class SolvedResult(ProgramResult):
    """The best program by a solver, and what was proved.

    :param status: ``optimal``: proved best. ``feasible``: the best one known when time was over.
    :param cost: examples that it does not explain; where functions read, minus their log-likelihood in nats.
    :param bound: no program costs less.
    :param reads: whether functions read, which says what the cost is.
    :param examples: there are.
    :param asserted: of them so many were given to the solver.
    :param unexplained: the numbers of those that the program does not explain.
    :param contradiction: the numbers of examples that no program explains together; none where one does.
    :param smallest: whether each of them is known to be needed for that.
    :param simplicity: choices that the program reads, or what it costs as the task counts; None where that
        was not found out.
    :param simplicity_bound: of programs that explain as much none has less.
    :param choices_in_all: that could be read; None where the task counts otherwise.
    :param determined: whether the examples determine the behaviour on all inputs, in a word; None where it
        was not asked.
    :param among_simplest: the same of the programs that are as simple.
    :param not_asked: why it could not be asked.
    :param question: the example to ask for next.
    :param asked: how many examples were asked for.
    :param others: programs of other behaviour.
    :param no_others: whether there are no others.
    :param clauses: of the circuit.
    """

    kind: ClassVar[str] = "solved"
    status: str
    cost: float
    bound: float
    reads: bool
    examples: int
    asserted: int
    unexplained: list[int]
    contradiction: list[int]
    smallest: bool
    simplicity: int | None
    simplicity_bound: int | None
    choices_in_all: int | None
    determined: str | None
    among_simplest: str | None
    not_asked: str | None
    question: SolverQuestion | None
    asked: int
    others: list[AnotherProgram]
    no_others: bool
    clauses: int


PROGRAM_KINDS: dict[str, type[ProgramResult]] = {
    one.kind: one for one in (LearnedResult, PosteriorResult, SolvedResult)
}
"""The kinds of result that have a program."""
