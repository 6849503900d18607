"""What a training step of ADD2X2 costs: recorded, by Pyro, by hand, its networks alone; and one of a text.

    python -m ntpt_pyro.experiments.benchmark --out experiments/results/benchmark/cpu.json

All variants run in turn, round after round, in one process with one thread on the same batch of 32 grids, so
that what else the machine does hits them alike. The figures to look at are ratios of medians. "Unrecorded"
steps are those that the model takes itself, by Pyro (``compile="none"``); the others are as a long run takes
them.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro import Library, find_task, models
from ntpt_pyro.experiments.handwritten import network, stepper
from ntpt_pyro.experiments.recording import main_of, parser_of, record
from ntpt_pyro.inference import Training, marginal, relaxed
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

BATCH = 32
TEXTS = Path(models.__file__).parent / "terpret"
MOST_BY_HAND = 32
"""Restarts: of more only the recorded step is timed, which takes hundreds of milliseconds then."""
RESTARTS = (1, 32, 1024)
COMPILED = ("jit", "none")
"""Ways to run steps; with a C++ compiler and some minutes also ``inductor`` (``--inductor``)."""
NAMES = {"jit": "", "none": " unrecorded", "inductor": " inductor"}
PAIRS = (
    ("marginal, R=1", "hand-written, R=1"),
    ("marginal, R=32", "hand-written, R=32"),
    ("marginal unrecorded, R=1", "hand-written, R=1"),
    ("marginal unrecorded, R=32", "hand-written, R=32"),
    ("marginal inductor, R=1", "hand-written, R=1"),
    ("marginal inductor, R=32", "hand-written, R=32"),
    ("marginal, R=32", "marginal, R=1"),
    ("marginal, R=1024", "marginal, R=32"),
    ("relaxed, R=1", "marginal, R=1"),
    ("marginal, R=1", "networks"),
    ("turing invert unrecorded, R=1", "turing invert, R=1"),
    ("look at the model", "marginal unrecorded, R=1"),
)
"""Variants whose ratios are told."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, print a table, write JSON.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    rounds = 2 if options.smoke else options.rounds
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            compiled = (*COMPILED, "inductor") if options.inductor else COMPILED
            seconds = _measure(_variants(RESTARTS[:1] if options.smoke else RESTARTS, compiled), rounds)
    finally:
        torch.set_num_threads(threads)
    milliseconds = {name: 1000 * median(times) for name, times in seconds.items()}
    ratios = {
        f"{over} / {under}".replace(",", ""): milliseconds[over] / milliseconds[under]
        for over, under in PAIRS
        if over in milliseconds and under in milliseconds
    }
    recorded = record(
        "benchmark",
        options,
        threads=1,
        batch=BATCH,
        median_milliseconds={name: round(value, 3) for name, value in milliseconds.items()},
        ratios={name: round(value, 3) for name, value in ratios.items()},
    )
    titles = {"median_milliseconds": "one training step, batch of 32 grids, 1 thread: ms", "ratios": "ratio"}
    for key, title in titles.items():
        print(title)
        for name, value in recorded[key].items():
            print(f"{name:<48}  {value:9.2f}")
    return recorded


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, out=False, rounds=200)
    parser.add_argument("--smoke", action="store_const", const=True, help="two rounds of one restart")
    parser.add_argument("--inductor", action="store_const", const=True, help="compile steps to C++ too")
    return parser.parse_args(arguments)


def _variants(restarts: Sequence[int], compiled: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """A function for each variant that takes one step."""
    digits = load_digits("train")
    images, sums = add2x2_examples("top", digits, BATCH, torch.Generator().manual_seed(0)).tensors
    variants: dict[str, Callable[[], Any]] = {"networks": partial(_networks, network(), images)}
    first = partial(add2x2, library=Library([net_0]))
    variants["look at the model"] = partial(examine, "fit", first, (images, sums))  # that `fit` begins with
    for number in restarts:
        if number <= MOST_BY_HAND:
            variants[f"hand-written, R={number}"] = stepper(number, images, sums)
        for name, strategy in (("marginal", marginal()), ("relaxed", relaxed())):
            for way in compiled if number <= MOST_BY_HAND else ("jit",):
                library = Library([net_0])
                model = partial(add2x2, library=library)
                training = Training(
                    model,
                    (images, sums),
                    strategy=strategy,
                    restarts=number,
                    library=library,
                    compile=way,
                )
                variants[f"{name}{NAMES[way]}, R={number}"] = _warm(training, images, sums)
    task = find_task(f"{TEXTS / 'halting_turing.terpret'}:invert")
    examples = task.draw(1000, torch.Generator().manual_seed(0)).tensors
    for way in compiled:
        training = Training(task.with_library(None), examples, strategy=marginal(), compile=way)
        variants[f"turing invert{NAMES[way]}, R=1"] = _warm(training, *examples)
    return variants


def _warm(training: Training, *batch: Tensor) -> Callable[[], float]:
    """Takes a step when it is called; the first of them are taken here, so that they are recorded."""
    for _ in range(4):
        training.learn(*batch)
    return partial(training.learn, *batch)


def _networks(net: torch.nn.Module, images: Tensor) -> None:
    """The networks' forward and backward pass on the batch's images, nothing else."""
    net(images.reshape(-1, 784)).softmax(-1).sum().backward()
    net.zero_grad()


def _measure(variants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant's every step; a tenth of the rounds, at least one, goes ahead unmeasured."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(-max(1, rounds // 10), rounds):
        for name, step in variants.items():
            began = time.perf_counter()
            step()
            if number >= 0:
                seconds[name].append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main_of(__spec__)
