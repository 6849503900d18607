"""Run folders: claimed once, whole or not at all, told in a line where they are something else."""

import json
from pathlib import Path

import pytest

from ntpt_pyro import Library, induce
from ntpt_pyro.errors import LibraryError, RunError
from ntpt_pyro.runs import PosteriorResult, RunFolder, load_library
from tests.two_registers import sum_task

QUICK = {"restarts": 2, "steps": 9}


@pytest.fixture
def finished(tmp_path):
    """A finished run."""
    induce(sum_task(), **QUICK, out=tmp_path / "run")
    return RunFolder(tmp_path / "run")


def test_it_is_claimed_once(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.begin({"seed": 0}, resume=False)
    run.checkpoint("search").write_bytes(b"")
    with pytest.raises(RunError, match=r"got one that holds a run; go on with it \(--resume\)"):
        run.begin({"seed": 0}, resume=False)
    run.begin({"seed": 0}, resume=True)
    with pytest.raises(RunError, match="expected seed=0, as the run was begun, got 1"):
        run.begin({"seed": 1}, resume=True)


def test_the_tasks_choices_are_noted_and_must_stay(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.begin({"seed": 0}, resume=False)
    run.note_choices({"instr": 3, "return": 2})
    run.note_choices({"return": 2, "instr": 3})
    run.checkpoint("search").write_bytes(b"")
    run.begin({"seed": 0}, resume=True)
    for changed, message in (
        (
            {"instr": 4, "return": 2},
            "whose choice 'instr' has 3 alternatives, as then, got 4; the task has changed",
        ),
        ({"instr": 3}, "whose choice 'return' has 2 alternatives, as then, got none"),
        ({"instr": 3, "return": 2, "goto": 5}, "whose choice 'goto' has no alternatives, as then, got 5"),
    ):
        with pytest.raises(RunError, match=message):
            run.note_choices(changed)


def test_a_run_that_came_to_nothing_is_no_obstacle(tmp_path):
    run = RunFolder(tmp_path)
    run.begin({"data": "wrong"}, resume=False)
    run.begin({"data": "right"}, resume=False)
    run.checkpoint("search").write_bytes(b"")
    run.begin({"data": "right"}, resume=True)


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="got one with other files"):
        RunFolder(tmp_path).begin({}, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(RunError, match="expected a new or empty folder"):
        RunFolder(tmp_path / "mine.txt").begin({}, resume=False)


def test_what_a_finished_run_holds(finished):
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "choices.json",
        "history.json",
        "options.json",
        "result.json",
    ]
    options = json.loads((finished.folder / "options.json").read_text())
    assert options["task"] == "task"
    assert options["restarts"] == 2
    for name in ("result", "choices", "history", "options"):
        assert json.loads((finished.folder / f"{name}.json").read_text())["format"] == "ntpt_pyro run 2"
    assert json.loads((finished.folder / "result.json").read_text())["kind"] == "learned"


@pytest.mark.parametrize("changed", [{"steps": 12}, {"strategy": "fmgd"}, {"seed": 1}, {"kl": 0.5}])
def test_a_run_is_gone_on_with_by_the_same_settings_only(finished, changed):
    (name,) = changed
    with pytest.raises(RunError, match=f"expected {name}=.*, as the run was begun, got"):
        induce(sum_task(), **{**QUICK, **changed}, out=finished.folder, resume=True)
    with pytest.raises(RunError, match="expected task='task', as the run was begun, got 'other'"):
        induce(sum_task(name="other"), **QUICK, out=finished.folder, resume=True)
    with pytest.raises(RunError, match="go on with it"):
        induce(sum_task(), **QUICK, out=finished.folder)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "no result.json in it"),
        ("{", "an unreadable result.json"),
        ("[]", "result.json of format None"),
        ("3", "result.json of format None"),
        ('{"format": "x 0"}', "result.json of format 'x 0'"),
        ('{"format": "ntpt_pyro run 1", "task": "math"}', "result.json of format 'ntpt_pyro run 1'"),
    ],
)
def test_what_is_no_finished_run_is_named(tmp_path, content, got):
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    for read in (RunFolder(tmp_path).program_result, lambda: RunFolder(tmp_path).result_of(PosteriorResult)):
        with pytest.raises(RunError, match=f"expected a finished run folder .* got {got}") as caught:
            read()
        assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        RunFolder(tmp_path / "none").program_result()
    with pytest.raises(LibraryError, match="no such file"):
        load_library(tmp_path / "none")


def test_a_result_of_another_kind_is_named(finished):
    with pytest.raises(RunError, match="expected a run of kind 'posterior', got one of kind 'learned'"):
        finished.result_of(PosteriorResult)
    path = finished.folder / "result.json"
    path.write_text(path.read_text().replace('"kind": "learned"', '"kind": "song"'))
    with pytest.raises(RunError, match="expected a run with a program, got one of kind 'song'"):
        finished.program_result()


@pytest.mark.parametrize(
    "content", ['{"format": "ntpt_pyro run 2"}', '{"format": "ntpt_pyro run 2", "choices": 3}']
)
def test_damaged_choices_are_named(finished, content):
    (finished.folder / "choices.json").write_text(content)
    with pytest.raises(RunError, match=r"got a damaged choices.json"):
        finished.posterior()


@pytest.mark.parametrize("looks", ["null", "3", '[{"step": 1}]'])
def test_a_damaged_history_is_named(finished, looks):
    (finished.folder / "history.json").write_text(f'{{"format": "ntpt_pyro run 2", "looks": {looks}}}')
    with pytest.raises(RunError, match=r"got a damaged history.json"):
        finished.snapshots()


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "library.safetensors"
    Library().save(path)
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        Library().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["library.safetensors"]
