"""`ntpt posterior` as a user types it, and the measurement of calibration."""

import json
from functools import partial

import pytest
import torch
from ntpt_pyro.runs.exact import grouped
from ntpt_pyro.tasks.tasks import task_named

from ntpt_pyro import Library
from ntpt_pyro.experiments import calibration
from ntpt_pyro.inference import ProgramSpace, expectation_maximisation
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.runs import learn
from tests.small import small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
FLAGS = ("--lines", 2, "--examples", 5)


def test_a_posterior_is_found_kept_and_shown(ntpt, library, tmp_path):
    out = tmp_path / "run"
    code, printed, error = ntpt("posterior", "add2x2/top", "--library", library, *FLAGS, "--out", out)
    assert (code, error) == (0, "")
    assert "the exact posterior of 324 programs given 5 examples" in printed
    result = json.loads((out / "result.json").read_text())
    assert result["strategy"] == "exact"
    assert result["cost"]["programs"] == 2 * 6 * 9 * 3
    assert sum(one["probability"] for one in result["programs"]) <= 1 + 1e-6
    assert 0 <= result["right_behaviours"] <= 1
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    again = ntpt("posterior", "add2x2/top", "--library", library, *FLAGS, "--out", out, "--resume")
    assert again[1].replace(f"kept in {out}\n", "") == printed.replace(f"kept in {out}\n", "")
    code, shown, _ = ntpt("show", out, "--plot", tmp_path / "p.png")
    assert code == 0
    assert "the exact posterior of 324 programs" in shown
    assert (tmp_path / "p.png").exists()
    code, shown, _ = ntpt("show", out, "--top", 2)
    listed = [line for line in shown.splitlines() if line.startswith(("1. probability", "2. probability"))]
    assert listed[-2:] == [f"{n}. probability {result['programs'][n - 1]['probability']:.4g}" for n in (1, 2)]
    code, _, error = ntpt("show", out, "--top", 21)
    assert (code, "a number in 1..20, of programs kept" in error) == (2, True)
    for task in ("add2x2/top", "apply2x2/left"):
        run = tmp_path / task
        words = ("--lines", 2, "--examples", 3, "--library", library, "--out", run, "--memory", 64)
        assert ntpt("posterior", task, *words)[0] == 0
        code, shown, _ = ntpt("show", run, "--example", 4)
        assert code == 0
        assert "on input 4" in shown
        steps = shown.split("on input 4\n")[1]
        assert "R0 = " in steps
        drawn = tmp_path / f"{task.replace('/', '-')}.png"
        assert ntpt("evaluate", run, "--seed", 4, "--plot", drawn) == (0, steps, "")
        assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("apply2x2/top", "--lines", 4), "at most 10,000,000 programs"),
        (("add2x2/top", *FLAGS, "--memory", 0), "bytes of memory, for one program on one example, got 0"),
        (("add2x2/top", *FLAGS, "--tolerance", 1), "a tolerance from 0 to below 1"),
        (("add2x2/top", "--examples", 0), "examples: expected at least 1"),
        (("nothing",), "task: expected one of"),
    ],
)
def test_a_mistake_is_one_line(ntpt, library, words, wrong):
    code, _, error = ntpt("posterior", *words, "--library", library)
    assert (code, error.count("\n")) == (2, 1)
    assert wrong in error


def test_a_task_is_learned_from_the_most_probable_of_all_programs(ntpt, library, tmp_path):
    flags = ("--lines", 2, "--examples", 60, "--steps", 6, "--batch-size", 8, "--strategy", "exact")
    out = tmp_path / "run"
    code, printed, error = ntpt("learn", "add2x2/top", *flags, "--library", library, "--out", out)
    assert (code, error) == (0, "")
    result = json.loads((out / "result.json").read_text())
    assert (result["strategy"], result["restarts"], result["search_steps"]) == ("exact", 1, 0)
    assert result["steps"] == 6
    assert "held-out accuracy" in printed
    assert "held-out accuracy" in ntpt("show", out)[1]


