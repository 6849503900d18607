"""The drawing of a run: the panels that there is anything for, and what is in them."""

import pickle
from dataclasses import replace

import pytest

from ntpt_pyro import MeanFieldPosterior, induce
from ntpt_pyro.runs.headings import GUIDE, POSTERIOR
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.run_drawing import draw_run
from ntpt_pyro.runs.training_drawing import restart_lines
from tests.two_registers import execute, sum_task


@pytest.fixture(scope="module")
def learned():
    task = sum_task(execute=execute, words=lambda site, n: f"${n}$", source=lambda p: ["$a_{", "# no"])
    return induce(task, restarts=3, steps=60, search=20)


def titles(panels):
    return [axes.get_title("left") for axes in panels]


def test_a_learned_run_has_all_panels(learned):
    panels = learned.plot()
    marginals, computed, explained, right, choices = panels
    assert titles(panels)[0] == GUIDE
    assert "what programs compute" in computed.get_title("left")
    assert explained.get_title("left").endswith("in nats")
    assert right.get_title("left") == (
        "share of a few examples that each program gets right, of those held back where any are"
    )
    assert "probability of each choice" in choices.get_title("left")
    assert computed.texts[0].get_text().endswith("  $a_{")
    assert {axes.figure for axes in panels} == {panels.figure}
    assert "training step" in panels._repr_html_()
    assert len(marginals.patches) == 6


def test_the_posterior_of_a_run_is_shown_with_the_words_of_its_task(learned):
    posterior = learned.posterior
    shown = pickle.loads(pickle.dumps(posterior))
    drawn = shown.drawn(9)
    for one in (posterior, shown, posterior.given({"function": 1}), drawn, drawn.given({})):
        assert one.word("return", 2) == "$2$"
        panel = one.plot()
        assert [text.get_text().split()[0] for text in panel.texts] == ["$0$", "$1$", "$2$"] * 2
        assert ">$" in one._repr_html_()
    assert "function = $" in posterior._repr_html_()
    marginals = posterior.to_xarray(draws=2)["marginals"]
    assert marginals["return"].coords["return_alternative"].values.tolist() == ["$0$", "$1$", "$2$"]
    own = posterior.plot(words=lambda site, n: f"{site} {n}")
    assert own.texts[2].get_text().startswith("function 2")
    assert MeanFieldPosterior(posterior.marginals).word("return", 2) == "2"


def test_a_run_that_was_kept_knows_its_words(learned, tmp_path):
    task = sum_task(execute=execute, words=lambda site, n: f"word {n}")
    again = [induce(task, strategy="exhaustive", out=tmp_path / "run", resume=True) for _ in range(2)]
    assert [one.posterior.word("function", 1) for one in again] == ["word 1", "word 1"]
    assert again[0].posterior.words == again[1].posterior.words


def test_steps_are_to_scale_and_rows_are_named(learned):
    choices = learned.plot()[-1]
    assert [label.get_text() for label in choices.get_yticklabels()] == ["function", "return"]
    assert choices.get_xlim() == (0, 60)
    steps = [one.step for one in learned.snapshots]
    drawn = [line.get_xdata() for line in choices.get_lines() if len(line.get_xdata()) == len(steps)]
    assert [list(one) for one in drawn] == [steps] * 6


def test_the_line_of_the_best_restart_is_in_front(learned):
    kept, others = restart_lines(learned.snapshots, lambda one: one.log_likelihoods)
    best = learned.snapshots[0].best
    search = [one for one in learned.snapshots if one.log_likelihoods]
    assert kept == [(one.step, one.log_likelihoods[best]) for one in search]
    assert len(others) == 2
    *thin, bold = (line for line in learned.plot()[2].get_lines() if len(line.get_xdata()) == len(search))
    assert [len(thin), list(bold.get_ydata())] == [2, [value for _, value in kept]]
    assert all(line.get_linewidth() < bold.get_linewidth() for line in thin)


def test_a_run_without_training_has_no_course_of_it():
    found = induce(sum_task(execute=execute), strategy="exhaustive")
    assert titles(found.plot()) == [POSTERIOR, "what programs compute (green: right), the shortest of each"]


def test_a_history_of_an_older_version_has_the_choices_only(learned):
    old = [Snapshot(one.step, one.marginals) for one in learned.snapshots]
    _, panels = draw_run(learned.result, learned.posterior, old)
    assert len(panels) == 3


def test_a_run_whose_choices_were_enumerated_is_drawn(learned):
    none = [replace(one, marginals={}) for one in learned.snapshots]
    _, panels = draw_run(learned.result, learned.posterior, none)
    assert len(panels) == 4


def test_alternatives_of_its_tree_have_the_words_of_the_task(learned):
    tree = learned.to_xarray(10)
    assert tree["marginals"]["return_alternative"].values.tolist() == ["$0$", "$1$", "$2$"]
    assert tree["posterior"].sizes["draw"] == 10
