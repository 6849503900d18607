"""What a run shows itself with in a notebook: the answer, the program, what programs compute, figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntpt_pyro import _html
from ntpt_pyro.bounds import in_digits
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.posterior.posterior_html import marginals_table
from ntpt_pyro.runs.answer_words import held_out, how_sure, restarts_right, right_or_not
from ntpt_pyro.runs.believed_words import believed_lines, said_lines
from ntpt_pyro.runs.headings import heading_of
from ntpt_pyro.runs.results import FoundBehaviour, LearnedResult, PosteriorResult, ProgramResult, SolvedResult

if TYPE_CHECKING:
    from markupsafe import Markup

BEHAVIOURS = 8
"""What programs compute: so many of the most probable are listed."""
VERDICTS = {True: "right", False: "wrong", None: "not judged"}


def run_html(result: ProgramResult, posterior: Posterior, *, title: str = "") -> str:
    """A run in HTML.

    :param result: of the run.
    :param posterior: of its choices.
    :param title: the name that stands above; the task's where none is given.
    :returns: with the style that it needs.
    """
    about = f"{result.task}, " if title else ""
    source = result.data.get("train")
    learned = f"from {source}" if source else ""
    about += f"{result.kind} by {result.strategy} {learned}".strip()
    parts = [
        _html.head(title or result.task, about),
        _answer(result),
        _html.program(believed_lines(result, posterior)),
    ]
    if isinstance(result, (LearnedResult, PosteriorResult)) and len(result.behaviours) > 1:
        parts.append(_html.opening("what programs compute", _behaviours(result, result.behaviours)))
    if not isinstance(result, SolvedResult) and posterior.marginals:
        parts.append(_html.opening(heading_of(result), marginals_table(posterior, result.word)))
    parts.append(_html.figures(_figures(result)))
    return _html.block(*parts)


def _answer(result: ProgramResult) -> "Markup":
    """Whether the program is right, how sure that is, how well it does on what was held out."""
    sure = how_sure(result) if isinstance(result, (LearnedResult, PosteriorResult)) else _proved(result)
    words = " ".join(part for part in (sure, held_out(result)) if part)
    return _html.fragment(
        "<div>{{ verdict }} {{ words }}</div>",
        verdict=_html.verdict(result.program_correct, right_or_not(result)),
        words=words,
    )


def _proved(result: ProgramResult) -> str:
    """What a solver proved of the program."""
    if not isinstance(result, SolvedResult):
        return ""
    best = "Proved the best." if result.status == "optimal" else "Not proved the best in the time it had."
    determined = {
        "determined": " The examples determine what it computes.",
        "undetermined": " The examples leave open what it computes.",
    }
    return best + determined.get(result.determined or "", "")


def _behaviours(result: ProgramResult, behaviours: Sequence[FoundBehaviour]) -> "Markup":
    """What programs compute, each opening to its shortest program."""
    rows = []
    for one in behaviours[:BEHAVIOURS]:
        programs = "one program" if one.programs == 1 else f"{in_digits(one.programs)} programs"
        text = _html.program(said_lines(result, one.lines, one.choices))
        rows.append(
            (
                f"{one.probability:.3g}",
                _html.bar(one.probability),
                _html.verdict(one.right, VERDICTS[one.right]),
                _html.opening(programs, text),
            )
        )
    return _html.table(("probability", "", "", "the shortest of"), rows, numbers={0})


def _figures(result: ProgramResult) -> dict[str, str]:
    """Figures that the answer does not say."""
    rows = {}
    if result.test_accuracy is not None and not result.held_out:
        rows["accuracy"] = f"{result.test_accuracy:.1%}"
    rows |= {f"accuracy on {name}": f"{share:.1%}" for name, share in result.trials.items()}
    rows |= {f"{name} reads {one.what}": f"{one.accuracy:.1%} right" for name, one in result.readings.items()}
    if result.restarts is not None and result.restarts_correct is not None:
        rows["restarts right"] = restarts_right(result)
    if result.log_evidence is not None:
        exact = isinstance(result, PosteriorResult)
        rows["log-evidence"] = f"{'' if exact else 'lower bound about '}{result.log_evidence:.2f} nats"
    steps = f"{result.steps:,} steps, " if result.steps else ""
    rows["took"] = f"{steps}{result.seconds:.1f} s; seed {result.seed}"
    return rows | result.facts