def test_a_task_is_learned_from_nothing_with_the_expectation_over_all_programs(ntpt, tmp_path, monkeypatch):
    monkeypatch.setattr(learn, "FIRST_EXAMPLES", 2)
    monkeypatch.setattr(learn, "expectation_maximisation", partial(expectation_maximisation, iterations=3))
    flags = ("--lines", 2, "--examples", 60, "--steps", 120, "--batch-size", 8, "--strategy", "exact")
    code, printed, error = ntpt("learn", "add2x2/top", *flags, "--rounds", 1, "--out", tmp_path / "run")
    assert (code, error) == (0, "")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["search_steps"], result["steps"], result["rounds"]) == (100, 100 + 80, 1)
    assert "all programs tried; networks taught by them, 100 steps" in printed
    looks = json.loads((tmp_path / "run" / "history.json").read_text())["looks"]
    assert [look["step"] for look in looks[:3]] == [0, 50, 100]
    assert set(looks[0]["marginals"]) == set(result["choices"])
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "options.json",
        "result.json",
        "choices.json",
        "history.json",
        "library.safetensors",
    }


def test_a_library_that_has_not_learned_is_refused(ntpt, tmp_path):
    Library([net_0], seed=0).save(tmp_path / "library.safetensors")
    code, _, error = ntpt("posterior", "add2x2/top", "--library", tmp_path)
    assert code == 2
    assert "expected a library with net_0, trained" in error
    code, _, error = ntpt("posterior", "add2x2/top", "--library", tmp_path / "elsewhere")
    assert code == 2


@pytest.mark.parametrize(
    ("name", "programs"),
    [("add2x2/top", 79_380), ("apply2x2/left", 69 * 130 * 221 * 348 * 8), ("path_len", 729)],
)
def test_programs_that_are_told_apart(name, programs):
    task = task_named(name, lines=4)
    library = Library([task.function], seed=0)
    digits = (torch.zeros(1, 3).long(),) if name.startswith("apply") else ()
    inputs = {
        "path_len": (torch.zeros(1, 3, 3, 28, 28, 3), torch.zeros(1).long(), torch.zeros(1).long()),
    }.get(name, (torch.zeros(1, 4, 28, 28), *digits, torch.zeros(1).long()))
    space = ProgramSpace.of(task.model(library), inputs, task.uses)
    assert space.size == programs
    assert list(space.sizes) == list(model_sites(task.model(library), *inputs).choices)


def test_math_has_as_many_programs_as_texts(library):
    task = task_named("math", lines=4)
    inputs = (torch.zeros(1, 3, 28, 28), torch.zeros(1).long())
    space = ProgramSpace.of(task.model(Library.load(library)), inputs, task.uses)
    assert space.size == 1_975_509


def test_calibration_is_measured_and_resumed(library, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "STEPS", 5)
    monkeypatch.setattr(calibration, "task_named", lambda name: task_named(name, lines=2))
    monkeypatch.setattr(calibration.ExactOptions, "__init__", two_lines(calibration.ExactOptions.__init__))
    words = ["--tasks", "add2x2/top", "--examples", "1,4", "--libraries", str(library), "--seeds", "2"]
    words += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.json")]
    found = calibration.main(words)
    assert len(found["rows"]) == 4
    assert (tmp_path / "out.png").exists()
    for summary in found["summary"].values():
        for kind in ("exact", "guide"):
            assert 0 < summary[kind]["claimed"] <= 1
            assert summary[kind]["right"]["trials"] == 2
    kept = sorted((tmp_path / "work").iterdir())
    assert len(kept) == 4
    assert calibration.main(words)["rows"] == found["rows"]


def two_lines(init):
    def made(self, *arguments, **options):
        init(self, *arguments, **{**options, "lines": 2})

    return made


def test_behaviours_of_a_task_are_led_by_their_shortest_program():
    task = task_named("add2x2/top", lines=4)

    class Two:
        def programs(self):
            return 2

        def top(self, k):
            east = {f"instr_{n}": 0 for n in (3, 4)} | {"instr_1": 2, "instr_2": 5, "left_2": 0, "right_2": 1}
            long = {**east, "instr_4": 5, "left_4": 2, "right_4": 3, "return": 4}  # R4 = R2 + 0
            return [(long, 0.6), ({**east, "return": 2}, 0.3)]

    (found,) = grouped(task, Two())
    assert (found.programs, found.probability) == (2, pytest.approx(0.9))
    assert found.program["return"] == 2
    assert task.is_correct(found.program)
