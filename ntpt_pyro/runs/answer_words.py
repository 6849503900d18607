"""The answer of a run in a few words: whether its program is right, how sure that is, how well it reads."""

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.runs.headings import GUIDE, heading_of
from ntpt_pyro.runs.results import FoundBehaviour, LearnedResult, PosteriorResult, ProgramResult
from ntpt_pyro.tasks.task import BEHAVIOUR_EXAMPLES


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
    computes = f"it computes{on_these(result)}"
    whose = f"The guide gives what {computes}" if heading_of(result) == GUIDE else f"What {computes} has"
    several = isinstance(result, PosteriorResult) and own.programs > 1  # all there are, none of them drawn
    together = f", that of {in_digits(own.programs)} programs together" if several else ""
    best = result.behaviours[0].probability
    more = f" Another behaviour is more probable: {best:.3g}." if best > own.probability else ""
    return f"{whose} probability {min(own.probability, 1):.3g}{together}.{more}"


def on_these(result: LearnedResult | PosteriorResult) -> str:
    """What a probability of what is computed is limited to: the given examples, where no others are known.

    :param result: of the run.
    :returns: in words, after a space; nothing where programs were told apart by more.
    """
    if result.told_apart_on is None:
        return ""
    if result.told_apart_on == BEHAVIOUR_EXAMPLES:  # there may be more
        return f" on the first {BEHAVIOUR_EXAMPLES} examples"
    return " on this example" if result.told_apart_on == 1 else f" on these {result.told_apart_on:,} examples"


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
