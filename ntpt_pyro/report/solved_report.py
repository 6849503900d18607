"""What a person sees of a program that a solver found."""

from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.answer import accuracies, print_answer
from ntpt_pyro.report.behaviour_list import print_few
from ntpt_pyro.report.plain_console import print_heading, print_line
from ntpt_pyro.report.program_text import print_rows, print_source
from ntpt_pyro.runs.answer_words import held_out, right_or_not
from ntpt_pyro.runs.results import SolvedResult, SolverQuestion

if TYPE_CHECKING:
    from rich.console import Console

BOTH = ("this program gives", "another one gives")
"""What the two programs of a question are called."""
SHOWN = 8
"""Numbers of examples that are written out."""


def print_solved(console: "Console", result: SolvedResult, posterior: Posterior, top: int = 0) -> None:
    """Print the best program, what is proved of it, and the example to ask for next.

    :param console: where to.
    :param result: of the run.
    :param posterior: not shown: a solver knows which program is best, not how probable others are.
    :param top: behaviours to show, this program's first; 0 shows all that are kept.
    """
    print_heading(console, result.task, f", solved from {result.data.get('train', '')}\n")
    print_source(console, result.lines)
    print_answer(console, [right_or_not(result), _how_sure(result), held_out(result)])
    print_line(console)
    print_rows(console, figures(result))
    if result.question is not None:
        print_line(console, "\nthe example to ask for next: programs that explain the examples differ on it")
        print_question(console, result.question)
    others = result.others[: top - 1] if top else result.others
    for number, other in enumerate(others, start=1):
        print_line(console, f"\nanother behaviour, {number} of {len(result.others)}")
        print_source(console, other.lines)
        print_question(console, other.shown_by, ("the program above gives", "this one gives"))
    print_few(console, 1 + len(result.others), top)


def print_question(console: "Console", question: SolverQuestion, who: tuple[str, str] = BOTH) -> None:
    """Print an input on which two programs differ.

    :param console: where to.
    :param question: the input, and what they give.
    :param who: what the two are called.
    """
    for line in question.inputs:
        print_line(console, f"    {line}")
    for name, read in question.readings.items():
        print_line(console, f"    {name} reads {read}")
    width = max(map(len, who))
    for name, results in zip(who, (question.expected, question.other), strict=True):
        print_line(console, f"    {name:<{width}}  {results}")


def figures(result: SolvedResult) -> dict[str, str]:
    """The figures of a solved run, a line each.

    :param result: of the run.
    :returns: by what it is, the figure in words.
    """
    rows = {"proof": _proof(result)}
    if result.contradiction:
        rows["contradiction"] = _contradiction(result)
    if result.unexplained:
        rows["unexplained"] = _numbered(result, result.unexplained)
    if result.simplicity is not None:
        rows["simplest"] = _simplicity(result)
    rows["determined"] = _determined(result)
    if result.no_others:
        rows["other behaviours"] = f"none but the {len(result.others)} below" if result.others else "none"
    if result.asked:
        rows["asked for"] = _count(result.asked, "example")
    rows |= accuracies(result, "found by")
    rows["solver"] = (
        f"{result.clauses:,} clauses, {result.asserted} of {result.examples} examples, {result.seconds:.1f} s"
    )
    return rows | result.facts


def _how_sure(result: SolvedResult) -> str:
    """What is proved, in a sentence or two."""
    best = "Proved best." if result.status == "optimal" else "Not proved best."
    leave = {"determined": "settle", "undetermined": "leave open"}.get(result.determined or "")
    return best if leave is None else f"{best} The examples {leave} what it computes."


def _proof(result: SolvedResult) -> str:
    gap = result.cost - result.bound
    if result.reads:
        known = f"log-likelihood {-result.cost:.2f} nats"
        if result.status != "optimal":
            return f"none yet: {known}, another program could have up to {-result.bound:.2f}"
        same = f"; none of the same results is more than {gap:.2g} nats more likely" if gap > 0.01 else ""
        return f"no program of other results is as likely ({known}){same}"
    count = len(result.unexplained)
    known = f"explains {result.examples - count} of {_count(result.examples, 'example')}"
    if result.status != "optimal":
        return f"none yet: {known}, another program could explain {gap:.0f} more"
    return (
        f"{known}, no program explains more"
        if count
        else f"explains all of {_count(result.examples, 'example')}"
    )


def _contradiction(result: SolvedResult) -> str:
    numbers = _numbered(result, result.contradiction)
    if len(result.contradiction) == 1:
        return f"{numbers}: no program explains it"
    fewest = ", but with any of them left out some program does" if result.smallest else ""
    return f"no program explains {numbers} together{fewest}"


def _numbered(result: SolvedResult, numbers: list[int]) -> str:
    """Examples by number, from 0; those that were asked for are answers, from 1."""
    given = result.examples - result.asked
    parts = [
        _listed("example", [n for n in numbers if n < given]),
        _listed("answer", [n - given + 1 for n in numbers if n >= given]),
    ]
    return " and ".join(part for part in parts if part)


def _listed(what: str, numbers: list[int]) -> str:
    if not numbers:
        return ""
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"{what}{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers[:SHOWN]))}{more}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def _simplicity(result: SolvedResult) -> str:
    assert result.simplicity is not None
    assert result.simplicity_bound is not None
    of = (
        None
        if result.choices_in_all is None
        else f"reads {result.simplicity} of {result.choices_in_all} choices"
    )
    what = of or f"cost {result.simplicity}"
    if result.simplicity_bound >= result.simplicity:
        among = " of those that explain the same examples" if result.unexplained else ""
        return f"{what}, proved {'fewest' if of else 'lowest'}{among}"
    return f"{what}, {result.simplicity_bound} at least"


def _determined(result: SolvedResult) -> str:
    which, them = ("the same examples", "the same") if result.unexplained else ("the examples", "them")
    words = {
        "determined": f"yes: no program that explains {which} differs on any input of the same size",
        "undetermined": f"no: programs that explain {them} differ on new inputs",
        "unknown": "not found out in time",
        None: "not asked",
    }
    if result.not_asked is not None:
        return f"not asked ({result.not_asked})"
    found = words[result.determined]
    if result.among_simplest == "determined":
        return f"{found}; the simplest ones do not"
    if result.among_simplest == "undetermined" and result.determined == "undetermined":
        return f"{found}, also among the simplest"
    return found
