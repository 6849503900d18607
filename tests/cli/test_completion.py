"""Completion in a shell: what there is to go on with, quickly, from a real bash and as zsh and fish ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntpt_pyro.cli.main import COMMANDS, COMPLETES
from ntpt_pyro.runs import method_names
from ntpt_pyro.tasks import task_names

LONGEST = 0.5
"""Seconds of the processor that a press of the tabulator takes at most; measured: 0.2."""
NTPT = f"exec {sys.executable} -m ntpt_pyro"


@pytest.fixture
def folder(tmp_path):
    """A folder with a command ``ntpt``, which is what a shell completes for."""
    (tmp_path / "ntpt").write_text(f'#!/bin/sh\n{NTPT} "$@"\n')
    (tmp_path / "ntpt").chmod(0o755)
    (tmp_path / "mine.py").write_text("")
    return tmp_path


def bash(folder, line):
    """What bash offers after a line."""
    script = f"""
        PATH={folder}:$PATH
        eval "$(ntpt --show-completion bash)"
        COMP_WORDS=({line}) COMP_CWORD={len(line.split()) - 1}
        [[ "{line}" == *" " ]] && COMP_WORDS+=("") && COMP_CWORD=$((COMP_CWORD + 1))
        _ntpt_completion ntpt
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ntpt ", list(COMMANDS)),
        ("ntpt le", ["learn"]),
        ("ntpt learn ", task_names()),
        ("ntpt learn apply2x2/t", ["apply2x2/top"]),
        ("ntpt posterior ma", ["math"]),
        ("ntpt learn math --str", ["--strategy"]),
        ("ntpt learn math --strategy ", method_names()),
        ("ntpt learn --strategy relaxed", ["relaxed", "relaxed-joint"]),
        ("ntpt posterior math --strategy ", ["exhaustive", "solver"]),
        ("ntpt restarts math --strategy fmgd,str", ["fmgd,straight-through"]),
        ("ntpt learn math --device cu", ["cuda"]),
        ("ntpt show RUN --pl", ["--plot"]),
        ("ntpt show ", []),  # files, by bash itself
    ],
)
def test_bash_offers_what_a_line_may_be_gone_on_to(folder, line, offered):
    assert bash(folder, line) == offered


def ask(**environment):
    """What a shell is told, the seconds that it took, and what was imported for it."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('heavy:', *sorted({'torch', 'numpy'} & set(sys.modules))))\n"
        "from ntpt_pyro.cli import main\n"
        "sys.argv = ['ntpt']\n"
        "main()\n"
    )
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    *told, heavy = done.stdout.splitlines()
    assert done.stderr == ""
    return "\n".join(told), spent, heavy, done.returncode


@pytest.mark.parametrize("line", ["ntpt ", "ntpt learn ", "ntpt learn math --strategy "])
def test_it_is_quick_and_waits_for_no_torch(line):
    words = line.split()
    asked = {COMPLETES: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    told, seconds, heavy, code = min((ask(**asked) for _ in range(2)), key=lambda one: one[1])
    assert (code, heavy) == (0, "heavy:")
    assert told
    assert seconds < LONGEST


def test_zsh_and_fish_are_told_what_names_are():
    told = ask(**{COMPLETES: "complete_zsh", "_TYPER_COMPLETE_ARGS": "ntpt sho"})[0]
    assert '"show":"show a finished run' in told
    words = {"_TYPER_COMPLETE_ARGS": "ntpt learn ma", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert ask(**{COMPLETES: "complete_fish", **words})[0] == "math"
    words = {"_TYPER_COMPLETE_ARGS": "ntpt show x", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert ask(**{COMPLETES: "complete_fish", **words})[3] == 1  # a file, for fish to find


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_is_printed_or_installed_for_a_shell_that_is_named(ntpt, monkeypatch, tmp_path, shell):
    monkeypatch.setenv("HOME", str(tmp_path))
    code, printed, error = ntpt("--show-completion", shell)
    assert (code, error) == (0, "")
    assert COMPLETES in printed
    code, said, error = ntpt("--install-completion", shell)
    assert (code, error) == (0, "")
    file = Path(said.split(" is in ")[1].split(";")[0])
    assert file.is_relative_to(tmp_path)
    assert file.read_text().strip() == printed.strip()


def test_a_shell_that_there_is_not_is_one_line(refused):
    error = refused("--show-completion", "tcsh")
    assert "--show-completion: expected one of bash, zsh, fish, powershell, pwsh, got 'tcsh'" in error
