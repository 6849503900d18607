"""What the documents say of exact posteriors is what was recorded."""

from ntpt_pyro.experiments.calibration_judge import PRIORS
from tests.test_readme import MEASURED, flowing, ranged, recorded, share

POSTERIORS = {
    "add2x2, 64 examples": "ADD2X2, four tasks, 64 grids",
    "math, 64 examples": "MATH, 64 expressions",
    "apply2x2, 16 examples": "APPLY2X2, four tasks, 16 grids",
    "apply2x2, 64 examples": "APPLY2X2, four tasks, 64 grids",
}
CIRCUITS_AND_MACHINES = 7


def programs(found: dict, kind: str) -> int:
    """How many programs there are of a kind of task."""
    (number,) = {one["programs"] for one in found.values() if f"{one['task']}/".startswith(f"{kind}/")}
    return number


def posterior_row(name: str, summary: dict, count: int) -> str:
    """A row of the table of exact posteriors."""
    memory, left = (ranged(summary[name], ",.0f") for name in ("megabytes", "settings"))
    return (
        f"| {POSTERIORS[name]} | {count:,} | {share(summary['right'])} "
        f"| {ranged(summary['seconds'], '.1f')} s | {memory} MB | {left} | {summary['hidden']['max']:.0e} |"
    )


def count_row(name: str, one: dict) -> str:
    """A row of the table of programs that fit all instances."""
    return (
        f"| {name} | 10^{one['settings']:.0f} | {one['fit']:,} | {one['cubes']:,} | {one['seconds']:.1f} s "
        f"| {one['megabytes']:,} MB | {one['fit_plainly']:,}, {one['seconds_plainly']:.1f} s |"
    )


def behaviours_sentence(counts: dict) -> str:
    """What the programs compute that fit."""
    every, few = (counts[f"turing decrement, numbers {zeros} leading zeros"] for zeros in ("with", "without"))
    access = counts["basic_block access, every memory"]
    return (
        f"The {every['fit']:,} programs that decrement all instances compute {every['behaviours']} different "
        f"things on the {every['inputs']} tapes that hold a number above 0, leading zeros too; the right one "
        f"has a probability of {every['probability']:.1%}, the most probable one "
        f"{every['likeliest'][0]:.1%}. Without leading zeros there are {few['inputs']} tapes, and "
        f"{few['behaviours']} behaviours; the right one has {few['probability']:.1%}. "
        f"A program that fits the instances of access is right on all "
        f"{access['inputs']:,} memories with a probability of {access['probability']:.1%}."
    )


def lines_sentence(lines: dict) -> str:
    """What is said of programs that are too many."""
    one = lines["apply2x2/top, 5 lines, 16 examples"]
    return f"APPLY2X2 of {one['lines']} lines is refused after {one['seconds']:.0f} s: “{one['said']}”."


def calibration_row(number: str, found: dict, kind: str) -> str:
    """A row of the tables of what posteriors claim, and how often they are right."""
    cells = []
    for prior in PRIORS:
        one = found[kind][prior]
        cells += [f"{one['claimed']:.2f}", share(one["right"]), f"{one['log_score']:z.2f}"]
    return f"| {number} | {' | '.join(cells)} |"


def test_exact_posteriors_are_the_recorded_ones():
    found = recorded("exact/posteriors.json")
    assert len(found["summary"]) == len(POSTERIORS)
    for name, summary in found["summary"].items():
        row = posterior_row(name, summary, programs(found["posteriors"], name.split(",")[0]))
        assert row in MEASURED


def test_counts_are_the_recorded_ones_and_those_of_the_other_way():
    counts = recorded("exact/counts.json")["counts"]
    rows = {name: one for name, one in counts.items() if "fit_plainly" in one}
    assert len(rows) == CIRCUITS_AND_MACHINES
    for name, one in rows.items():
        assert one["fit"] == one["fit_plainly"]
        assert count_row(name, one) in MEASURED
    assert behaviours_sentence(counts) in flowing(MEASURED)


def test_what_is_refused_is_the_recorded_one():
    assert lines_sentence(recorded("exact/lines.json")["lines"]) in flowing(MEASURED)


def test_calibration_is_the_recorded_one():
    for number, found in recorded("posterior/priors.json")["summary"].items():
        for kind in ("exact", "drawn"):
            assert calibration_row(number, found, kind) in MEASURED
