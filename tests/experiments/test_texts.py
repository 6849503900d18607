"""The success rates of program texts: what is measured, by one command."""

import json

from ntpt_pyro import induce
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.experiments import texts


def test_texts_are_measured_by_one_command(tmp_path, monkeypatch):
    def quick(task, **settings):
        if settings.get("strategy") == "exhaustive":  # it would take all 2.5 million programs, and 10 s
            raise BudgetError("exhaustive", expected="less", got="too much", remedy="wait")
        return induce(task, **settings)

    monkeypatch.setattr(texts, "TASKS", {"circuit": ("swap",)})
    monkeypatch.setattr(texts, "induce", quick)
    out = tmp_path / "texts.json"
    texts.main(["--singles=3", "--runs=2", "--steps=3", "--out", str(out)])
    found = json.loads(out.read_text())["tasks"]["circuit swap"]
    assert found["restarts"]["trials"] == 3
    assert found["runs"]["trials"] == 2
    assert found["exact"] == {"out_of_reach": "too much"}
    assert set(json.loads(out.read_text())["step"]) == {"R=1", "R=64"}
