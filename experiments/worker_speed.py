"""How much faster several processes are than one: an exhaustive search, and runs of several seeds.

    python -m ntpt_pyro.experiments.worker_speed --out experiments/results/workers/cpu.json

Parts: `exhaustive` (programs of ADD2X2 on all examples, none dropped, with a network that is not trained),
`shared` (the exact posterior of a text, whose programs share work, labels being certain) and `rates` (a short
run of `add2x2/top` for each seed). Each is done by one process and by others in turn, round after round, so
that what else the machine does hits all alike; workers are started before, and what that takes is told apart.
The figures to look at are ratios: one process's time by that of several.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from ntpt_pyro import Library, Task, find_task, induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments.recording import Figures, main_of, parser_of, parts_of, record_parts, several
from ntpt_pyro.experiments.solver_determined import text_named
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.inference.posterior.exhaustive import MOST_AT_ONCE, Likelihood
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.work.side_by_side import in_parallel
from ntpt_pyro.inference.work.workers import Workers, cores
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

TASK = "add2x2/top"
PARTS = ("exhaustive", "shared", "rates")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts and write the figures.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    :raises UsageError: where a part is unknown, or a number of processes is none.
    """
    options = parsed(arguments)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        made: dict[str, Callable[[], Figures]] = {
            "exhaustive": partial(_exhaustive_figures, options),
            "shared": partial(_shared_figures, options),
            "rates": partial(_rates_figures, options),
        }
        return record_parts("worker_speed", options, parts_of(options.part, made), cores=cores(), threads=1)
    finally:
        torch.set_num_threads(threads)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, rounds=5, programs=80_000, examples=32, seeds=4, steps=300)
    parser.add_argument("--processes", type=several, default=["1", "2"], help="numbers of them, 1 the first")
    parser.add_argument("--text", default="turing:decrement", help="of models/terpret, and its task")
    parser.add_argument("--part", type=several, default=list(PARTS))
    return parser.parse_args(arguments)


def _exhaustive_figures(options: argparse.Namespace) -> Figures:
    return {f"{TASK}, {options.examples} examples": partial(_exhaustive, options)}


def _exhaustive(options: argparse.Namespace) -> dict[str, Any]:
    """Many programs on all examples."""
    source = torch.Generator().manual_seed(0)
    data = add2x2_examples("top", load_digits("train"), options.examples, source).tensors
    model = partial(add2x2, library=Library([net_0]))
    space = ProgramSpace.of(model, data)
    numbers = torch.linspace(0, space.size - 1, options.programs).long()

    def search(workers: Workers) -> list[float]:
        likelihood = Likelihood(model, space, data, memory=MOST_AT_ONCE, workers=workers)
        found: list[float] = likelihood(numbers, 0, len(data[0])).tolist()
        return found

    return {"programs": len(numbers), "examples": options.examples} | compared(search, options)


def _shared_figures(options: argparse.Namespace) -> Figures:
    return {f"{options.text}, all instances": partial(_shared, options)}


def _shared(options: argparse.Namespace) -> dict[str, Any]:
    """All programs of a text that explain its instances."""
    task = text_named(*options.text.split(":"))

    def search(workers: Workers) -> list[float]:
        exact = exact_posterior(task.train.model, task.train.tensors, certain_labels=True, workers=workers)
        assert exact.posterior.log_evidence is not None
        return [round(exact.posterior.log_evidence, 9), exact.posterior.programs()]

    return compared(search, options)


def _rates_figures(options: argparse.Namespace) -> Figures:
    return {f"{TASK}, {options.seeds} seeds": partial(_rates, options)}


def _rates(options: argparse.Namespace) -> dict[str, Any]:
    """A short run for each seed."""
    runs = partial(_run, find_task(TASK), options.steps)

    def rates(workers: Workers) -> list[float]:
        return in_parallel(runs, range(options.seeds), workers=workers)

    return {"seeds": options.seeds, "steps": options.steps} | compared(rates, options)


def _run(task: Task, steps: int, seed: int) -> float:
    """The test accuracy of a run."""
    found = induce(task, seed=seed, steps=steps, rounds=1, restarts=8, test_examples=200).result
    assert found.test_accuracy is not None
    return found.test_accuracy


def compared(work: Callable[[Workers], Sequence[float]], options: argparse.Namespace) -> dict[str, Any]:
    """Time work that is done by one process and by several, in turn.

    :param work: what is done by workers; gives its result.
    :param options: with ``processes``, the first of them 1, and ``rounds``.
    :returns: seconds of the wall and ratios by number of processes, and whether the results were the same.
    :raises UsageError: where the first number is not 1.
    """
    numbers = [int(one) for one in options.processes]
    if numbers[0] != 1:
        raise UsageError("processes", expected="1 first", got=options.processes[0], remedy="put 1 first")
    seconds: dict[int, list[float]] = {number: [] for number in numbers}
    starts: dict[int, float] = {}
    results: dict[int, Sequence[float]] = {}
    for _ in range(options.rounds):
        for number in numbers:
            workers = Workers(number)
            began = time.perf_counter()
            in_parallel(_nothing, range(4 * number), workers=workers)  # they start, and load torch
            starts.setdefault(number, time.perf_counter() - began)
            began = time.perf_counter()
            results[number] = work(workers)
            seconds[number].append(round(time.perf_counter() - began, 3))
    return {
        "seconds": seconds,
        "start": {number: round(taken, 2) for number, taken in starts.items()},
        "ratios": _ratios(seconds),
        "same": all(found == results[1] for found in results.values()),
    }


def _ratios(seconds: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """How many times faster each number of processes is than one, the median of rounds."""
    return {
        number: round(median(one / taken for one, taken in zip(seconds[1], of, strict=True)), 3)
        for number, of in seconds.items()
        if number != 1
    }


def _nothing(piece: int) -> int:
    """Do nothing, in a process that is there."""
    del piece
    return os.getpid()


if __name__ == "__main__":
    main_of(__spec__)
