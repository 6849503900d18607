"""What one machine can do: a training step at many sizes, programs a second, baselines of the paper's size.

    python -m ntpt_pyro.experiments.devices --device cuda --out experiments/results/devices/h100.json

Steps are of ADD2X2 under forward marginals, by the package and written by hand (see ``handwritten.py``), in
turn, so that what else the machine does hits both alike. The search runs programs of ADD2X2 with a network
that is not trained, all examples of all of them. Baselines are MATH's, on symbols that are given: how long a
step of theirs takes, and, trained, how they do on longer expressions.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch

from ntpt_pyro import Library
from ntpt_pyro.experiments.generalize import LONGEST
from ntpt_pyro.experiments.handwritten import stepper
from ntpt_pyro.experiments.lengths import baseline_on_symbols
from ntpt_pyro.experiments.recording import as_json, main_of, parser_of, parts_of, record_parts, several
from ntpt_pyro.experiments.sequence_learner import (
    SEQUENCE_MODELS,
    SequenceLearner,
    SequenceSettings,
    train_baseline,
)
from ntpt_pyro.inference import Training, marginal
from ntpt_pyro.inference.posterior.exhaustive import Likelihood
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.runs.device_names import device_named
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

WARM = 5
"""Steps that go ahead unmeasured."""
COMPILED: dict[str, str] = {"package": "jit", "unrecorded": "none"}
"""Steps as a long run takes them, and those that the model takes itself."""
HIDDEN, FILTERS = 1024, 512
"""Of the LSTMs and of the Neural GPU: the paper's sizes (section 5.2)."""
TAPES = 2000
"""Expressions of each length that trained baselines are tried on."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, write JSON.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options = parsed(arguments)
    with torch.device(device_named(options.device)), torch.random.fork_rng(devices=[]):
        made = {
            "steps": partial(_step_figures, options),
            "search": partial(_search_figures, options),
            "baselines": partial(_baseline_figures, options),
            "trained": partial(_trained_figures, options),
        }
        return record_parts("devices", options, parts_of(options.part, made), machine=machine())


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(
        __doc__, data=False, rounds=50, programs=100_000, baseline_steps=50, trained_steps=10_000
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--restarts", type=several, default=["1", "32", "1024"])
    parser.add_argument("--batches", type=several, default=["32", "1024"])
    parser.add_argument("--part", type=several, default=["steps", "search", "baselines", "trained"])
    return parser.parse_args(arguments)


def machine() -> dict[str, Any]:
    """What it was measured on, in words."""
    if torch.get_default_device().type != "cuda":
        return {"device": "cpu", "threads": torch.get_num_threads()}
    return {"device": torch.cuda.get_device_name()}


def _done() -> None:
    """Wait until the device has done what it was asked for."""
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()


def _seconds(function: Callable[[], Any]) -> float:
    """Of one call."""
    _done()
    began = time.perf_counter()
    function()
    _done()
    return time.perf_counter() - began


def _peak() -> int | None:
    """MiB of the device's memory that were taken at most since the last question; None on the CPU."""
    if torch.get_default_device().type != "cuda":
        return None
    found = torch.cuda.max_memory_allocated() // 2**20
    torch.cuda.reset_peak_memory_stats()
    return found


def _step_figures(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    sizes = [(int(r), int(b)) for b in options.batches for r in options.restarts]
    return {f"R={r}, batch {b}": partial(_steps, r, b, options.rounds) for r, b in sizes}


def _steps(restarts: int, batch: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a step, by the package and by hand."""
    source = torch.Generator().manual_seed(0)
    images, sums = add2x2_examples("top", load_digits("train"), batch, source).tensors
    variants: dict[str, Callable[[], Any]] = {"by hand": stepper(restarts, images, sums)}
    for name, way in COMPILED.items():
        library = Library([net_0])
        model = partial(add2x2, library=library)
        training = Training(
            model,
            (images, sums),
            strategy=marginal(),
            restarts=restarts,
            library=library,
            compile=way,
        )
        variants[name] = partial(training.learn, images, sums)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    memory: dict[str, int | None] = {}
    for number in range(-WARM, rounds):
        for name, step in variants.items():
            _peak()
            took = _seconds(step)
            memory[name] = _peak()
            if number >= 0:
                seconds[name].append(took)
    found = {name: 1000 * median(times) for name, times in seconds.items()}
    return {
        "milliseconds": {name: round(value, 3) for name, value in found.items()},
        "ratio": round(found["package"] / found["by hand"], 3),
        "MiB": memory,
    }


def _search_figures(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    return {"add2x2, 64 examples": partial(_search, options.programs)}


def _search(programs: int, examples: int = 64) -> dict[str, Any]:
    """Programs times examples a second."""
    source = torch.Generator().manual_seed(0)
    data = add2x2_examples("top", load_digits("train"), examples, source).tensors
    model = partial(add2x2, library=Library([net_0]).eval())
    space = ProgramSpace.of(model, data)
    numbers = torch.randint(space.size, (programs,), generator=source, device="cpu")
    found: dict[str, Any] = {"programs": programs, "a second": {}}
    for memory in (2**28, 2**31, 2**34) if machine()["device"] != "cpu" else (2**28,):
        likelihood = Likelihood(model, space, data, memory=memory)
        likelihood(numbers[:1000], 0, examples)
        rate = programs * examples / _seconds(partial(likelihood, numbers, 0, examples))
        found["a second"][f"{memory // 2**20} MiB at a time"] = round(rate)
    return found


def _baseline_figures(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    return {name: partial(_baseline, name, options.baseline_steps) for name in SEQUENCE_MODELS}


def _paper_sized(name: str, steps: int) -> SequenceSettings:
    suited = {**SEQUENCE_MODELS[name], "steps": steps}
    return SequenceSettings(name, hidden=HIDDEN, filters=FILTERS, **suited)


def _baseline(name: str, steps: int) -> dict[str, Any]:
    """Milliseconds of a step."""
    learner = SequenceLearner(_paper_sized(name, steps))
    learner.longest = learner.settings.digits
    for _ in range(WARM):
        learner.learn()
    _peak()
    each = median(_seconds(learner.learn) for _ in range(steps))
    return {
        "parameters": sum(one.numel() for one in learner.model.parameters()),
        "milliseconds": round(1000 * each, 2),
        "MiB": _peak(),
    }


def _trained_figures(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    return {name: partial(_trained, name, options.trained_steps) for name in SEQUENCE_MODELS}


def _trained(name: str, steps: int) -> dict[str, Any]:
    """The accuracy by length of a trained baseline, in %."""
    learner, seconds = train_baseline(_paper_sized(name, steps))
    longest = LONGEST.get(name)
    curve = baseline_on_symbols(learner.average, TAPES, longest=longest)
    return {
        "options": as_json(learner.settings),
        "trained to": learner.longest,
        "seconds": round(seconds, 1),
        "% right by digits": {
            str(point.digits): round(100 * point.right / point.tapes, 2) for point in curve
        },
    }


if __name__ == "__main__":
    main_of(__spec__)
