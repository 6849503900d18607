"""The answer of a run in a few words: whether its program is right, how sure that is, how well it reads."""

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.runs.headings import GUIDE, heading_of
from ntpt_pyro.runs.results import FoundBehaviour, LearnedResult, PosteriorResult, ProgramResult


def right_or_not(result: ProgramResult) -> str:
    """Whether the program is right.

    :param result: of the run.
    :returns: in a sentence.
    """
    if result.program_correct is None:
        return "Not judged: the task has no judge."
    if result.program_correct:
        return f"Right on {result.domain}."
    return f"Wrong: it is not right on {result.domain}." if result.domain else "Wrong."


def how_sure(result: LearnedResult | PosteriorResult) -> str:
    """How probable it is that this is computed.

    :param result: of the run.
    :returns: in a sentence or two; nothing where it is not known.
    """
    own = own_behaviour(result)
    if own is None:
        return ""
    whose = "The guide gives what it computes" if heading_of(result) == GUIDE else "What it computes has"
    several = isinstance(result, PosteriorResult) and own.programs > 1  # all there are, none of them drawn
    together = f", that of {in_digits(own.programs)} programs together" if several else ""
    best = result.behaviours[0].probability
    more = f" Another behaviour is more probable: {best:.3g}." if best > own.probability else ""
    return f"{whose} probability {min(own.probability, 1):.3g}{together}.{more}"


def restarts_right(result: ProgramResult) -> str:
    """How many restarts found a right program.

    :param result: of the run, which says how many.
    :returns: in words, with those that were given up on the way.
    """
    given_up = result.given_up if isinstance(result, LearnedResult) else 0
    assert result.restarts is not None
    if not given_up:
        return f"{result.restarts_correct} of {result.restarts}"
    return f"{result.restarts_correct} of {result.restarts - given_up} (of {result.restarts} at first)"


def own_behaviour(result: LearnedResult | PosteriorResult) -> FoundBehaviour | None:
    """The behaviour of the run's program.

    :param result: of the run.
    :returns: one of those that are kept; None where it is none of them. Of an older run, which does not say,
        it is the right one where the program is right.
    """
    if result.behaviour is not None:
        return result.behaviours[result.behaviour]
    return next((one for one in result.behaviours if one.right and result.program_correct), None)


def held_out(result: ProgramResult) -> str:
    """How many examples that nothing was learned from are right.

    :param result: of the run.
    :returns: in a sentence; nothing where there are none.
    """
    known = result.held_out and result.test_accuracy is not None
    return f"Held-out accuracy: {result.test_accuracy:.1%}." if known else ""
