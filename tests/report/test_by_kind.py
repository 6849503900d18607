"""What is printed of a result: by its kind, in 80 columns, whatever words a task has."""

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ntpt_pyro import Line, induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.report.by_kind import PRINTED, print_few, print_kept, print_ranked, print_result, ranked
from ntpt_pyro.report.learned_report import figures as learned_figures
from ntpt_pyro.report.posterior_report import figures as posterior_figures
from ntpt_pyro.runs.results import PROGRAM_KINDS
from tests.two_registers import execute, sum_task

WORDS = ["[/b]", "[red]", "[bold]x[/]"]
LEARNED = {"restarts": 4, "steps": 90}
EXACT = {"strategy": "exhaustive"}


def odd_task(**more):
    """A task whose words rich would take for its own."""
    return sum_task(
        words=lambda site, integer: WORDS[integer],
        source=lambda p: [Line(f"[{WORDS[p['function']]}]", sites=("function",)), Line("[/]", dead=True)],
        execute=execute,
        name="[/task]",
        **more,
    )


def printed(function, *arguments) -> str:
    to = io.StringIO()
    function(Console(file=to, width=80, highlight=False), *arguments)
    return to.getvalue()


def test_there_is_a_function_for_each_kind():
    assert set(PRINTED) == set(PROGRAM_KINDS.values())


@pytest.mark.parametrize("how", [LEARNED, EXACT], ids=["learned", "posterior"])
def test_words_of_a_task_are_printed_as_they_are(how):
    found = induce(odd_task(), **how)
    text = printed(print_result, found.result, found.posterior)
    assert "[/task]" in text.splitlines()[1]
    for word in ("[[/b]]", "[/]"):
        assert word in text
    row = next(line for line in text.splitlines() if line.startswith("return "))
    assert row.split()[1] in ("[/b]", "[red]", "[bold]x[/]")
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_figures_of_what_was_learned():
    result = induce(sum_task(execute=execute), restarts=8, steps=150).result
    rows = learned_figures(result)
    assert "program" not in rows  # the answer says it
    assert rows["accuracy"] == "100.0% of the examples that it was learned from"
    assert rows["restarts right"].startswith(f"{result.restarts_correct} of 8, 95% interval ")
    assert rows["training"].startswith("150 steps, ")
    assert rows["log-evidence"].startswith("lower bound about -")
    assert rows["log-evidence"].endswith(" nats, of 25 examples")
    assert rows["restarts right"].endswith(", after 1 search")
    several = learned_figures(replace(result, rounds=2, evidence_examples=None))
    assert several["restarts right"].endswith(", after 2 searches")
    assert several["log-evidence"].endswith(" nats")
    assert learned_figures(induce(sum_task(), strategy="em", steps=9).result)["search"].startswith(
        "all programs"
    )


def test_figures_of_an_exact_posterior():
    rows = posterior_figures(induce(sum_task(execute=execute), **EXACT).result)
    share, limit = rows["probability that what is computed is right"].split(" ", 1)
    assert float(share) > 0.99
    assert limit == "on these 25 examples"
    assert rows["accuracy"] == "100.0% of the examples that it was found by"
    assert rows["log-evidence"].endswith(" nats")
    assert rows["entropy"] == "0.00 nats, as one program"
    assert rows["probability of programs that were dropped"].startswith("at most ")


def test_an_entropy_is_a_number_of_programs():
    result = induce(sum_task(execute=execute), **EXACT).result
    for entropy, said in ((math.log(4), "as 4"), (11.5, "as 98,716"), (12.0, "as 10^5"), (99.0, "as 10^43")):
        row = posterior_figures(replace(result, entropy=entropy))["entropy"]
        assert row == f"{entropy:.2f} nats, {said} equally likely"
        assert len(row) <= 80 - len("probability that what is computed is right  ")


def test_facts_of_the_task_are_figures_too():
    class Knowing(type(sum_task())):
        def facts(self, program, library):
            return {"moon": f"full of {program['function']}"}

    task = Knowing(sum_task().model, sum_task()._examples.tensors)
    for how, figures in ((LEARNED, learned_figures), (EXACT, posterior_figures)):
        result = induce(task, **how).result
        assert figures(result)["moon"] == f"full of {result.choices['function']}"


@pytest.mark.parametrize("how", [LEARNED, EXACT], ids=["learned", "posterior"])
def test_the_most_probable_programs_are_printed_with_text_or_in_words(how):
    found = induce(odd_task(), **how)
    three = min(3, found.posterior.programs())  # of those that fit all examples there is one
    programs = ranked(found.result, found.posterior, three)
    assert [p for p, _ in programs] == [p for p, _ in found.posterior.top(three)]
    text = printed(print_ranked, found.result, programs, odd_task().lines)
    assert [line for line in text.splitlines() if "probability" in line] == [
        f"{rank}. probability {probability:.4g}" for rank, (_, probability) in enumerate(programs, start=1)
    ]
    assert "[[/b]]" in text
    text = printed(print_ranked, found.result, programs, None)
    assert f"    function = {WORDS[programs[0][0]['function']]}\n" in text


@pytest.mark.parametrize("how", [LEARNED, EXACT], ids=["learned", "posterior"])
def test_of_more_programs_than_there_are_all_are_shown(how):
    found = induce(sum_task(), **how)
    count = found.posterior.programs()
    programs = ranked(found.result, found.posterior, count + 1)
    assert programs == ranked(found.result, found.posterior, count)
    assert len(programs) == count
    assert printed(print_few, found.result, programs, count) == ""
    what = "1 program" if count == 1 else f"{count} programs"
    no_more = "there are no more" if how is LEARNED else "the run keeps no more"
    assert printed(print_few, found.result, programs, count + 1) == f"\n{what}: {no_more}\n"
    with pytest.raises(UsageError, match="--programs: expected a whole number of at least 1, got -1"):
        ranked(found.result, found.posterior, -1)


def test_where_a_run_is_kept_is_said_as_the_folder_is_called(tmp_path):
    assert printed(print_kept, tmp_path / "[/x]").replace("\n", "") == (
        f"kept in {tmp_path / '[/x]'}: ntpt show '{tmp_path / '[/x]'}'"
    )
    assert printed(print_kept, Path("my run")) == "kept in my run: ntpt show 'my run'\n"
    assert printed(print_kept, Path("run")) == "kept in run: ntpt show run\n"
    assert printed(print_kept, None) == "not kept: give --out FOLDER to keep the run\n"
