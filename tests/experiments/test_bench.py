"""Steps of two packages side by side."""

from contextlib import nullcontext

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import bench


def test_a_package_is_measured_beside_another_and_by_hand(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "SHOWN", {"ADD2X2, R=1": bench.SHOWN["ADD2X2, R=1"]})
    monkeypatch.setattr(bench, "_tree_of", lambda commit: nullcontext(bench.TREE))
    found = bench.main(["--rounds", "1", "--commit", "abcdef0123"])
    assert set(found["ADD2X2, R=1"]) == {"today", "then", "by hand"}
    assert all(0 < one < 10_000 for one in found["ADD2X2, R=1"].values())
    first, second = capsys.readouterr().out.splitlines()
    assert "abcdef012" in first
    assert second.startswith("ADD2X2, R=1")


def test_a_commit_that_there_is_not_is_told():
    with pytest.raises(UsageError, match="--commit: expected a commit of this repository, got no-such"):
        bench.main(["--commit", "no-such"])
