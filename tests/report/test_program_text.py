"""A program as it is printed: beside each line how probable its words are, and what else there might be."""

import io

import torch
from rich.console import Console

from ntpt_pyro import Line, MeanFieldPosterior, induce
from ntpt_pyro.report.program_text import print_believed, print_marginals
from ntpt_pyro.runs.headings import GUIDE, POSTERIOR, heading_of
from tests.two_registers import sum_task

ONES = {"function": 0, "return": 2}


def printed(function, function_probs, return_probs, lines) -> list[str]:
    posterior = MeanFieldPosterior(
        {"function": torch.tensor(function_probs), "return": torch.tensor(return_probs)}
    )
    task = sum_task(source=lambda program: lines, words=lambda site, n: f"{site[0]}{n}")
    result = induce(task, restarts=8, steps=150).result
    assert result.choices == ONES
    to = io.StringIO()
    function(Console(file=to, width=80, highlight=False), result, posterior)
    return to.getvalue().splitlines()


def test_a_sure_line_has_a_number_an_unsure_one_its_words():
    lines = [Line("add", sites=("function",)), Line("return it", sites=("return",)), Line("end")]
    found = printed(print_believed, [0.95, 0.03, 0.02], [0.1, 0.3, 0.6], lines)
    assert [line.split() for line in found] == [
        ["add", "0.95"],
        ["return", "it", "0.60", "(or", "r1:", "0.30)"],
        ["end"],
    ]


def test_a_line_of_several_choices_names_each():
    lines = [Line("add and return", sites=("function", "return"))]
    (found,) = printed(print_believed, [0.95, 0.03, 0.02], [0.1, 0.3, 0.6], lines)
    assert found.split()[3:] == ["f0:", "0.95", "r2:", "0.60", "(or", "r1:", "0.30)"]


def test_of_a_dead_line_nothing_is_believed():
    lines = [Line("add", sites=("function",), dead=True), Line("return", sites=("return",))]
    found = printed(print_believed, [0.95, 0.03, 0.02], [0.1, 0.3, 0.6], lines)
    assert found[0].split() == ["add", "#", "dead"]


def test_marginals_have_a_row_a_choice():
    found = printed(print_marginals, [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [Line("x")])
    assert found[0] == "the guide's probabilities of the choices, each by itself"
    assert found[2].split() == ["function", "f0", "1.000", "█" * 20, "0.000"]
    assert found[3].split() == ["return", "r2", "0.500", "█" * 10, "1.040"]


def test_only_a_guides_probabilities_are_called_so():
    assert POSTERIOR == "posterior of the choices, each by itself"
    kinds = {"exhaustive": POSTERIOR, "enumeration": POSTERIOR, "marginal": GUIDE, "em": GUIDE}
    for strategy, heading in kinds.items():
        assert heading_of(induce(sum_task(), strategy=strategy, restarts=1, steps=3).result) == heading


def test_no_row_ends_in_blanks():
    lines = [Line("add", sites=("function",)), Line("return it", sites=("return",)), Line("x", sites=())]
    for function in (print_believed, print_marginals):
        found = printed(function, [0.95, 0.03, 0.02], [0.1, 0.3, 0.6], lines)
        assert len(found) > 2
        assert found == [line.rstrip() for line in found]
