"""Runs whose searches give restarts up: what they keep, say and draw of it, and going on after a break."""

import json

import pytest

from ntpt_pyro import induce
from ntpt_pyro.inference import in_phase
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.answer_words import restarts_right
from ntpt_pyro.runs.training_drawing import restart_lines
from tests.small import settings, small, small_task  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
FEW = {"restarts": 16, "steps": 24, "halve": 2}
HALVED = settings(**FEW)


class BreakAt:
    """Interrupts the search after a step."""

    def __init__(self, step):
        self.step = step

    def in_phase(self, phase):
        return self if phase == "search-1" else lambda state: None

    def __call__(self, state):
        if state.step == self.step:
            raise KeyboardInterrupt


def test_a_run_says_how_many_were_given_up(ntpt, tmp_path):
    found = induce(small_task(), HALVED, out=tmp_path / "run")
    result = found.result
    assert (result.restarts, result.given_up) == (16, 12)
    assert 0 <= result.restarts_correct <= 4
    words = f"{result.restarts_correct} of 4 (of 16 at first)"
    assert restarts_right(result) == words
    code, said, _ = ntpt("show", tmp_path / "run")
    assert code == 0
    assert words in said
    assert "95% interval" not in said  # of restarts that were picked there is none
    assert words in found._repr_html_()


def test_its_history_tells_of_each_restart_as_long_as_it_was_there():
    found = induce(small_task(), HALVED)
    search = [one for one in found.snapshots if one.step <= 8]
    left = [len(one.log_likelihoods) for one in search]
    assert left == [16, 16, 8, 8, 4, 4, 4, 4]
    assert [len(one.restarts) for one in search] == [0, 0, 8, 8, 4, 4, 4, 4]
    (best,) = {one.best for one in search}
    assert best in search[-1].restarts
    kept, others = restart_lines(search, lambda one: one.log_likelihoods)
    assert [step for step, _ in kept] == [*range(1, 9)]
    assert sorted(map(len, others)) == [2] * 8 + [4] * 4 + [8] * 3
    last = search[-1]
    assert kept[-1][1] == last.log_likelihoods[last.restarts.index(best)]


def test_a_run_with_looks_far_apart_is_drawn(ntpt, tmp_path):
    long = {**FEW, "steps": 90, "search": 30, "halve": 4}
    induce(small_task(), settings(**long), out=tmp_path / "run")
    apart = [bool(one.accuracies) for one in RunFolder(tmp_path / "run").snapshots() if one.restarts]
    assert True in apart
    assert False in apart
    for kind in ("html", "plot"):
        code, _, _ = ntpt(
            "show", tmp_path / "run", f"--{kind}", tmp_path / f"run.{kind.replace('plot', 'png')}"
        )
        assert code == 0


@pytest.mark.parametrize("step", [3, 7])
def test_a_run_that_gave_restarts_up_is_resumed(step, tmp_path):
    whole = induce(small_task(), HALVED, out=tmp_path / "whole")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        induce(small_task(), HALVED, out=broken, callbacks=[BreakAt(step)])
    again = induce(small_task(), HALVED, out=broken, resume=True)
    assert again.snapshots == whole.snapshots
    results = [json.loads((one / "result.json").read_text()) for one in (broken, tmp_path / "whole")]
    for one in results:
        for of_time in ("seconds", "search_seconds", "checksum"):
            one.pop(of_time)
    assert results[0] == results[1]


def test_a_search_of_few_restarts_gives_none_up():
    assert induce(small_task(), settings(restarts=4, halve=1)).result.given_up == 0


def test_the_command_line_takes_it(ntpt, tmp_path):
    flags = ["--lines=1", "--examples=40", "--restarts=8", "--steps=6", "--rounds=1", "--test-examples=20"]
    code, said, _ = ntpt("learn", "add2x2/top", *flags, "--halve=1", "--out", tmp_path / "run")
    assert code == 0
    assert "of 4 (of 8 at first)" in said
    page = tmp_path / "run.html"
    code, said, _ = ntpt("learn", "add2x2/top", *flags, "--halve=none", "--html", page)
    assert code == 0
    assert "at first" not in said
    assert "--halve none" in page.read_text()  # in the command that makes the run again


def test_callbacks_are_told_of_it():
    seen = {}

    def note(state):
        seen.setdefault(len(state.kept), []).append(state.step)

    induce(small_task(), HALVED, callbacks=[in_phase(note, "search-1")])
    assert list(seen) == [16, 8, 4, 1]
