"""The README's table: a row a task, each figure the recorded one."""

import json
from statistics import mean

from tests.pages import ROOT

RESULTS = ROOT / "experiments" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def recorded(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def times(rate: dict) -> str:
    return f"{rate['successes']} of {rate['trials']}"


def row(task: str, paper: str, here: str) -> str:
    return f"| {task} | {paper} | {here} |"


def rows_of_lifetimes() -> list[str]:
    ntpt = recorded("lifelong/plain.json")["models"]["ntpt"]
    final = {
        name: mean(one["accuracy"]["mean"] for task, one in ntpt["tasks"].items() if task.startswith(name))
        for name in ("add2x2", "apply2x2")
    }
    add, apply = (f"{100 * share:.0f} %" for share in final.values())
    return [
        row("ADD2X2, at the end of a lifetime of eight tasks", "86 to 87 %", add),
        row(
            "APPLY2X2, at the end of a lifetime",
            "98 to 100 %",
            f"{apply}; programs of five lifetimes: {times(ntpt['right_programs'])} right",
        ),
    ]


def rows_of_math() -> list[str]:
    single = recorded("restarts/math.json")["strategies"]["relaxed-joint"]["right"]
    (runs,) = recorded("rates/math.json")["summary"].values()
    first = recorded("exact/posteriors.json")["summary"]["math, 64 examples"]["right"]
    return [
        row("MATH's loop: single restarts", "2 of 100", times(single)),
        row("MATH's loop: runs of 32 restarts", "-", times(runs["right_programs"])),
        row("MATH: posterior over all 1,975,509 programs", "-", f"the right one first, {times(first)}"),
    ]


def rows_of_machines() -> list[str]:
    texts = recorded("texts/published_sizes.json")
    found = []
    for task in ("invert", "decrement"):
        one, terpret = (texts[key][f"halting_turing {task}"] for key in ("published_sizes", "terpret"))
        here = f"{times(one['restarts'])}; {times(one['solver']['proved'])}, proved"
        theirs = terpret.removesuffix(" restarts")
        found.append(row(f"Turing machine, {task}: restarts; solver", f"{theirs}; -", here))
    return found


def test_the_rows_are_the_recorded_ones():
    alone = recorded("rates/mnist.json")["summary"]["top, from scratch"]
    right, accuracy = times(alone["right_programs"]), alone["test_accuracy"]["median"]
    (path_len,) = recorded("rates/path_len.json")["summary"].values()
    rows = [
        row(
            "one ADD2X2 task, from 1,000 grids and nothing else",
            "40 +- 20 % of sums",
            f"{right} programs right, {accuracy:.1%} of sums, in {alone['seconds']['median']:.0f} s",
        ),
        *rows_of_lifetimes(),
        *rows_of_math(),
        row("path_len, the paper's Figure 1", "a drawing", f"{times(path_len['right_programs'])} runs right"),
        *rows_of_machines(),
    ]
    assert len(rows) == 9
    assert [one for one in rows if one not in README] == []


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130
