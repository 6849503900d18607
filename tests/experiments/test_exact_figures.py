"""What exact posteriors say and take: what is measured, by one command."""

import json
from functools import partial

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import exact_figures, exact_posteriors
from ntpt_pyro.experiments.exact_posteriors import (
    Measured,
    alone,
    line_figures,
    measured,
    posterior_figures,
    refused,
    summaries,
)
from ntpt_pyro.inference import exact_posterior

RUN = Measured("add2x2/top", 64, 0, "digits", 9, True, 0.9, 1, 1e-12, 2, 4, 0.1, 300, 200)


def test_what_is_measured_is_summed_up_and_an_interrupted_recording_goes_on(tmp_path, monkeypatch):
    made = []

    def interrupted():
        raise KeyboardInterrupt

    def figures(second):
        return lambda *given: {"one": lambda: made.append("one") or RUN, "two": second}

    monkeypatch.setattr(exact_figures, "posterior_figures", figures(interrupted))
    words = ["--part=posteriors", f"--out={tmp_path / 'out.json'}"]
    with pytest.raises(KeyboardInterrupt):
        exact_figures.main(words)
    monkeypatch.setattr(exact_figures, "posterior_figures", figures(lambda: made.append("two") or RUN))
    found = exact_figures.main(words)
    assert made == ["one", "two"]
    assert found == json.loads((tmp_path / "out.json").read_text())
    assert found["summary"]["add2x2, 64 examples"]["right"]["successes"] == 2
    assert found["command"].endswith("exact_figures --seeds 5 --out OUT --part posteriors")
    assert exact_figures.main(words) == found
    with pytest.raises(UsageError, match=r"a recording of this command.* got another one"):
        exact_figures.main([*words, "--seeds=2"])
    with pytest.raises(UsageError, match=r"expected some of posteriors, .* got chess"):
        exact_figures.main(["--part=chess", f"--out={tmp_path / 'other.json'}"])


def test_trained_networks_are_needed():
    for figures in (lambda: posterior_figures(None, None, range(1)), lambda: line_figures(None, None)):
        with pytest.raises(UsageError, match="expected trained networks, got none"):
            figures()


def test_every_task_is_measured(tmp_path):
    names = list(posterior_figures(None, tmp_path, range(2)))
    assert len(names) == 8 + 20 + 2 * 8
    assert names[0] == "add2x2/top, 64 examples, seed 0"
    assert [name for name in names if name.startswith("math")][-1] == "math, 64 examples, seed 19"
    assert len(line_figures(None, tmp_path)) == 2


def test_a_posterior_is_measured(library, monkeypatch):
    found = measured("add2x2/top", 2, 0, None, library)
    assert (found.programs, found.examples) == (158_760, 2)
    assert 0 < found.loaded <= found.megabytes
    assert 0 < found.probability <= 1
    assert found.cubes <= found.settings
    total = summaries({"a": vars(found), "b": {**vars(found), "right": True, "seconds": 9.0}})
    assert total["add2x2, 2 examples"].right.trials == 2
    assert total["add2x2, 2 examples"].seconds.max == 9.0


def test_programs_that_are_too_many_are_refused(library, monkeypatch):
    monkeypatch.setattr(exact_posteriors, "LINES", 5)
    small = partial(exact_posterior, memory=2**26)  # as soon told as 2 GiB after seconds
    monkeypatch.setattr(exact_posteriors, "exact_posterior", small)
    said = refused("apply2x2/top", 2, None, library).said
    assert said.startswith("exact posterior: expected at most")
    assert "programs to keep apart" in said


def test_a_process_of_its_own_gives_what_the_function_gives():
    assert alone(divmod, 7, 2) == (3, 1)
