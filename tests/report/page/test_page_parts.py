"""Parts of a page: pictures, plots, what is said of training and of networks."""

import base64
from dataclasses import replace
from io import BytesIO

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.report.figure_files import empty_figure
from ntpt_pyro.report.page.examples_part import examples_of
from ntpt_pyro.report.page.inline_svg import STAND_INS, inline_svg
from ntpt_pyro.report.page.networks_part import networks_of
from ntpt_pyro.report.page.pictures import picture
from ntpt_pyro.report.page.runs_part import failed_run, shown_run
from ntpt_pyro.report.page.training_part import training_of
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
from ntpt_pyro.tasks.demonstrations.scene import Moment, Place, Scene
from tests.runs.reading import bright, reading_task
from tests.small import keep_run
from tests.two_registers import sum_task


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_picture_has_the_pixels_of_the_image(shape):
    from matplotlib.image import imread

    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    head, _, content = picture(image).partition(",")
    assert head == "data:image/png;base64"
    read = torch.from_numpy(imread(BytesIO(base64.b64decode(content)), format="png").copy())
    torch.testing.assert_close(read, (image * 255).round() / 255, atol=1e-6, rtol=0)


def test_a_plot_is_in_the_colours_of_the_page_and_its_text_is_text():
    figure, (axes,) = empty_figure(4, 2)
    axes.plot([0, 1], [0, 1], color=STAND_INS.accent)
    axes.set_title("R0 < R1 & so on")
    svg = str(inline_svg(figure, "some plot"))
    assert svg.startswith("<svg")
    assert "stroke: var(--accent)" in svg
    assert STAND_INS.accent not in svg
    assert "R0 &lt; R1 &amp; so on</text>" in svg
    for what in ("<style", "font-family", "#000000", "<?xml", 'id="p', "<metadata"):
        assert what not in svg


def test_two_plots_of_a_page_have_no_id_in_common():
    ids = []
    for name in ("one", "other"):
        figure, (axes,) = empty_figure(4, 2)
        axes.plot([0, 1], [0, 1])
        ids.append({part.split('"')[0] for part in str(inline_svg(figure, name)).split('id="')[1:]})
    assert ids[0] & ids[1] == set()


def scene() -> Scene:
    """Two arrays of places, of which one is written to."""
    places = [
        Place(word=w, name=n, begins=b)
        for w, n, b in (("3", "a[0]", True), ("1", "a[1]", False), ("0", "b", True))
    ]
    moments = [
        Moment("first", 1, [("1", 0.75), ("7", 0.25)], {"x": "1"}, ("x",), 2, stands=["3", "5", "0"]),
        Moment("second", None, values={"x": "1", "y": "2"}, wrote=("x", "y"), lines=(0, 3)),
    ]
    return Scene(places, 3, moments)


def test_a_scene_becomes_places_at_rows_and_columns_and_a_row_a_step():
    shown = shown_run(4, "Example 7", Demonstration((), (), "5", "6", scene=scene()), "ntpt evaluate run")
    assert [(one.row, one.column, one.array, one.index) for one in shown.places] == [
        *((0, 0, "a", "[0]"), (0, 1, "", "[1]"), (1, 0, "b", "")),
    ]
    assert (shown.key, shown.mark, shown.short, shown.outcome) == (
        "example-4",
        "wrong",
        "5, not 6",
        "result 5, not 6",
    )
    assert (shown.rows, shown.columns, shown.heads, shown.listed, shown.names) == (
        2,
        2,
        True,
        True,
        ["x", "y"],
    )
    first, second = shown.moments
    assert (first.at, first.where, first.lines, first.data) == ("1", "a[1]", "2", '{"x": "1"}')
    assert first.stands == '["3", "5", "0"]'
    assert [(one.word, one.number) for one in first.reads] == [("1", "0.75"), ("7", "0.25")]
    assert (second.at, second.lines, second.changes) == ("", "0 3", "x = 1, y = 2")
    assert [(cell.text, cell.changed) for cell in second.cells] == [("1", True), ("2", True)]


def test_a_run_without_a_scene_is_its_table_and_one_without_a_result_says_why():
    plain = shown_run(1, "Example 0", Demonstration(("step", "value"), [("x", "3")], "3"), "")
    assert plain.table == [["step", "value"], ["x", "3"]]
    assert (plain.mark, plain.moments) == ("open", [])
    failed = failed_run(2, "Example 1", "it never halts", "")
    assert (failed.mark, failed.outcome) == ("wrong", "no result: it never halts")


@pytest.mark.parametrize(
    ("choices", "judged", "lead"),
    [
        ({"function": 0, "return": 2}, True, "Tried on 25 examples; all results are right."),
        (
            {"function": 0, "return": 0},
            True,
            "Tried on 25 examples; the result is wrong on 20. The worst come first.",
        ),
        ({"function": 0, "return": 0}, False, "Tried on 25 examples."),
    ],
)
def test_the_worst_come_first_where_some_are_bad(monkeypatch, tmp_path, choices, judged, lead):
    if not judged:
        monkeypatch.setattr(Demonstration, "right", None)
    result = RunFolder(keep_run(tmp_path / "run", "task", choices)).program_result()
    assert examples_of(result, sum_task(), None, (), "")[0].lead == lead


def test_of_a_network_without_labelled_images_those_of_the_examples_are_shown():
    task, library = reading_task(), Library([bright], seed=0)
    assert networks_of(None, None, [], "gone").why_not == "gone"
    (bare,) = networks_of(task, library, [], "").shown
    assert (bare.accuracy, bare.table, bare.seen) == ("", [], [])
    assert bare.note == (
        "There are no labelled images of what it reads, so nothing says how well it reads them."
    )
    places = [
        Place(torch.full((2, 2), 0.5), reads=[(str(n), p), ("x", 1 - p)])
        for n, p in enumerate((0.9, 0.6, 0.7))
    ]
    run = Demonstration((), (), "1", scene=Scene(places, 3, []))
    (shown,) = networks_of(task, library, [run], "").shown
    assert [one.reads[0].word for one in shown.seen] == ["1", "2", "0"]  # the least sure first
    assert {one.says for one in shown.seen} == {""}
    assert shown.note.endswith("These are the images of the examples above that it is least sure of.")


def test_the_course_of_a_training_is_drawn_as_far_as_it_was_kept(tmp_path):
    def course(step: int, numbers: list[float]) -> Snapshot:
        return Snapshot(step, {"line": [0.5, 0.5]}, log_likelihoods=numbers, best=0)

    run = keep_run(tmp_path / "run", "mine", {"line": 1}, words={"line": ["NOOP", "A < B"]})
    untrained = RunFolder(run).program_result()
    result = replace(untrained, steps=20, restarts=2)
    part = training_of(result, [course(10, [-3.0, -2.0]), course(20, [-2.0, -1.0])])
    assert [plot.name for plot in part.plots] == ["log-likelihood", "choices"]
    assert "A &lt; B</text>" in part.plots[1].svg  # what was chosen
    assert part.lead.startswith("20 training steps in ")
    assert training_of(result, []).why_not == ("The run kept no history of it, so its way cannot be drawn.")
    assert training_of(untrained, []).why_not.startswith("Nothing was trained")
