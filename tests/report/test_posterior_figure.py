"""The figure of a run: drawn in the format that its file's ending names, of any kind of result."""

import pytest

from ntpt_pyro import induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.report.posterior_figure import draw_posterior
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.headings import GUIDE
from tests.two_registers import execute, sum_task

HOW = {"learned": {"restarts": 2, "steps": 30}, "posterior": {"strategy": "exhaustive"}}


@pytest.mark.parametrize("kind", HOW)
@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_it_is_drawn(tmp_path, kind, ending, begins):
    found = induce(sum_task(execute=execute), **HOW[kind], out=tmp_path / "run")
    file = tmp_path / "new" / f"p.{ending}"
    snapshots = RunFolder(tmp_path / "run").snapshots()
    assert bool(snapshots) == (kind == "learned")
    draw_posterior(found.result, found.posterior, file, snapshots=snapshots)
    assert file.read_bytes().startswith(begins)


def test_words_and_snapshots_are_in_it(tmp_path):
    task = sum_task(words=lambda site, integer: f"word{integer}", source=lambda program: ["a line of it"])
    found = induce(task, restarts=2, steps=30, out=tmp_path / "run")
    both = []
    for snapshots in ([], RunFolder(tmp_path / "run").snapshots()):
        file = tmp_path / f"{len(snapshots)}.svg"
        draw_posterior(found.result, found.posterior, file, snapshots=snapshots)
        both.append(file.read_text())
    without, with_snapshots = both
    for text in ("word0", "word2", "function", "return", "a line of it", GUIDE):
        assert f"<!-- {text}" in without or text in without
    assert "training step" not in without
    assert "training step" in with_snapshots


def test_a_dollar_in_a_word_is_a_dollar(tmp_path):
    task = sum_task(words=lambda site, integer: f"$x{integer}$", source=lambda program: ["$a_ = $b^"])
    found = induce(task, restarts=2, steps=9)
    draw_posterior(found.result, found.posterior, tmp_path / "p.png")
    assert (tmp_path / "p.png").exists()


def test_another_ending_is_refused_and_nothing_is_written(tmp_path):
    found = induce(sum_task(), restarts=2, steps=9)
    with pytest.raises(
        UsageError, match=r"expected a picture's ending such as \.png, \.svg or \.pdf, got \.words"
    ):
        draw_posterior(found.result, found.posterior, tmp_path / "p.words")
    assert not list(tmp_path.iterdir())


def test_a_run_that_enumerated_its_choices_is_drawn(ntpt, user_file, tmp_path):
    user_file(
        "mine.py",
        """
import pyro, torch
from ntpt_pyro import Task, choice, observe, one_hot, switch

def model(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, 3), one_hot((x + 1) % 3, 3)]), y)

x = torch.arange(3)
task = Task(model, examples=(x, x))
""",
    )
    assert ntpt("learn", "mine.py:task", "--strategy", "enumeration", "--steps", 9, "--out", "run")[0] == 0
    assert ntpt("show", "run", "--plot", "p.png")[0] == 0
    assert (tmp_path / "p.png").stat().st_size > 1000
