"""A run is gone on with, and its result given again, only where what it was begun with is the same inside."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library, Task, induce
from ntpt_pyro.errors import RunError
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.tasks import image_task
from ntpt_pyro.tasks.data.images import Images
from tests.runs.reading import bright, reading_task
from tests.small import FLAGS, small  # noqa: F401  # a fixture
from tests.two_registers import SUMS, X, Y, model, sum_task

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
QUICK = {"restarts": 2, "steps": 9}
STACK = Path(__file__).parents[1] / "stack_machine.py"


def begun_again(run: Path) -> None:
    """A run as it was when nothing but how it was begun was written."""
    for path in run.iterdir():
        if path.name != "options.json":
            path.unlink()


@pytest.mark.parametrize("stage", ["finished", "begun"])
def test_a_texts_instances_hypers_and_the_text_itself_are_compared(ntpt, refused, tmp_path, stage):
    names = {"program text": "terpret", "hypers": "hypers.json", "instances": "swap.json"}
    for part in names.values():
        shutil.copy(TEXTS / f"circuit.{part}", tmp_path / f"circuit.{part}")
    texts = [tmp_path / f"circuit.{part}" for part in names.values()]
    command = ["terpret", *texts, "--restarts=2", "--steps=3", "--out", tmp_path / "run", "--resume"]
    assert ntpt(*command)[0] == 0
    if stage == "begun":
        begun_again(tmp_path / "run")
    batches = json.loads(texts[2].read_text())
    for batch in batches:
        for instance in batch["instances"]:
            wanted = instance.get("wanted") or instance["outputs"]
            wanted[:] = [1 - bit for bit in wanted]
    settings = json.loads(texts[1].read_text())
    hypers = {name: {**one, "gates": one["gates"] + 1} for name, one in settings.items()}
    for what, content in (
        ("instances", json.dumps(batches)),
        ("hypers", json.dumps(hypers)),
        ("program text", texts[0].read_text() + "# more\n"),
    ):
        path = tmp_path / f"circuit.{names[what]}"
        before = path.read_text()
        path.write_text(content)
        error = refused(*command)
        assert f"expected the {what} that the run was begun with, got another content; resume with" in error
        path.write_text(before)
    assert ntpt(*command)[0] == 0


@pytest.mark.parametrize("stage", ["finished", "begun"])
def test_examples_and_tests_are_compared(tmp_path, stage):
    out, tests = tmp_path / "run", (X[:5], Y[:5], SUMS[:5])
    induce(Task(model, (X, Y, SUMS), test=tests), **QUICK, out=out)
    if stage == "begun":
        begun_again(out)
    others = {
        "examples": Task(model, (X, Y, (SUMS + 1) % 5), test=tests),
        "test examples": Task(model, (X, Y, SUMS), test=(X[:5], Y[:5], SUMS[1:6])),
    }
    for what, other in others.items():
        with pytest.raises(RunError, match=f"expected the {what} that the run was begun with, got another"):
            induce(other, **QUICK, out=out, resume=True)
    with pytest.raises(RunError, match="expected the test examples that the run was begun with, got none"):
        induce(sum_task(), **QUICK, out=out, resume=True)
    induce(Task(model, (X, Y, SUMS), test=tests), **QUICK, out=out, resume=True)


def test_a_library_is_compared_by_its_weights(tmp_path):
    settings = {"restarts": 2, "steps": 4, "rounds": 1, "examples": 40, "batch_size": 8}
    induce(reading_task(), **settings, library=Library([bright], seed=0), out=tmp_path / "run")
    with pytest.raises(
        RunError, match="expected the library that the run was begun with, got another content"
    ):
        induce(
            reading_task(), **settings, library=Library([bright], seed=1), out=tmp_path / "run", resume=True
        )


def test_a_users_file_is_compared(ntpt, refused, user_file):
    path = user_file("stack.py", STACK.read_text())
    command = ["learn", "stack.py:task", "--restarts=2", "--steps=3", "--rounds=1", "--out=run", "--resume"]
    assert ntpt(*command)[0] == 0
    path.write_text(f"{STACK.read_text()}\n# more\n")
    assert "expected the task file that the run was begun with, got another content" in refused(*command)


def draw(split, *, data=None, download=None):
    """Other images than those of the fixture."""
    images = torch.rand(100, 28, 28, generator=torch.Generator().manual_seed(77 if split == "test" else 78))
    return Images(images, torch.arange(100) % 10, "other images")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "words",
    [
        ["learn", "add2x2/top", *FLAGS],
        ["restarts", "add2x2/top", "--restarts=2", "--steps=2", "--examples=20", "--strategy=fmgd"],
    ],
    ids=lambda words: words[0],
)
def test_images_are_compared(ntpt, refused, tmp_path, monkeypatch, words):
    command = [*words, "--out", tmp_path / "out", "--resume"]
    assert ntpt(*command)[0] == 0
    assert ntpt(*command)[0] == 0
    load = image_task.load_digits
    monkeypatch.setattr(image_task, "load_digits", partial(_changed_in_tests, load))
    assert "expected the images of net_0 (test) that the run was begun with, got another" in refused(*command)
    monkeypatch.setattr(image_task, "load_digits", draw)
    assert "expected the images of net_0 (train) that the run was begun with" in refused(*command)


def _changed_in_tests(load, split, **options):
    found = load(split, **options)
    if split == "test":
        found.images[3, 4, 5] += 0.25
    return found


def test_a_run_says_what_it_was_begun_with(tmp_path):
    induce(sum_task(), **QUICK, out=tmp_path / "run")
    inputs = json.loads((tmp_path / "run" / "options.json").read_text())["inputs"]
    assert {what: len(digest) for what, digest in inputs.items()} == {"examples": 32}
    assert RunFolder(tmp_path / "run").complete
