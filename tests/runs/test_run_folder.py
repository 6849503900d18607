"""Run folders: claimed once, whole or not at all, told in a line where they are something else."""

import json
from pathlib import Path

import pytest

from ntpt_pyro import Library, induce
from ntpt_pyro._files import RUN, read_json, write_sealed_json
from ntpt_pyro.errors import LibraryError, RunError
from ntpt_pyro.inference.training.checkpoint import save_checkpoint
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
    save_checkpoint(run.checkpoint("search"), {}, {})
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
    save_checkpoint(run.checkpoint("search"), {}, {})
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
    save_checkpoint(run.checkpoint("search"), {}, {})
    run.begin({"data": "right"}, resume=True)


def test_a_run_that_was_only_begun_is_gone_on_with_by_the_same_settings_only(tmp_path):
    run = RunFolder(tmp_path)
    run.begin({"seed": 0, "inputs": {"examples": "a"}}, resume=False)
    before = (tmp_path / "options.json").read_bytes()
    with pytest.raises(RunError, match="expected seed=0, as the run was begun, got 1"):
        run.begin({"seed": 1, "inputs": {"examples": "a"}}, resume=True)
    with pytest.raises(
        RunError, match="expected the examples that the run was begun with, got another content"
    ):
        run.begin({"seed": 0, "inputs": {"examples": "b"}}, resume=True)
    assert (tmp_path / "options.json").read_bytes() == before
    run.begin({"seed": 0, "inputs": {"examples": "a"}}, resume=True)


def test_a_file_of_the_users_own_is_no_run(tmp_path):
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(
        RunError, match=r"options\.json: expected a file of ntpt_pyro run 3, got a damaged one"
    ):
        RunFolder(tmp_path).begin({}, resume=False)
    assert (tmp_path / "options.json").read_text() == "{}"


def test_what_killed_writes_left_is_no_obstacle_and_removed(tmp_path):
    run = RunFolder(tmp_path / "run")
    for names in ([".options.json.77.tmp"], [".search.safetensors.8.tmp", ".result.json.9.tmp"]):
        run.folder.mkdir(exist_ok=True)
        for name in names:
            (run.folder / name).write_text("{")
        run.begin({"seed": 0}, resume=True)
        assert [path.name for path in run.folder.iterdir()] == ["options.json"]
    (run.folder / ".mine.txt.9.tmp").write_text("mine")
    with pytest.raises(RunError, match="one that holds a run"):
        run.begin({"seed": 0}, resume=False)
    assert (run.folder / ".mine.txt.9.tmp").exists()


def test_a_finished_run_whose_checkpoints_were_not_yet_removed_is_finished(finished):
    save_checkpoint(finished.checkpoint("search-0"), {}, {})
    before = finished.program_result()
    again = induce(sum_task(), **QUICK, out=finished.folder, resume=True)
    assert again.result == before
    assert not finished.checkpoint("search-0").exists()


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
        assert json.loads((finished.folder / f"{name}.json").read_text())["format"] == "ntpt_pyro run 3"
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
        ("", "an empty one"),
        ("{", "a damaged one, or something else"),
        ("[]", "a damaged one, or something else"),
        ("null", "a damaged one, or something else"),
        ("\ufeff{}", "a damaged one, or something else"),
        ("[" * 100_000, "a damaged one, or something else"),
        ('{"format": "x 0"}', "a damaged one, or something else"),
        ('{"format": "ntpt_pyro run 2", "task": "math"}', "one of ntpt_pyro run 2, or a damaged one"),
    ],
)
def test_what_is_no_finished_run_is_named(finished, content, got):
    (finished.folder / "result.json").unlink()
    if content is not None:
        (finished.folder / "result.json").write_text(content)
    for read in (finished.program_result, lambda: finished.result_of(PosteriorResult)):
        with pytest.raises(
            RunError, match=f"expected a (finished run|file of ntpt_pyro run 3), .*{got}"
        ) as caught:
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
    rewrite(finished.folder / "result.json", kind="song")
    with pytest.raises(RunError, match="expected a run with a program, got one of kind 'song'"):
        finished.program_result()


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        (3, "choices"),
        (None, "choices"),
        ({"a": {}}, "choices.a.chosen"),
        ({"a": {"chosen": 0, "entropy": 0.0, "probabilities": ["half"]}}, "choices.a.probabilities.0"),
    ],
)
def test_choices_of_another_type_are_named(finished, choices, named):
    rewrite(finished.folder / "choices.json", choices=choices)
    with pytest.raises(RunError, match=rf"choices\.json: expected {named}: "):
        finished.posterior()


@pytest.mark.parametrize("looks", [None, 3, [{"step": 1}], [{"step": 1, "marginals": {"a": [[["x"]]]}}]])
def test_a_history_of_another_type_is_named(finished, looks):
    rewrite(finished.folder / "history.json", looks=looks)
    with pytest.raises(RunError, match=r"history\.json: expected looks.*: ") as caught:
        finished.snapshots()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["options.json", "result.json", "choices.json", "history.json"])
def test_every_bit_of_every_file_is_covered(finished, name):
    path = finished.folder / name
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(RunError, match=r"\.json: expected ") as caught:
            read_all(finished)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    read_all(finished)


def test_files_of_other_runs_and_files_that_are_missing_are_named(finished, tmp_path):
    induce(sum_task(), **{**QUICK, "seed": 1}, out=tmp_path / "other")
    induce(sum_task(), **QUICK, out=tmp_path / "same")
    for name in ("result.json", "choices.json", "history.json"):
        path = finished.folder / name
        whole = path.read_bytes()
        path.write_bytes((tmp_path / "same" / name).read_bytes())
        read_all(finished)
        for other in (tmp_path / "other" / name, finished.folder / "options.json"):
            path.write_bytes(other.read_bytes())
            with pytest.raises(RunError, match=f"{name}: expected "):
                read_all(finished)
        path.unlink()
        with pytest.raises(RunError, match=f"no {name} in it"):
            read_all(finished)
        path.write_bytes(whole)
    (finished.folder / "options.json").unlink()
    with pytest.raises(RunError, match=r"no options\.json in it"):
        finished.program_result()


def read_all(run):
    """Read everything that a finished run has."""
    run.program_result()
    run.posterior()
    run.snapshots()


def rewrite(path, **changes):
    """Write a sealed file anew, with other content."""
    write_sealed_json(path, {**read_json(path, RUN), **changes}, RUN)


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
