"""The page of how cost grows tells what was recorded."""

import json

import pytest

from ntpt_pyro.experiments.growth import SIZES, _curve, law
from tests.pages import ROOT

PAGE = (ROOT / "docs" / "results" / "growth.md").read_text(encoding="utf-8")
RESULTS = ROOT / "experiments" / "results"
FOUND = json.loads((RESULTS / "growth" / "cpu.json").read_text(encoding="utf-8"))


def cell(size: str, one: dict) -> str:
    memory = f"{one['megabytes']:.1f} MB" if "megabytes" in one else "-"
    return f"{int(size):,}: {one['milliseconds']:.1f} ms, {memory}"


@pytest.mark.parametrize("part", SIZES)
def test_a_row_is_the_recorded_one(part):
    a, b, c = law(*_curve(FOUND[part]))
    sizes = list(FOUND[part])
    cells = [cell(size, FOUND[part][size]) for size in (sizes[0], sizes[-1])]
    assert f"| {cells[0]} | {cells[1]} | {a:.2g} + {b:.2g} n^{c:.2f} |" in PAGE


def test_what_is_said_of_more_follows_from_the_figures():
    rate, programs = max(
        (32_000 * int(n) / one["milliseconds"], int(n)) for n, one in FOUND["programs"].items()
    )
    years = 1e12 * 32 / rate / 3600 / 24 / 365
    told = " ".join(PAGE.split())
    best = f"One core runs {rate:,.0f} programs times examples a second at best ({programs:,} programs in"
    assert f"{best} the record above). That makes {years:.1f} years" in told
    exact = json.loads((RESULTS / "exact" / "posteriors.json").read_text(encoding="utf-8"))["summary"]
    assert 0.75 < exact["apply2x2, 64 examples"]["seconds"]["median"] / 60 < 1.5
    assert "APPLY2X2 take about a minute on one core, given 64 grids" in told
    lifetimes = json.loads((RESULTS / "lifelong" / "augmented.json").read_text(encoding="utf-8"))
    a_task = lifetimes["models"]["ntpt"]["seconds"]["mean"] / 8
    assert (
        f"at the {a_task:.1f} s that one of a lifetime's eight tasks takes: {1000 * a_task / 3600:.1f} h"
        in told
    )


def test_what_two_processes_do_is_the_recorded():
    found = json.loads((RESULTS / "workers" / "cpu.json").read_text(encoding="utf-8"))
    (exhaustive,), (shared,), (rates,) = (found[part].values() for part in ("exhaustive", "shared", "rates"))
    assert exhaustive["same"]
    assert shared["same"]
    assert rates["same"]
    told = " ".join(PAGE.split())
    assert f"two on two cores run programs {exhaustive['ratios']['2']:.2f} times as fast as one" in told
    assert f"and trainings of four seeds {rates['ratios']['2']:.2f} times, with the same results" in told
    assert f"`turing.terpret` that share work {shared['ratios']['2']:.2f} times" in told
