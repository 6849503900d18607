"""Fixtures of tests that use the command line."""

import sys

import pytest

from ntpt_pyro import Library
from ntpt_pyro.cli import main
from ntpt_pyro.models.nets import net_0, net_1


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
def library(tmp_path):
    """The file of a library whose networks count as trained."""
    made = Library(seed=0)
    for function in (net_0, net_1):
        made.add(function)
        made.steps[function.name] = 1
    made.save(tmp_path / "library.safetensors")
    return tmp_path / "library.safetensors"
