"""The command line as a user types it: what goes wrong is one line and exit code 2."""

import gzip
import json
import re
import shutil
import subprocess
import sys

import pytest

from ntpt_pyro.cli import main
from tests.small import FLAGS, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def ntpt(monkeypatch, capsys):
    """Runs the command line; gives exit code, standard output, lines of standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ntpt", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err.splitlines()

    return run


@pytest.fixture
def finished(ntpt, tmp_path):
    """A finished run."""
    code, _, errors = ntpt("learn", "add2x2/top", *FLAGS, "--out", tmp_path / "run")
    assert (code, errors) == (0, [])
    return tmp_path / "run"


WRONG = {
    "add2x2/middle": "task: expected one of add2x2/top, .* got 'add2x2/middle'",
    "add2x2/top --strategy mcmc": "strategy: expected one of marginal, fmgd, relaxed, .* got 'mcmc'",
    "add2x2/top --strategy enumeration --lines 4": r"enumeration of instr_1 \(6\), .* relax the choices",
    "add2x2/top --bogus 1": "No such option: --bogus",
    "": "Missing argument",
    "add2x2/top --steps many": "Invalid value for '--steps'",
    "add2x2/top --restarts 0": "restarts: expected at least 1, got 0",
    "add2x2/top --examples 3": "examples: expected at least 10",
    "add2x2/top --lines 0": "lines: expected at least 1, got 0",
    "add2x2/top --threads 0": "threads: expected at least 1, got 0",
    "add2x2/top --device tpu": "device: expected one of auto, cpu.* got 'tpu'",
    "add2x2/top --resume": "--resume: expected --out with it",
    "add2x2/top --library /nowhere/run": "/nowhere/run: .* got no such file",
    "add2x2/top --choice-lr nan": "choice_lr: expected a number above 0, got nan",
    "add2x2/top --choice-lr inf": "step 1, site 'instr_1': expected a finite loss",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(ntpt, line):
    code, out, errors = ntpt("learn", *FLAGS, *line.split())
    assert code == 2
    assert out == ""
    assert len(errors) == 1
    assert re.search(WRONG[line], errors[0]), errors[0]


def one_line(result, *parts):
    code, _, errors = result
    assert code == 2
    assert len(errors) == 1, errors
    for part in parts:
        assert part in errors[0]


def test_data_that_are_not_there_or_cut_short_are_named(ntpt, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real reader
    raw = tmp_path / "MNIST" / "raw"
    file = raw / "train-images-idx3-ubyte.gz"

    def run():
        code = "from ntpt_pyro.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "learn", "add2x2/top", "--data", tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.splitlines()

    one_line(run(), file.name, "expected a file of MNIST, got no such file")
    raw.mkdir(parents=True)
    file.write_bytes(gzip.compress(b"not MNIST at all" * 100)[:60])
    one_line(run(), file.name, "expected", "got", ";")


def test_a_run_is_kept_shown_and_not_overwritten(ntpt, finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        "choices.json",
        "history.json",
        "library.safetensors",
        "options.json",
        "result.json",
    ]
    result = json.loads((finished / "result.json").read_text())
    code, out, _ = ntpt("show", finished, "--top", 3, "--plot", finished / "p.png")
    assert code == 0
    for text in (*result["program"], "held-out accuracy", "probability", "3. probability"):
        assert text in out
    assert max(map(len, out.replace(str(finished), "").splitlines())) <= 80
    assert "\x1b" not in out
    assert (finished / "p.png").read_bytes().startswith(b"\x89PNG")
    (finished / "p.png").unlink()
    learn = ("learn", "add2x2/top", *FLAGS, "--out", finished)
    one_line(ntpt(*learn), "got one that holds a run", "--resume")
    one_line(ntpt(*learn, "--resume", "--seed", 5), "expected seed=0, as the run was begun, got 5")
    code, again, _ = ntpt(*learn, "--resume")
    assert code == 0
    assert again.strip() in out


def test_runs_that_cannot_be_used_are_named(ntpt, finished, tmp_path):
    one_line(ntpt("show", tmp_path / "none"), "expected a finished run folder", "got no such folder")
    one_line(ntpt("show", finished, "--top", 10**9), "top: expected a number in 1..432")
    one_line(ntpt("show", finished, "--plot", tmp_path / "p.foo"), "expected a picture's ending", "got .foo")
    unfinished = tmp_path / "unfinished"
    shutil.copytree(finished, unfinished)
    (unfinished / "result.json").unlink()
    one_line(ntpt("show", unfinished), "got no result.json in it")
    for name in ("options.json", "result.json"):
        path = finished / name
        path.write_text(path.read_text().replace("ntpt_pyro run 1", "ntpt_pyro run 0"))
    one_line(ntpt("show", finished), "of format 'ntpt_pyro run 0'")
    resume = ("learn", "add2x2/top", *FLAGS, "--out", finished, "--resume")
    one_line(ntpt(*resume), "of format 'ntpt_pyro run 0'", "this version")
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("hello")
    one_line(ntpt("learn", "add2x2/top", *FLAGS, "--library", foreign), "foreign.txt", "expected a file of")
    one_line(ntpt("learn", "add2x2/top", *FLAGS, "--out", tmp_path), "got one with other files")


def test_without_out_the_run_is_not_kept_and_it_says_so(ntpt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = ntpt("learn", "add2x2/top", *FLAGS)
    assert code == 0
    assert "--out" in out
    assert not list(tmp_path.iterdir())


def test_help_is_there(ntpt):
    code, out, _ = ntpt("--help")
    assert code == 0
    assert "learn" in out
    assert "show" in out
