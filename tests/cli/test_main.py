"""`ntpt` itself: help without waiting for torch, a mistake in one line, everything with --debug."""

import subprocess
import sys
from pathlib import Path

import pytest

from ntpt_pyro.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


def python(code: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.mark.parametrize("word", ["--help", "--version", "nothing"])
def test_what_needs_no_torch_does_not_wait_for_it(word):
    code = (
        "import atexit, sys\n"
        "heavy = ('torch', 'pyro', 'numpy', 'matplotlib', 'rich', 'typer')\n"
        "atexit.register(lambda: print('loaded:', *sorted(set(heavy) & set(sys.modules))))\n"
        "from ntpt_pyro.cli import main\n"
        "main()\n"
    )
    done = python(code, word)
    assert done.stdout.splitlines()[-1] == "loaded:"
    assert done.returncode == (2 if word == "nothing" else 0)


def test_help_names_every_command_in_lines_of_80_columns(ntpt):
    code, printed, error = ntpt("--help")
    assert (code, error) == (0, "")
    for name, about in COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, about] for line in printed.splitlines())
    assert max(map(len, printed.splitlines())) <= 80
    assert ntpt("-h") == ntpt("help") == (0, printed, "")
    assert ntpt() == (2, printed, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(ntpt, name):
    code, printed, error = ntpt(name, "--help")
    assert (code, error) == (0, "")
    assert f"ntpt {name}" in printed


def test_the_version_is_the_packages(ntpt):
    from importlib.metadata import version

    assert ntpt("--version") == (0, f"ntpt_pyro {version('ntpt-pyro')}\n", "")


@pytest.mark.parametrize(
    ("word", "remedy"),
    [("lern", "did you mean `ntpt learn`?"), ("posteriors", "`ntpt posterior`?"), ("x", "see ntpt --help")],
)
def test_an_unknown_command_is_one_line_with_a_suggestion(refused, word, remedy):
    error = refused(word, "add2x2/top")
    assert f"ntpt: command: expected one of {', '.join(COMMANDS)}, got {word!r}; " in error
    assert remedy in error


def test_it_is_the_same_program_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "ntpt_pyro", "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ntpt_pyro ")


def test_a_mistake_is_one_line_and_debug_shows_where_it_was_found(user_file, refused):
    user_file("mine.py", "x = 1 / 0\n")
    assert "mine.py:1: expected code that runs, got ZeroDivisionError: division by zero" in refused(
        "learn", "mine.py:x"
    )
    done = python("from ntpt_pyro.cli import main; main()", "learn", "--debug", "nothing")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ntpt_pyro.errors.TaskError: task: expected one of" in done.stderr


def test_a_reader_that_goes_away_is_no_mistake():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m ntpt_pyro --help | head -c 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_says_how_to_go_on(ntpt, monkeypatch):
    import ntpt_pyro.tasks.registry as registry

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "find_task", stop)
    code, _, error = ntpt("learn", "add2x2/top")
    assert code == 130
    assert error == "ntpt: interrupted; a run with --out goes on with --resume\n"
