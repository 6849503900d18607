"""How many programs of the texts in models/terpret fit their instances: a part of `exact_figures`.

Each number is counted a second time by running machines on integers, see `plain_programs`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import log10
from typing import Any

import numpy as np

from ntpt_pyro.experiments.exact_posteriors import alone, megabytes
from ntpt_pyro.experiments.plain_blocks import block_machine, block_sites, right_on_every_memory
from ntpt_pyro.experiments.plain_machines import fitting_circuits, turing_machine, turing_sites
from ntpt_pyro.experiments.plain_programs import Ints, Machine, every_setting, settings
from ntpt_pyro.experiments.recording import Figures
from ntpt_pyro.experiments.solver_determined import BLANK, decrement, text_named
from ntpt_pyro.inference import ExactPosterior, exact_posterior
from ntpt_pyro.inference.exact.exact_posterior import MEMORY
from ntpt_pyro.tasks.text_task import TextTask

TEXTS = {
    "turing": ("invert", "prepend", "decrement"),
    "circuit": ("swap", "controlled_swap", "full_adder"),
    "basic_block": ("access",),
}
MEMORIES = {"full_adder": 12 * 2**30}
"""Bytes that programs may take, where it is not as many as by default."""
LIKELIEST = 10
"""Behaviours whose probability is kept."""


@dataclass(frozen=True)
class Counted:
    """How many programs fit all instances.

    :param settings: the decimal logarithm of the number of all programs.
    :param fit: those that fit.
    :param fit_plainly: the same, counted a second time.
    :param cubes: programs that fit, those that differ in what they do not read counted once.
    :param log_evidence: in nats, with certain labels.
    """

    instances: int
    choices: int
    settings: float
    fit: int
    fit_plainly: int
    cubes: int
    log_evidence: float | None
    way: str
    seconds: float
    seconds_plainly: float
    megabytes: int


@dataclass(frozen=True)
class Behaviours:
    """What programs that fit compute, each program as probable.

    :param inputs: that they are told apart by.
    :param behaviours: how many differ.
    :param right: how many programs are right on all inputs.
    :param probability: of those.
    :param likeliest: probabilities of the most probable behaviours.
    :param seconds: of telling them apart.
    """

    domain: str
    inputs: int
    fit: int
    behaviours: int | None
    right: int
    probability: float
    likeliest: list[float] | None
    seconds: float


def count_figures() -> Figures:
    """Each text counted, and what the programs of two of them compute."""
    found: dict[str, Callable[[], Any]] = {
        f"{text} {name}": partial(alone, counted, text, name)
        for text, names in TEXTS.items()
        for name in names
    }
    for leading in (False, True):
        zeros = "with leading zeros" if leading else "without leading zeros"
        found[f"turing decrement, numbers {zeros}"] = partial(alone, decrements, leading)
    return found | {"basic_block access, every memory": partial(alone, accesses)}


def posterior_of(task: TextTask, name: str) -> ExactPosterior:
    """The posterior given all instances, none of which may fail.

    :param task: of a text.
    :param name: of the task.
    :returns: it.
    """
    memory = MEMORIES.get(name, MEMORY)
    return exact_posterior(task.train.model, task.train.tensors, certain_labels=True, memory=memory)


def counted(text: str, name: str) -> Counted:
    """How many programs of a text fit.

    :param text: its name.
    :param name: of the task.
    :returns: the numbers.
    """
    task = text_named(text, name)
    exact, peak = posterior_of(task, name), megabytes()
    began = time.monotonic()
    plainly = _counted_plainly(text, task)
    seconds_plainly = time.monotonic() - began
    posterior = exact.posterior
    return Counted(
        instances=len(task.train.instances),
        choices=len(posterior.sizes),
        settings=round(sum(log10(size) for size in posterior.sizes.values()), 1),
        fit=posterior.settings,
        fit_plainly=plainly,
        cubes=posterior.programs(),
        log_evidence=posterior.log_evidence,
        way=exact.way,
        seconds=round(exact.seconds, 2),
        seconds_plainly=round(seconds_plainly, 2),
        megabytes=peak,
    )


def _counted_plainly(text: str, task: TextTask) -> int:
    if text == "circuit":
        return fitting_circuits(task.train.model.hypers, _given(task, "given"), _given(task, "wanted"))
    machine = machine_of(text, task)
    return settings(machine.fitting(machine.all_programs()), machine.sizes)


def machine_of(text: str, task: TextTask) -> Machine:
    """The machine of a text on integers, with the instances of a task."""
    hypers = task.train.model.hypers
    if text == "turing":
        return turing_machine(hypers, _given(task, "initial_tape"), _given(task, "final_tape"))
    return block_machine(hypers, _given(task, "memory"), _given(task, "result"))


def _given(task: TextTask, name: str) -> list[Any]:
    return [instance[name] for instance in task.train.instances]


def _choices(exact: ExactPosterior, sites: Sequence[str]) -> Ints:
    """Programs that are left as rows; open where a choice is not read."""
    found: Ints = np.stack([exact.posterior.columns[site].numpy() for site in sites], -1)
    return found


def numbers(cells: int, *, leading: bool) -> list[list[int]]:
    """Tapes that hold a number above 0 and then blanks, at least one.

    :param cells: of a tape.
    :param leading: whether numbers may begin with zeros.
    :returns: the tapes.

    >>> numbers(3, leading=False)
    [[1, 2, 2], [1, 0, 2], [1, 1, 2]]
    """
    every = [digits for count in range(1, cells) for digits in product((0, 1), repeat=count)]
    return [
        [*digits, *[BLANK] * (cells - len(digits))]
        for digits in every
        if any(digits) and (leading or digits[0])
    ]


def decrements(leading: bool) -> Behaviours:
    """What the programs compute that decrement the instances.

    :param leading: whether they are told apart on numbers with leading zeros too.
    :returns: it.
    """
    task = text_named("turing", "decrement")
    exact = posterior_of(task, "decrement")
    return decremented_by(_choices(exact, turing_sites(task.train.model.hypers)), leading=leading)


def decremented_by(programs: Ints, *, leading: bool) -> Behaviours:
    """What Turing machines make of numbers.

    :param programs: their choices.
    :param leading: see :func:`decrements`.
    :returns: it.
    """
    began, hypers = time.monotonic(), text_named("turing", "decrement").train.model.hypers
    tapes = numbers(hypers["tape_length"], leading=leading)
    machine = turing_machine(hypers, tapes)
    programs = every_setting(programs, machine.sizes)
    ended = [machine.ended(programs, instance).state for instance in range(len(tapes))]
    halted = [one["state"][:, None] == hypers["states"] - 1 for one in ended]
    results = np.stack([np.hstack([one["tape"], h]) for one, h in zip(ended, halted, strict=True)], 1)
    wanted = np.array([[*tape, halts] for tape, halts in map(decrement, tapes)])
    right = int((results == wanted).all((1, 2)).sum())
    _, times = np.unique(results.reshape(len(programs), -1), axis=0, return_counts=True)
    likeliest = sorted((times / len(programs)).tolist(), reverse=True)
    return Behaviours(
        domain="tapes of digits and blanks that hold a number above 0, "
        + ("leading zeros too" if leading else "no leading zeros"),
        inputs=len(tapes),
        fit=len(programs),
        behaviours=len(times),
        right=right,
        probability=right / len(programs),
        likeliest=[round(one, 6) for one in likeliest[:LIKELIEST]],
        seconds=round(time.monotonic() - began, 2),
    )


def accesses() -> Behaviours:
    """How many of the programs that fit access's instances are right on every memory."""
    task = text_named("basic_block", "access")
    hypers, exact = task.train.model.hypers, posterior_of(task, "access")
    began = time.monotonic()
    machine = machine_of("basic_block", task)
    programs = _choices(exact, block_sites(hypers))
    right = settings(right_on_every_memory(hypers, programs), machine.sizes)
    fit = settings(programs, machine.sizes)
    return Behaviours(
        domain="every memory",
        inputs=hypers["size"] ** hypers["size"],
        fit=fit,
        behaviours=None,
        right=right,
        probability=right / fit,
        likeliest=None,
        seconds=round(time.monotonic() - began, 2),
    )
