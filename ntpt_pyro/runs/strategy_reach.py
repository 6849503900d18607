"""Which strategies are within reach of a program text, and what they cost: what can be counted, or tried."""

import importlib.util
import time
from dataclasses import dataclass
from math import log10
from typing import Literal

from ntpt_pyro.bounds import in_units, machine_memory
from ntpt_pyro.errors import BudgetError, NtptError
from ntpt_pyro.inference.handlers.budget import TORCH_MAX_DIMS, Budget
from ntpt_pyro.inference.posterior.exhaustive import BYTES_KEPT, MOST_SECONDS, Likelihood
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.runs.methods.method import Work, untrained
from ntpt_pyro.runs.restart_costs import seconds_a_step
from ntpt_pyro.terpret import TerpretModel

MOST_TRIED = 2**30
"""Bytes that a trial may take."""
SLOW = 0.5
"""Seconds of a step of one restart beyond which no more of them are tried at once."""
FEW_PROGRAMS = 64
"""Programs of a trial."""
FEW_INSTANCES = 8
"""Instances of a trial."""
MOST_PRODUCTS_TRIED = 200_000
"""Products of a text that is run on literals for a trial."""
MOST_GATES_TRIED = 500_000
"""Gates of a trial."""
LONG = 600
"""Seconds beyond which something is possible, but not within reach."""
Within = Literal["within reach", "possible, but slow", "out of reach", "only trying tells"]
"""Minutes at most; hours; refused or larger than the machine; not known beforehand."""


@dataclass(frozen=True)
class Reach:
    """Whether a strategy is within reach.

    :param strategy: its name.
    :param within: whether it is.
    :param cost: what it costs, or why it is not, in words.
    """

    strategy: str
    within: Within
    cost: str


def reach_of_strategies(work: Work, model: TerpretModel, memory: int) -> list[Reach]:
    """Which strategies are within reach.

    :param work: what would be learned from.
    :param model: the text.
    :param memory: bytes that training takes for each restart.
    :returns: a line each.
    """
    sizes = [cell.size for cell in model.open]
    return [
        *(_by_gradient(work, name, memory) for name in ("relaxed", "marginal")),
        _by_enumeration(work, model, sizes),
        _by_trying_all(work, sizes),
        _by_solver(work, model),
    ]


def _by_gradient(work: Work, name: str, memory: int) -> Reach:
    restarts, steps = work.settings.restarts, work.settings.steps
    if memory * restarts > machine_memory():
        told = f"{in_units(memory * restarts)} for {restarts:,} restarts is more than this machine has"
        return Reach(name, "out of reach", f"{told}; take fewer (--restarts)")
    if memory > MOST_TRIED:
        return Reach(name, "only trying tells", f"not timed: a restart takes {in_units(memory)}")
    each = seconds_a_step(work, name, 1)
    told = f"{_duration(each)} a step of 1 restart"
    if restarts == 1:
        return Reach(name, _within(each * steps), f"{told}, {_duration(each * steps)} for {steps:,}")
    if each > SLOW or memory * restarts > MOST_TRIED:
        more = f"{restarts:,} take {in_units(memory * restarts)}, and {_duration(each * steps)} at least"
        return Reach(name, _within(each * steps), f"{told}; {more}")
    all_ = seconds_a_step(work, name, restarts)
    told = f"{_duration(all_)} a step of {restarts:,} restarts; {_duration(all_ * steps)} in all"
    return Reach(name, _within(all_ * steps), told)


def _by_enumeration(work: Work, model: TerpretModel, sizes: list[int]) -> Reach:
    """Every choice and every variable has a dimension of its own."""
    variables = sum(cell.declared.kind == "Var" for cell in model.one_by_one.trees)
    dims, instances, most = len(sizes) + variables + 1, len(work.examples), Budget().max_cells
    cells = sum(map(log10, sizes)) + log10(instances)
    if dims > TORCH_MAX_DIMS:
        return Reach("enumeration", "out of reach", f"{dims:,} dimensions, torch has {TORCH_MAX_DIMS}")
    told = f"{dims:,} dimensions, {power_in_words(cells)} cells"
    if cells > log10(most):
        return Reach("enumeration", "out of reach", f"{told}, {most:,} are allowed")
    told = f"{told}, {in_units(4 * 10**cells * max(sizes))} at least"
    return Reach("enumeration", "only trying tells", told)


