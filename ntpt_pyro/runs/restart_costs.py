"""What restarts cost, from trial steps: memory and seconds."""

import time
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from ntpt_pyro.inference.handlers.strategies import strategy_named
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.peak_memory import PeakMemory
from ntpt_pyro.inference.training.training import Training
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.runs.methods.restart_networks import library_for

TRIED = 8
"""Examples of a trial at most; memory for more is reckoned from it."""
FEW_BYTES, TOGETHER = 2**20, 32
"""A restart that takes so few is tried with others."""
TRIAL_STEPS = 3
"""Steps that are timed."""


def bytes_a_restart(work: Work, strategy: str | Strategy) -> int:
    """The memory that training takes for each restart.

    :param work: what is learned from.
    :param strategy: that restarts are trained under, or its name.
    :returns: bytes, tensors alone.
    """
    batch = min(work.settings.batch_size or len(work.examples), len(work.examples))
    some = min(batch, TRIED)
    taken = _each(work, strategy, some)
    if some == batch:
        return taken
    fewer = some // 2
    return taken + (taken - _each(work, strategy, fewer)) * (batch - some) // (some - fewer)


def seconds_a_step(work: Work, strategy: str, restarts: int) -> float:
    """The time that a training step takes.

    :param work: what is learned from.
    :param strategy: name of a strategy that restarts are trained under.
    :param restarts: programs trained at once.
    :returns: seconds, the median of a few steps.
    """
    batch = _batch(work, work.settings.batch_size or len(work.examples))
    with torch.random.fork_rng(devices=[]):
        training, taken = _training(work, strategy, restarts, batch), []
        training.learn(*batch)  # the first one checks shapes
        for _ in range(TRIAL_STEPS):
            began = time.perf_counter()
            training.learn(*batch)
            taken.append(time.perf_counter() - began)
    return median(taken)


def _each(work: Work, strategy: str | Strategy, examples: int) -> int:
    """Bytes that a restart takes; where these are few, several share what is there once."""
    _peak(work, strategy, examples, 1)  # makes what is kept for all restarts
    alone = _peak(work, strategy, examples, 1)
    return alone if alone > FEW_BYTES else _peak(work, strategy, examples, TOGETHER) // TOGETHER


def _peak(work: Work, strategy: str | Strategy, examples: int, restarts: int) -> int:
    """Bytes that two steps take; the second one has what an optimiser keeps."""
    batch = _batch(work, examples)
    with torch.random.fork_rng(devices=[]), PeakMemory() as memory:
        training = _training(work, strategy, restarts, batch)
        for _ in range(2):
            training.learn(*batch)
    return int(memory.peak)


def _training(work: Work, strategy: str | Strategy, restarts: int, batch: tuple[Tensor, ...]) -> Training:
    """A training as a run of so many restarts begins it."""
    library = library_for(replace(work, settings=replace(work.settings, restarts=restarts)), work.seed)
    model = work.task.with_library(library)
    under = strategy if isinstance(strategy, Strategy) else strategy_named(strategy)
    return Training(model, batch, strategy=under, restarts=restarts, library=library)


def _batch(work: Work, examples: int) -> tuple[Tensor, ...]:
    return tuple(tensor[:examples] for tensor in work.examples.tensors)
