"""Which examples a learned program is shown on: of some test examples those that it does worst on, first."""

from dataclasses import dataclass

from ntpt_pyro.errors import NtptError
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.task import Task

COUNT, SHOWN = 100, 12
"""Examples that are tried, and of these shown, where nothing is said."""
GOOD = 2
"""Rank of an example that is not known to go wrong."""


@dataclass(frozen=True)
class Tried:
    """A program on one example.

    :param asked: which example.
    :param words: by which ``ntpt evaluate`` is asked for it.
    :param demonstration: the run; None where there is none.
    :param failure: why there is none, in words.
    """

    asked: Asked
    words: str
    demonstration: Demonstration | None = None
    failure: str | None = None

    @property
    def right(self) -> bool | None:
        """Whether its result is right; None where that is not known."""
        return None if self.demonstration is None else self.demonstration.right

    @property
    def sureness(self) -> float:
        """How probable the least sure of the readings is that the run made; 1 where it made none."""
        scene = None if self.demonstration is None else self.demonstration.scene
        if scene is None:
            return 1.0
        made = [moment.reads for moment in scene.moments if moment.reads]
        made = made or [place.reads for place in scene.places if place.reads]
        return min((reads[0][1] for reads in made), default=1.0)


@dataclass(frozen=True)
class TriedExamples:
    """A program on some examples.

    :param examples: those to show, the worst first.
    :param tried: how many were tried.
    :param wrong: on how many of these the result was wrong.
    :param failed: on how many there was no result.
    """

    examples: tuple[Tried, ...]
    tried: int
    wrong: int
    failed: int


def tried_examples(
    task: Task, program: Program, library: Library | None, *, count: int = COUNT, shown: int = SHOWN
) -> TriedExamples:
    """Run a program on test examples, as ``ntpt evaluate`` does.

    First come those with a wrong result, then those that it fails on (one for each reason), then the others;
    among each the ones first of which some symbol was read least surely. A quarter of what is shown is kept
    for right results, where there are so many. Each run costs what ``ntpt evaluate`` does.

    :param task: the task.
    :param program: every choice's integer by site.
    :param library: the functions that it calls.
    :param count: examples that are tried at most: those of the first numbers, or drawn by the first seeds.
    :param shown: of these at most.
    :returns: the runs.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe, one_hot, switch
    >>> def model(x, y=None):
    ...     negated = choice("negated", 2)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", switch(negated, [one_hot(x, 2), one_hot(1 - x, 2)]), y)
    >>> task = Task(model, examples=(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1])))
    >>> tried = tried_examples(task, {"negated": 1}, None, shown=2)
    >>> [(one.words, one.right) for one in tried.examples], tried.tried, tried.wrong
    ([('--instance 2', False), ('--instance 0', True)], 3, 1)
    """
    numbered = task.numbered
    numbers = range(count if numbered is None else min(count, numbered))
    runs = [_tried(task, program, library, number, drawn=numbered is None) for number in numbers]
    reasons = {one.failure: one for one in reversed(runs) if one.failure is not None}
    kept = [one for one in runs if one.failure is None or reasons[one.failure] is one]
    kept.sort(key=lambda one: (_rank(one), one.sureness))  # stable: then by their numbers
    bad = [one for one in kept if _rank(one) < GOOD]
    good = kept[len(bad) :]
    first = min(len(bad), max(shown - len(good), shown - shown // 4))
    return TriedExamples(
        tuple(bad[:first] + good[: shown - first]),
        len(runs),
        sum(one.right is False for one in runs),
        sum(one.failure is not None for one in runs),
    )


def _tried(task: Task, program: Program, library: Library | None, number: int, *, drawn: bool) -> Tried:
    """A run on one example; what a task raises is kept, as one input that fails leaves others to show."""
    asked = Asked(seed=number) if drawn else Asked(instance=number)
    words = f"--seed {number}" if drawn else f"--instance {number}"
    try:
        return Tried(asked, words, task.demonstrate(program, library, asked))
    except NtptError as error:
        return Tried(asked, words, failure=str(error))
    except Exception as error:  # a task of one's own may raise anything
        return Tried(asked, words, failure=f"{type(error).__name__}: {error}")


def _rank(one: Tried) -> int:
    if one.right is False:
        return 0
    return 1 if one.failure is not None else GOOD
