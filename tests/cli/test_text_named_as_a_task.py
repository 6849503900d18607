"""A program text whose file has the name of one of the paper's tasks is a text all the same."""

import shutil
from pathlib import Path

import pytest

TEXTS = Path(__file__).parents[2] / "models" / "terpret"


@pytest.mark.parametrize("name", ["math", "path_len", "add2x2"])
def test_it_is_learned_shown_and_evaluated(ntpt, refused, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    files = [Path(f"{name}.{part}") for part in ("terpret", "hypers.json", "swap.json")]
    for file in files:
        shutil.copy(TEXTS / file.name.replace(name, "circuit", 1), file)
    assert ntpt("terpret", *files, "--restarts=2", "--steps=3", "--out=run")[0] == 0
    for words in (["evaluate", "run"], ["show", "run", "--example=0"]):
        code, printed, _ = ntpt(*words)
        assert code == 0
        assert "wanted = [0, 0]" in printed
    assert "3+4x2" in refused("evaluate", "run", "3+4x2")
    assert ntpt("posterior", "run", "--strategy=solver", "--alternatives=0")[0] == 0
