"""The measurement of calibration: what it writes, and that it goes on where it was."""

import pytest

from ntpt_pyro import find_task
from ntpt_pyro.experiments import calibration
from tests.small import small  # noqa: F401  # a fixture


@pytest.mark.usefixtures("small")
def test_calibration_is_measured_and_resumed(library, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "STEPS", 5)
    monkeypatch.setattr(calibration, "DRAWN", 20)
    monkeypatch.setattr(calibration, "find_task", lambda name, data: find_task(name, lines=2, data=data))
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
