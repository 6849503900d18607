"""What a training step of ADD2X2 costs: under two strategies, written by hand, and its networks alone.

    python -m ntpt_pyro.experiments.benchmark --out experiments/results/benchmark/cpu.json

All variants run in turn, round after round, in one process with one thread on the same batch of 32 grids, so
that what else the machine does hits them alike. The figures to look at are ratios of medians.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro import Library
from ntpt_pyro.experiments.handwritten import network, stepper
from ntpt_pyro.experiments.recording import parser_of, record
from ntpt_pyro.inference import Training, marginal, relaxed
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

BATCH = 32
RESTARTS = (1, 32)
RATIOS = {
    "marginal R=1 / hand-written R=1": ("marginal, R=1", "hand-written, R=1"),
    "marginal R=32 / hand-written R=32": ("marginal, R=32", "hand-written, R=32"),
    "marginal R=32 / marginal R=1": ("marginal, R=32", "marginal, R=1"),
    "relaxed R=1 / marginal R=1": ("relaxed, R=1", "marginal, R=1"),
    "marginal R=1 / networks": ("marginal, R=1", "networks"),
    "look at the model / marginal R=1": ("look at the model", "marginal, R=1"),
}


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
            seconds = _measure(_variants(), rounds)
    finally:
        torch.set_num_threads(threads)
    milliseconds = {name: 1000 * median(times) for name, times in seconds.items()}
    ratios = {name: milliseconds[over] / milliseconds[under] for name, (over, under) in RATIOS.items()}
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
    parser.add_argument("--smoke", action="store_const", const=True, help="two rounds, to see that it runs")
    return parser.parse_args(arguments)


def _variants() -> dict[str, Callable[[], Any]]:
    """A function for each variant that takes one step."""
    digits = load_digits("train")
    images, sums = add2x2_examples("top", digits, BATCH, torch.Generator().manual_seed(0)).tensors
    variants: dict[str, Callable[[], Any]] = {"networks": partial(_networks, network(), images)}
    first = partial(add2x2, library=Library([net_0]))
    variants["look at the model"] = partial(examine, "fit", first, (images, sums))  # that `fit` begins with
    for restarts in RESTARTS:
        variants[f"hand-written, R={restarts}"] = stepper(restarts, images, sums)
        for name, strategy in (("marginal", marginal()), ("relaxed", relaxed())):
            library = Library([net_0])
            model = partial(add2x2, library=library)
            training = Training(model, (images, sums), strategy=strategy, restarts=restarts, library=library)
            variants[f"{name}, R={restarts}"] = partial(training.learn, images, sums)
    return variants


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
    main()