def _by_trying_all(work: Work, sizes: list[int]) -> Reach:
    """Every program; how much of their work programs share only trying tells."""
    name, logarithm, memory = "exhaustive", sum(map(log10, sizes)), work.settings.memory * 2**20
    if missing := untrained(work.task, work.library):
        told = f"{', '.join(missing)} cannot read yet: give trained ones (--library), or take --strategy em"
        return Reach(name, "out of reach", told)
    told = f"{power_in_words(logarithm)} programs"
    if logarithm > log10(max(memory // BYTES_KEPT, 1)):
        return Reach(name, "only trying tells", f"{told}: as far as they share work")
    library = work.library.eval()
    space, model = work.task.space(library, work.examples), work.task.with_library(library)
    try:
        likelihood = Likelihood(model, space, work.examples.tensors, memory=min(memory, MOST_TRIED))
    except BudgetError as error:
        return Reach(name, "out of reach", f"{told}: one of them takes {error.expected}")
    seconds = likelihood.cost(FEW_PROGRAMS).seconds or 0.0
    within = _within(seconds) if seconds <= MOST_SECONDS else "only trying tells"
    sharing = ", less where they share work" if within != "within reach" else ""
    return Reach(name, within, f"{told}, at most {_duration(seconds)}{sharing}")


def _by_solver(work: Work, model: TerpretModel) -> Reach:
    """The circuit of a few instances shows what all of them take."""
    name, count = "solver", len(work.examples)
    if importlib.util.find_spec("pysat") is None:
        return Reach(name, "out of reach", "python-sat is not installed")
    if model.beyond_solvers is not None:
        return Reach(name, "out of reach", str(model.beyond_solvers))
    if missing := untrained(work.task, work.library):
        told = f"{', '.join(missing)} cannot read yet: taught by programs that the solver proposes"
        return Reach(name, "only trying tells", told)
    if model.terms > MOST_PRODUCTS_TRIED:
        told = f"not tried on more than {MOST_PRODUCTS_TRIED:,} products"
        return Reach(name, "only trying tells", told)
    library, data, few = work.library.eval(), work.examples.tensors, min(count, FEW_INSTANCES)
    began = time.perf_counter()
    try:
        with ProgramSolver(work.task.with_library(library), data, most_gates=MOST_GATES_TRIED) as solver:
            solver.add([0])
            first = solver.circuit.gates
            solver.add(range(few))
    except BudgetError:
        told = f"more than {MOST_GATES_TRIED:,} gates for {few} instances"
        return Reach(name, "only trying tells", told)
    except NtptError as error:
        return Reach(name, "out of reach", str(error))
    more = (solver.circuit.gates - first) * (count - 1) // max(few - 1, 1)
    seconds = (time.perf_counter() - began) * count / few
    told = f"about {first + more:,} gates, built in {_duration(seconds)}; finding and proving come on top"
    return Reach(name, _within(seconds), told)


def _within(seconds: float) -> Within:
    """Whether what takes so long is within reach."""
    return "within reach" if seconds <= LONG else "possible, but slow"


def power_in_words(logarithm: float) -> str:
    """A number that may be larger than any that computers have.

    :param logarithm: its decimal logarithm.
    :returns: in words.

    >>> power_in_words(3.0), power_in_words(9.08), power_in_words(12345.99)
    ('1,000', '1.2e9', '9.8e12345')
    """
    if logarithm < 6:
        return f"{10**logarithm:,.0f}"
    digits, exponent = f"{10 ** (logarithm % 1):.1f}", int(logarithm)
    return f"1.0e{exponent + 1}" if digits == "10.0" else f"{digits}e{exponent}"


def _duration(seconds: float) -> str:
    """A time as people read it."""
    units = (("h", 3600, 2), ("min", 60, 2), ("s", 1, 1), ("ms", 0.001, 0))
    number, unit = next((seconds / size, unit) for unit, size, least in units if seconds >= least * size)
    return f"{number:,.1f} {unit}" if number < 20 else f"{number:,.0f} {unit}"
