"""What stands in a notebook's cell: of every object that a user ends one with, whatever names are in it."""

import re

import pyro
import pytest
import torch

from ntpt_pyro import MeanFieldPosterior, Task, choice, find_task, induce, observe, one_hot, switch
from ntpt_pyro.inference import (
    ForwardMarginals,
    MeanChoices,
    RelaxedChoices,
    Strategy,
    exact_posterior,
    marginal,
)
from ntpt_pyro.inference.posterior.posterior_html import MOST_CHOICES
from ntpt_pyro.runs import RunFolder
from tests.small import keep_run

BAD = "<script>'\"&"
SAFE = "&lt;script&gt;&#39;&#34;&amp;"
X = torch.arange(6) % 3
HOW = {
    "learned": {"restarts": 2, "steps": 30},
    "posterior": {"strategy": "exhaustive"},
    "solved": {"strategy": "solver"},
}

SURE = {"learned": "The guide gives", "posterior": "What it computes", "solved": "Proved the best."}
"""How sure a run of each kind is begins so."""


def model(x, y=None):
    """What <script>'"& does."""
    line = choice("line" + BAD, 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 3), one_hot((x + 1) % 3, 3)]), y)


def bad_task():
    return Task(
        model,
        examples=(X, X),
        name="task" + BAD,
        words=lambda site, n: f"{BAD}{n}",
        judge=lambda program: not program["line" + BAD],
    )


@pytest.fixture(scope="module", params=HOW)
def run(request, tmp_path_factory):
    """A run of each kind, whose names are all HTML, and its folder."""
    folder = tmp_path_factory.mktemp("runs") / f"{request.param}<i>"
    return request.param, induce(bad_task(), **HOW[request.param], out=folder), RunFolder(folder)


def text_of(html):
    """What is read of it."""
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)


def expect_escaped(html):
    assert "<script" not in html.replace("<style>", "")
    assert SAFE in html


def test_a_run_begins_with_its_answer_and_its_program(run):
    kind, found, _ = run
    html = found._repr_html_()
    expect_escaped(html)
    text = text_of(html)
    assert text.split()[0] == "task" + SAFE
    order = [
        f"{kind} by {found.result.strategy}",
        "Right on what its judge tries.",
        SURE[kind],
        f"line{SAFE} =",
        f"{SAFE}0",
        "seed 0",
    ]
    place = 0
    for part in order:
        place = text.index(part, place)
    assert ('data-p="' in html) == (kind != "solved")


def test_a_folder_shows_the_run_in_it(run):
    _, found, folder = run
    html = folder._repr_html_()
    expect_escaped(html)
    assert "&lt;i&gt;" in html
    assert "<i>" not in html
    assert f"Right on {found.result.domain}." in html


def test_a_folder_without_a_run_says_so(tmp_path):
    assert "no such folder" in RunFolder(tmp_path / "none")._repr_html_()


def test_a_program_that_is_not_judged_or_wrong_says_so(tmp_path):
    folder = RunFolder(keep_run(tmp_path / "run", "task", {}))
    assert '<span class="ntpt-unknown">Not judged' in folder._repr_html_()


def test_what_programs_compute_opens_to_the_shortest_of_each():
    found = induce(bad_task(), restarts=1, steps=1, init_scale=0.0)
    assert len(found.result.behaviours) == 2
    html = found._repr_html_()
    rows = html[html.index("what programs compute") : html.index("each by itself")].split("<tr>")[2:]
    for row, one in zip(rows, found.result.behaviours, strict=True):
        assert f">{one.probability:.3g}<" in row
        assert ("ntpt-right" in row) == one.right
        assert "<details><summary>one program</summary>" in row
    assert {("ntpt-right" in row, f"{SAFE}0" in row) for row in rows} == {(True, True), (False, False)}


def test_posteriors_show_their_choices_and_their_programs():
    exact = exact_posterior(model, (X, X))
    for one in (
        exact,
        exact.posterior,
        exact.posterior.drawn(5),
        MeanFieldPosterior(exact.posterior.marginals),
    ):
        html = one._repr_html_()
        expect_escaped(html)
        assert "most probable" in text_of(html)
    html = MeanFieldPosterior({"a": torch.tensor([0.25, 0.75])}, log_evidence=-2.0)._repr_html_()
    text = " ".join(text_of(html).split())
    assert "over 2 programs of 1 choice, log-evidence -2 nats, entropy 0.562 nats" in text
    assert "a 1 0.750 0.562" in text
    assert "the 2 most probable programs" in text
    assert "0.75 a = 1 0.25 a = 0" in text


def test_of_many_choices_some_are_left_out_and_it_says_how_many():
    many = MeanFieldPosterior({f"c{n}": torch.tensor([1.0]) for n in range(MOST_CHOICES + 3)})
    html = many._repr_html_()
    assert html.count("<tr>") == 1 + MOST_CHOICES
    assert "and 3 more" in html
    assert "over 1 program of 0 choices" in MeanFieldPosterior({})._repr_html_()


def test_a_task_says_what_it_learns_and_is_judged_by_and_loads_nothing():
    html = bad_task()._repr_html_()
    expect_escaped(html)
    assert "What &lt;script&gt;" in html
    task = find_task("add2x2/top")
    text = " ".join(text_of(task._repr_html_()).split())
    assert "learns net_0 (28, 28) -&gt; 0..9" in text
    assert "a program is right on all 10,000 grids of digits" in text
    assert "images" not in vars(task)


def test_a_strategy_says_what_its_treatments_do():
    text = text_of(marginal()._repr_html_())
    assert "MeanChoices()" in text
    assert "A choice yields the mean of its distribution" in text
    own = Strategy(
        choices=MeanChoices(), steps=ForwardMarginals(), sites={BAD: RelaxedChoices(temperature=0.5)}, kl=0
    )
    expect_escaped(own._repr_html_())
    assert "left out of the objective" in own._repr_html_()
    by_function = Strategy(choices=MeanChoices(), steps=ForwardMarginals(), sites=lambda site: None)
    assert "by a function" in by_function._repr_html_()
