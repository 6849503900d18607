"""What wider exploration brings where gradients miss programs that exist.

    python -m ntpt_pyro.experiments.exploration --out experiments/results/exploration/cpu.json

The full adder, decrement on a Turing machine, and the loop of docs/how_to/a_loop_of_your_own.md (a line in
three parts): each as it is, and with the weight of the KL term falling, gradient noise, a larger table, joint
control. What was right is counted at the end, and when a way had cost as much as the task as it is. Then the
parity chain. What is measured is written after each task; it takes a quarter of an hour.
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ntpt_pyro import Settings, Task, find_task, models
from ntpt_pyro.experiments.gradient_noise import GradientNoise
from ntpt_pyro.experiments.parity_chain import ChainFound, ChainWay, learn_chain
from ntpt_pyro.experiments.recording import main_of, parser_of, record
from ntpt_pyro.experiments.restart_rates import measure
from ntpt_pyro.experiments.turing_task import joint_task
from ntpt_pyro.runs.statistics import Rate, success_rate
from ntpt_pyro.tasks.text_task import TextTask, text_task

FOLDER = Path(models.__file__).parent / "terpret"
PAGE = Path(models.__file__).resolve().parents[1] / "docs" / "how_to" / "a_loop_of_your_own.md"
FALLING = {"kl_start": 0.3, "kl": 0.01}
WIDE = {"init_scale": 3.0, "kl": 0.03}
"""The defaults of tasks that are no texts: restarts begin as different, nearly decided programs."""
CHAINS = {
    "marginal": ChainWay(),
    "relaxed": ChainWay("relaxed"),
    "marginal, noise 0.1": ChainWay(noise=0.1),
    "marginal, KL falls": ChainWay(kl_start=2.5),
    "marginal, KL falls, 5,000 steps": ChainWay(kl_start=2.5, steps=5_000),
    "relaxed, KL falls": ChainWay("relaxed", kl_start=2.5),
}
"""Ways to train a chain. Above twice the weight of the evidence lower bound all of its bits are undecided."""
COUNTED_EVERY = 50
"""Training steps between two counts of the restarts that are right."""
Table = dict[str, int]


@dataclass(frozen=True)
class Variant:
    """A way to learn a task.

    :param task: with tables of its size.
    :param settings: that differ from the task's defaults.
    :param noise: see :class:`~ntpt_pyro.experiments.gradient_noise.GradientNoise`.
    """

    task: Task
    settings: dict[str, Any] = field(default_factory=dict)
    noise: float = 0.0


@dataclass(frozen=True)
class Explored:
    """What restarts found in one way.

    :param at_equal_cost: those that were right when the task as it is was done.
    :param seconds: of the processor.
    """

    settings: dict[str, Any]
    noise: float
    right: Rate
    at_equal_cost: Rate
    seconds: float


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure every task and write the rates.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    tasks, chains, recorded = dict[str, Any](), list[ChainFound](), dict[str, Any]()
    about = {"seed": 0, "threads": torch.get_num_threads(), "tasks": tasks, "chains": chains}
    with TemporaryDirectory() as folder:
        for name, variants in _tasks(Path(folder)).items():
            tasks[name] = _explored(variants, {"restarts": options.restarts, "steps": options.steps})
            recorded = record("exploration", options, **about)
    for bits in options.bits:
        for name, way in CHAINS.items():
            chains.append(learn_chain(bits, way, restarts=options.chain_restarts))
            print(f"{bits} bits, {name}: {chains[-1]}", flush=True)
        recorded = record("exploration", options, **about)
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, restarts=100, steps=300, chain_restarts=20)
    parser.add_argument("--bits", type=_whole, default=[16, 128, 1024])
    return parser.parse_args(arguments)


def _whole(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _explored(variants: dict[str, Variant], common: dict[str, Any]) -> dict[str, Explored]:
    """What each way of a task found; the first is the task as it is."""
    found: dict[str, Explored] = {}
    least: float | None = None
    for name, one in variants.items():
        settings = Settings().changed({**one.task.defaults, **one.settings, **common})
        examples = len(
            one.task.draw(settings.examples, torch.Generator())
        )  # fewer than a batch: all are seen
        noise = GradientNoise(one.noise, examples=examples)
        run = measure(one.task, settings, callbacks=[noise], every=COUNTED_EVERY)
        least = run.seconds if least is None else least
        counts = [look.right for look in run.looks if look.seconds <= least]
        equal = success_rate(counts[-1] if counts else 0, settings.restarts)
        found[name] = Explored(one.settings, one.noise, run.right, equal, run.seconds)
        print(f"{name}: {found[name]}", flush=True)
    return found


def _tasks(folder: Path) -> dict[str, dict[str, Variant]]:
    """The ways to learn each task."""
    return {
        "full adder": dict(_of_text("circuit", "full_adder", {"gates": 8, "wires": 6}, folder)),
        "decrement": dict(_of_decrement(folder)),
        "loop in parts": dict(_of_loop(folder)),
    }


def _of_text(text: str, name: str, larger: Table, folder: Path) -> Iterator[tuple[str, Variant]]:
    """The ways to learn a program text; ``larger`` are hypers of a larger table."""
    task, more = (_text(text, name, table, folder) for table in ({}, larger))
    yield "as it is", Variant(task)
    yield "KL falls from 0.3", Variant(task, FALLING)
    yield "KL falls from 1, means", Variant(task, {"strategy": "marginal", "kl_start": 1.0, "kl": 0.01})
    yield "noise 0.1", Variant(task, noise=0.1)
    yield "wide logits", Variant(task, WIDE)
    yield "larger table", Variant(more)
    yield "larger table, wide logits", Variant(more, WIDE)


def _of_decrement(folder: Path) -> Iterator[tuple[str, Variant]]:
    larger = {"states": 4}
    yield from _of_text("turing", "decrement", larger, folder)
    task, more = (
        joint_task(_text("turing", "decrement", table, folder), _hypers("turing", "decrement", table))
        for table in ({}, larger)
    )
    joint = {"strategy": "relaxed-joint"}
    wide = {**WIDE, **joint}
    yield "joint control", Variant(task, joint)
    yield "joint control, wide logits", Variant(task, wide)
    yield (
        "joint control, wide logits, KL falls from 0.1",
        Variant(task, {**wide, "kl_start": 0.1, "kl": 0.01}),
    )
    yield "joint control, wide logits, noise 0.01", Variant(task, wide, noise=0.01)
    yield "joint control, wide logits, larger table", Variant(more, wide)


def _of_loop(folder: Path) -> Iterator[tuple[str, Variant]]:
    task = _loop(4, folder)
    joint = {"strategy": "marginal-joint"}
    yield "as it is", Variant(task)
    yield "KL falls from 0.1", Variant(task, {"kl_start": 0.1, "kl": 0.01})
    yield "KL falls from 0.3", Variant(task, FALLING)
    yield "noise 0.1", Variant(task, noise=0.1)
    yield "larger table", Variant(_loop(6, folder))
    yield "joint control", Variant(task, joint)
    yield "joint control, KL falls from 0.1", Variant(task, {"kl_start": 0.1, "kl": 0.01, **joint})
    yield "joint control, noise 0.01", Variant(task, joint, noise=0.01)


def _hypers(text: str, name: str, larger: Table) -> Table:
    given: Table = json.loads((FOLDER / f"{text}.hypers.json").read_text(encoding="utf-8"))[name]
    return {**given, **larger}


def _text(text: str, name: str, larger: Table, folder: Path) -> TextTask:
    """The training instances of a text with a table of another size."""
    batches = json.loads((FOLDER / f"{text}.{name}.json").read_text(encoding="utf-8"))
    hypers, data = folder / "hypers.json", folder / "data.json"
    hypers.write_text(json.dumps({name: _hypers(text, name, larger)}), encoding="utf-8")
    data.write_text(json.dumps([one for one in batches if one["hypers"] == name]), encoding="utf-8")
    return text_task(FOLDER / f"{text}.terpret", hypers, data)


def _loop(lines: int, folder: Path) -> Task:
    """The counter machine of the guide, a line in three parts, with so many lines."""
    page, own = PAGE.read_text(encoding="utf-8"), {}
    for name in ("counter", "parts"):
        blocks = re.findall(rf"^```python {name}\.py\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
        own[name] = "\n\n".join(blocks)
    assert "LINES, STEPS = 5, 4, 8" in own["counter"], "the guide has another machine now"
    counter = own["counter"].replace("LINES, STEPS = 5, 4, 8", f"LINES, STEPS = 5, {lines}, 8")
    (folder / f"counter_{lines}.py").write_text(counter, encoding="utf-8")
    parts = folder / f"parts_{lines}.py"
    parts.write_text(own["parts"].replace("from counter", f"from counter_{lines}"), encoding="utf-8")
    return find_task(f"{parts}:task")


if __name__ == "__main__":
    main_of(__spec__)
