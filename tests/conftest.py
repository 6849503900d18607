"""Fixtures of tests that use the command line, a library, or a user's own files."""

import sys
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.cli import main
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks import user_files


@pytest.fixture
def ntpt(monkeypatch, capsys):
    """The command as a user types it: its exit code, and what it prints to either stream."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ntpt", *map(str, words)])
        monkeypatch.delenv("NTPT_DATA", raising=False)
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def refused(ntpt):
    """A command that must fail as a user's mistake does: gives the one line that it prints."""

    def run(*words):
        code, printed, error = ntpt(*words)
        assert (code, printed) == (2, ""), error
        assert error.startswith("ntpt: ")
        line, *excerpt = error.splitlines()
        assert not excerpt or (len(excerpt), excerpt[-1].strip()) == (2, "^"), error  # a place in a text
        return f"{line}\n"

    return run


@pytest.fixture
def double_precision():
    """Torch's default type in the meantime."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def library(tmp_path):
    """The file of a library whose networks count as trained."""
    made = Library(seed=0)
    for function in (net_0, net_1):
        made.add(function)
        made.steps[function.name] = 1
    made.save(tmp_path / "library.safetensors")
    return tmp_path / "library.safetensors"


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    """Writes a file of a user's own, who works in its folder; what loading it leaves is taken away again."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(user_files, "_loaded", {})
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    yield write
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
