"""The success rates of program texts: what is measured, by one command."""

import json

from ntpt_pyro import induce
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.experiments import texts


def test_texts_are_measured_by_one_command_which_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    given = []

    def quick(task, **settings):
        given.append(settings)
        if settings.get("strategy") == "exhaustive":  # it would take all 2.5 million programs, and 10 s
            raise BudgetError("exhaustive", expected="less", got="too much", remedy="wait")
        return induce(task, **settings)

    monkeypatch.setattr(texts, "PUBLISHED_SIZES", {"circuit": ("swap",)})
    monkeypatch.setattr(texts, "SETTINGS", {"circuit swap": {"kl": 0.02}})
    monkeypatch.setattr(texts, "induce", quick)
    out = tmp_path / "texts.json"
    command = [
        "--singles=3",
        "--runs=2",
        "--solved=1",
        "--steps=3",
        "--part=published_sizes,step",
        f"--out={out}",
    ]
    texts.main(command)
    found = json.loads(out.read_text())
    swap = found["published_sizes"]["circuit swap"]
    assert swap["settings"] == {"steps": 3, "kl": 0.02}
    assert given[0] == {"restarts": 3, "steps": 3, "kl": 0.02}
    assert swap["restarts"]["trials"] == 3
    assert swap["runs"]["trials"] == 2
    assert swap["solver"]["proved"]["successes"] == 1
    assert swap["exact"] == {"out_of_reach": "too much"}
    assert set(found["step"]) == {"R=1", "R=64"}
    measured = len(given)
    texts.main(command)
    assert len(given) == measured


def test_a_task_of_published_size_is_no_row_of_other_sizes():
    options = texts.parsed(["--out=texts.json"])
    published, other = (set(texts.PARTS[name](options)) for name in ("published_sizes", "other_sizes"))
    assert published == {
        "halting_turing invert",
        "halting_turing prepend",
        "halting_turing decrement",
        "circuit swap",
        "memory_blocks access",
    }
    assert not published & other
    assert len(other) == 7
    assert published == set(texts.TERPRET) - {"step"}
