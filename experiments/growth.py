"""How cost grows: a training step and a search over restarts, batch, steps of a loop, range and programs.

    python -m ntpt_pyro.experiments.growth --out experiments/results/growth/cpu.json

Parts: `restarts`, `batch` (of ADD2X2), `loop` and `range` (of a machine that adds to a register T times, all
values in 0..M-1), each with the time of a recorded step and the most memory that the model's own step takes;
`programs` (of ADD2X2, each run by itself on 32 examples). One thread. For each part a law ``a + b n^c`` is
fitted to what was measured.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyro
import torch
from torch import Tensor

from ntpt_pyro import Library, choice, observe, one_hot, runtime, select, switch, var
from ntpt_pyro.experiments.recording import Figures, main_of, parser_of, parts_of, record_parts, several
from ntpt_pyro.inference import Training, marginal
from ntpt_pyro.inference.posterior.exhaustive import Likelihood
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.training.peak_memory import PeakMemory
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.report.figure_files import empty_figure, write_figure
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

SIZES = {
    "restarts": (1, 4, 16, 64, 256),
    "batch": (8, 32, 128, 512),
    "loop": (2, 4, 8, 16, 32, 64),
    "range": (4, 8, 16, 32, 64, 128),
    "programs": (1_000, 4_000, 16_000, 64_000),
}
"""What each part is measured at."""
Made = tuple[Training, tuple[Tensor, ...]]
"""A training and its batch."""
WARM = 4
"""Steps that go ahead, so that the next ones are recorded."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, fit, write.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            made = {part: partial(_figures, part, options) for part in SIZES}
            found = record_parts("growth", options, parts_of(options.part, made), threads=1)
    finally:
        torch.set_num_threads(threads)
    for part in options.part:
        print(part, law(*_curve(found[part])))
    if options.plot is not None:
        draw(found, options.plot)
    return found


def draw(found: Mapping[str, Any], file: Path) -> None:
    """Draw what was measured, and the laws.

    :param found: what was written.
    :param file: where to.
    """
    parts = [part for part in SIZES if len(found.get(part, {})) > 1]
    figure, panels = empty_figure(3.2 * len(parts), 3.0, columns=len(parts))
    for axes, part in zip(panels, parts, strict=True):
        sizes, milliseconds = _curve(found[part])
        a, b, c = law(sizes, milliseconds)
        line = np.geomspace(sizes[0], sizes[-1], 50)
        axes.plot(line, a + b * line**c, color="C0", linewidth=1)
        axes.plot(sizes, milliseconds, "o", color="C0", markersize=4)
        axes.set(xscale="log", yscale="log", xlabel=part)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7)
        axes.minorticks_off()
        axes.set_title(f"{a:.2g} + {b:.2g} n^{c:.2f}", fontsize=9, loc="left")
    panels[0].set_ylabel("milliseconds")
    write_figure(figure, file)


def _curve(measured: Mapping[str, Mapping[str, float]]) -> tuple[list[int], list[float]]:
    """Sizes and milliseconds of a part."""
    return [int(size) for size in measured], [one["milliseconds"] for one in measured.values()]


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, rounds=30, most=10**9)
    parser.add_argument("--part", type=several, default=list(SIZES))
    parser.add_argument("--plot", type=Path, help="file to draw the curves to")
    return parser.parse_args(arguments)


def law(sizes: Sequence[int], milliseconds: Sequence[float]) -> tuple[float, float, float]:
    """A law of growth.

    :param sizes: n.
    :param milliseconds: that were measured at each.
    :returns: a, b and c of ``a + b n^c`` that are nearest, by relative error.

    >>> [round(one, 2) for one in law([1, 4, 16, 64, 256], [2.5, 4.0, 10.0, 34.0, 130.0])]
    [2.0, 0.5, 1.0]
    """
    n, taken = np.array(sizes, dtype=float), np.array(milliseconds)
    best, found = np.inf, (0.0, 0.0, 1.0)
    for c in np.linspace(0.2, 4.0, 381):
        columns = np.stack([np.ones_like(n), n**c], -1) / taken[:, None]
        (a, b), *_ = np.linalg.lstsq(columns, np.ones_like(n), rcond=None)
        if a < 0:  # no step takes less than nothing
            a, b = 0.0, float(columns[:, 1].sum() / (columns[:, 1] ** 2).sum())
        error = float(((columns @ np.array([a, b]) - 1) ** 2).sum())
        if error < best:
            best, found = error, (float(a), float(b), float(c))
    return found


def _figures(part: str, options: argparse.Namespace) -> Figures:
    measure: dict[str, Callable[[int], Made]] = {
        "restarts": _grids,
        "batch": partial(_grids, 1),
        "loop": _loop,
        "range": partial(_loop, 8),
    }
    sizes = [size for size in SIZES[part] if size <= options.most]
    if part == "programs":
        return {str(size): partial(_programs, size) for size in sizes}
    return {str(size): partial(_step, partial(measure[part], size), options.rounds) for size in sizes}


def _step(made: Callable[[], Made], rounds: int) -> dict[str, float]:
    """A recorded step's time, and the memory of one that the model takes itself."""
    training, batch = made()
    training.learn(*batch)
    with PeakMemory() as memory:
        training.learn(*batch)
    for _ in range(WARM):
        training.learn(*batch)
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        training.learn(*batch)
        taken.append(1000 * (time.perf_counter() - began))
    return {"milliseconds": round(median(taken), 3), "megabytes": round(memory.peak / 1e6, 2)}


def _grids(restarts: int, batch: int = 32) -> Made:
    """ADD2X2, with a library that restarts share."""
    data = add2x2_examples("top", load_digits("train"), batch, torch.Generator().manual_seed(0)).tensors
    library = Library([net_0])
    model = partial(add2x2, library=library)
    training = Training(model, data, strategy=marginal(), compile="jit", restarts=restarts, library=library)
    return training, data


def _loop(steps: int, size: int = 16) -> Made:
    """A machine that adds one of two inputs to a register, or not, so many times."""

    @runtime([size, size], size)
    def add(a: int, b: int) -> int:
        return (a + b) % size

    def machine(inputs: Tensor, results: Tensor | None = None) -> None:
        which, whether = choice("which", 2), choice("whether", 2)
        with pyro.plate("examples", len(inputs), dim=-1):
            held = one_hot(inputs, size)
            register = held[..., 0, :]
            for step in range(steps):
                added = add(register, select(which, held))
                register = var(f"register_{step}", switch(whether, [register, added]))
            observe("result", register, results)

    source = torch.Generator().manual_seed(0)
    inputs = torch.randint(size, (32, 2), generator=source)
    data = (inputs, (inputs[:, 0] + steps * inputs[:, 1]) % size)
    return Training(machine, data, strategy=marginal(), restarts=4, compile="jit"), data


def _programs(count: int) -> dict[str, float]:
    """Programs run by themselves."""
    data = add2x2_examples("top", load_digits("train"), 32, torch.Generator().manual_seed(0)).tensors
    model = partial(add2x2, library=Library([net_0]).eval())
    space = ProgramSpace.of(model, data)
    likelihood, numbers = Likelihood(model, space, data, memory=2**28), torch.arange(count)
    began = time.perf_counter()
    likelihood(numbers, 0, len(data[0]))
    return {"milliseconds": round(1000 * (time.perf_counter() - began), 1)}


if __name__ == "__main__":
    main_of(__spec__)
