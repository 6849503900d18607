"""The drawing of a posterior: what is in it, in whose panel, and that nothing of pyplot is touched."""

import sys

import pytest
import torch

from ntpt_pyro import MeanFieldPosterior
from ntpt_pyro.inference.posterior.panels import Panels, as_png, as_svg, new_panels
from ntpt_pyro.inference.posterior.posterior_drawing import MOST_NAMED
from tests.inference.posterior.posteriors import posterior_of, table_of

ROWS = [[3, 1], [1, 1, 2]]


def texts_of(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("made", [posterior_of, table_of])
def test_a_row_for_each_choice_and_a_cell_for_each_alternative(made):
    axes = made(ROWS).plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c0", "c1"]
    assert texts_of(axes) == ["0\n0.75", "1\n0.25", "0\n0.25", "1\n0.25", "2\n0.50"]
    opacities = [cell.get_facecolor()[3] for cell in axes.patches]
    assert opacities == pytest.approx([0.75, 0.25, 0.25, 0.25, 0.5], abs=1e-6)


def test_words_stand_for_alternatives_and_dollars_for_themselves():
    axes = MeanFieldPosterior({"$s_{i$": torch.tensor([0.5, 0.5])}).plot(words=lambda s, n: f"$w^{n}_")
    assert texts_of(axes) == ["$w^0_\n0.50", "$w^1_\n0.50"]
    text = axes._repr_html_()
    for word in ("$w^0_", "$s_{i$"):
        assert f">{word}<" in text


def test_it_is_drawn_on_a_panel_that_is_given():
    figure, (first, second) = new_panels(6, 2, columns=2)
    assert posterior_of(ROWS).plot(second) is second
    assert not first.patches
    assert len(second.patches) == 5
    assert second.figure is figure


def test_of_many_alternatives_only_the_most_probable_is_named():
    probs = torch.full((MOST_NAMED + 1,), 0.5 / MOST_NAMED)
    probs[7] = 0.5
    axes = MeanFieldPosterior({"wide": probs, "narrow": torch.tensor([0.0, 1.0])}).plot()
    assert texts_of(axes) == ["7 0.50", "1 1.00"]


def test_a_posterior_of_no_choices_is_an_empty_drawing():
    assert not MeanFieldPosterior({}).plot().patches


def test_panels_show_themselves_in_html_and_as_a_picture():
    axes = posterior_of(ROWS).plot()
    for shown in (axes, Panels([axes], axes.figure)):
        text = shown._repr_html_()
        assert text.startswith("<svg")
        assert text.endswith("</svg>\n")
        assert ">c0</text>" in text
        assert "#000000" not in text
        assert "currentColor" in text
        assert "<style" not in text
        assert shown._repr_png_().startswith(b"\x89PNG")


def test_names_in_any_script_are_drawn_without_a_warning():
    axes = MeanFieldPosterior({"选择": torch.tensor([1.0])}).plot(words=lambda s, n: "𐎀<b>&")
    assert "选择" in as_svg(axes.figure)
    assert "𐎀&lt;b&gt;&amp;" in as_svg(axes.figure)
    assert as_png(axes.figure)


def test_of_a_name_without_end_the_beginning_is_drawn():
    axes = MeanFieldPosterior({"x\a" * 5000: torch.tensor([1.0])}).plot(words=lambda s, n: "y" * 10000)
    assert [one.get_text() for one in axes.get_yticklabels()] == ["x\\x07" * 8 + "..."]
    assert [one.get_text() for one in axes.texts] == ["y" * 16 + "...\n1.00"]
    assert as_png(axes.figure)


def test_several_drawings_stand_on_one_page():
    axes = posterior_of(ROWS).plot()
    one, other = as_svg(axes.figure, "one"), as_svg(axes.figure, "other")
    ids = [{part.split('"')[0] for part in text.split(' id="')[1:]} for text in (one, other)]
    assert all(ids)
    assert not ids[0] & ids[1]
    assert as_svg(axes.figure, "one") == one


def test_nothing_of_pyplot_is_touched(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it fails
    axes = posterior_of(ROWS).plot()
    assert axes._repr_html_()
    assert axes._repr_png_()
