"""What is printed is what it is called, at any width; counts of any size, and choices that are left open."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Line, MeanFieldPosterior, ProgramPosterior, induce
from ntpt_pyro.report.plain_console import NARROWEST, plain_console, print_heading, print_line
from ntpt_pyro.report.posterior_report import print_posterior
from ntpt_pyro.report.program_text import print_believed, print_marginals, print_rows
from ntpt_pyro.runs.open_choices import left_open, lines_of
from tests.two_registers import execute, sum_task

ROOT = Path(__file__).parents[2]
ODD = "[red] [/x] :smile: https://a.b [bold]c[/]"


def printed(function, *arguments, columns="80", monkeypatch=None) -> list[str]:
    to = io.StringIO()
    if monkeypatch is not None:
        monkeypatch.setenv("COLUMNS", columns)
    function(plain_console(to), *arguments)
    return to.getvalue().splitlines()


def test_texts_are_never_markup():
    assert printed(print_line, ODD) == [ODD]
    assert "".join(printed(print_heading, ODD, ODD)) == ODD + ODD
    assert printed(print_rows, {"[a]": ODD}) == [f"[a]  {ODD}"]


@pytest.mark.parametrize("room", ["ntpt_pyro/cli", "ntpt_pyro/report", "experiments"])
def test_reports_print_texts_in_one_way(room):
    """A string that rich is given is markup, unless its console says otherwise."""
    wrong = re.compile(r"from rich\.markup|\[(bold|dim|italic)\]")
    for path in (ROOT / room).glob("*.py"):
        assert not wrong.search(path.read_text(encoding="utf-8")), path.name


def test_a_console_has_columns_enough(monkeypatch):
    for columns, width in (("0", 80), ("1", NARROWEST), ("20", NARROWEST), ("100", 100), ("1000000", 1000)):
        monkeypatch.setenv("COLUMNS", columns)
        assert plain_console(io.StringIO()).width == width


def marginals_of(names, words):
    """The lines of a table of marginals."""
    task = sum_task(words=lambda site, integer: words[integer])
    result = induce(task, restarts=2, steps=9).result
    result = replace(result, words=dict.fromkeys(names, words))
    probs = torch.tensor([0.75, 0.25, 0.0])
    return printed(print_marginals, result, MeanFieldPosterior(dict.fromkeys(names, probs)))


def test_long_names_shorten_the_bars_first():
    found = marginals_of(["choice", "a_choice_of_a_rather_long_name"], ["a", "b", "c"])
    assert [len(line.split()) for line in found[1:]] == [5, 5, 5]
    assert 5 < found[2].count("█") < 15
    assert max(map(len, found)) <= 80


def test_longer_ones_go_on_below_and_numbers_stay_whole():
    found = marginals_of(["short", "x" * 70], ["word " * 9, "b", "c"])
    assert max(map(len, found)) <= 80
    assert "█" not in "".join(found)
    for number in ("0.750", "0.562", "probability", "entropy"):
        assert any(number in line.split() for line in found)
    assert "".join(found).count("x") == 70


def test_what_is_believed_stands_below_lines_that_are_too_long():
    long = Line("register = " + "f(" * 40, sites=("function",))
    result = replace(induce(sum_task(), restarts=2, steps=9).result, lines=[long])
    posterior = MeanFieldPosterior({"function": torch.tensor([0.5, 0.3, 0.2]), "return": torch.ones(3) / 3})
    first, second = printed(print_believed, result, posterior)
    assert first == f"    {long.text}"
    assert second.startswith(" " * 8)
    assert "(or" in second


def test_figures_go_on_below_themselves():
    found = printed(print_rows, {"name": "word " * 30, "longer name": "x"})
    assert found[1].startswith(" " * 13 + "word")
    assert max(map(len, found)) <= 80
    assert found[-1] == "longer name  x"


def test_counts_have_any_size_and_say_what_they_count():
    found = induce(sum_task(execute=execute), strategy="exhaustive")
    cost = replace(found.result.cost, programs=2 * 10**5000, left=7)
    for programs in (cost.programs, "about 2.0e5000"):
        result = replace(found.result, cost=replace(cost, programs=programs), settings=10**15, entropy=2000.0)
        text = "\n".join(printed(print_posterior, result, found.posterior))
        assert ", the exact posterior of about 2.0e5000 programs given" in text
        assert re.search(r"joint settings that explain all examples +about 1\.0e15\n", text)
        assert re.search(r"programs, what they do not read open +7\n", text)
        assert "as 10^869 equally likely" in " ".join(text.split())


def test_a_choice_that_is_left_open_is_any():
    columns = {"function": torch.tensor([1, 0]), "return": torch.tensor([-1, 2])}
    posterior = ProgramPosterior(columns, torch.tensor([0.6, 0.4]).log(), {"function": 3, "return": 3})
    task, best = sum_task(), posterior.mode()
    assert best == {"function": 1, "return": 0}
    assert left_open(posterior, best) == {"return"}
    assert left_open(posterior, {"function": 0, "return": 2}) == set()
    assert left_open(posterior, {"function": 2, "return": 2}) == set()
    assert left_open(MeanFieldPosterior({"function": torch.ones(3) / 3}), best) == set()
    lines = lines_of(task, best, posterior)
    assert [line.text for line in lines][-1] == "return = any"
    assert lines[-1].sites == ()
    assert [line.text for line in lines_of(task, best, None)][-1] == "return = 0"
    written = sum_task(source=lambda p: [Line("all of it", sites=("return",)), Line("x", sites=())])
    assert [line.text for line in lines_of(written, best, posterior)] == ["all of it", "x"]
