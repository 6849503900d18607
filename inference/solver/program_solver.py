"""Programs of a model as answers of a solver: one circuit and one engine, examples added as needed."""

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.handlers.all_examples import look_at_all
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.solver.agreement import check_agreement
from ntpt_pyro.inference.solver.circuit import FALSE, MOST_GATES, TRUE, Circuit, Literals, value_of
from ntpt_pyro.inference.solver.clauses import ClauseWriter, signed, unit_clauses
from ntpt_pyro.inference.solver.engine import require_solver
from ntpt_pyro.inference.solver.model_circuit import ModelRun, program_in, run_on_literals, together
from ntpt_pyro.inference.solver.racing_engine import engine_for
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.inference.solver.scores import Scores
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.language.given_data import Data, given_data


@dataclass(frozen=True)
class Asserted:
    """Examples that the circuit has.

    :param examples: their numbers.
    :param readings: what learned functions yield on them.
    :param run: the model on them.
    :param explained: the literal by which each is explained, by any possible readings, ``[examples]``.
    """

    examples: tuple[int, ...]
    readings: Readings
    run: ModelRun
    explained: Literals

    @property
    def outside(self) -> dict[int, float]:
        """By example how probable other readings are than the possible ones, at most."""
        return dict(zip(self.examples, self.readings.outside_of(len(self.examples)).tolist(), strict=True))

    @property
    def surely_outside(self) -> dict[int, float]:
        """The same of the most probable readings alone."""
        unsure = self.readings.unsure_of(len(self.examples))
        return dict(zip(self.examples, unsure.tolist(), strict=True))


@dataclass(frozen=True)
class Sure:
    """The same examples at their most probable readings.

    :param run: the model on them.
    :param explained: see :class:`Asserted`.
    """

    run: ModelRun
    explained: Literals


COMPARED = 8
"""Examples on which circuit and model are compared, at least, where there are so many."""


class Clock:
    """A limit of time.

    :param seconds: from now; None is no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.began = time.monotonic()
        self.seconds = seconds

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds that are left; None without a limit."""
        return None if self.seconds is None else max(0.0, self.seconds - self.spent)

    def at_most(self, seconds: float) -> float:
        """So many seconds, or what is left where that is less.

        :param seconds: how many.
        :returns: seconds.
        """
        return seconds if self.left is None else min(seconds, self.left)

    @property
    def over(self) -> bool:
        """Whether none are left."""
        return self.left == 0


class ProgramSolver:
    """The programs of a model, as a circuit that grows by examples, and a solver for it.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: its arguments, tensors with a common first axis of examples.
    :param free: learned functions of which any integer is as likely, such as untrained ones.
    :param least: see :class:`~ntpt_pyro.inference.solver.readings.Readings`.
    :param memory: bytes that each of the solver's processes may take; None is no limit.
    :param most_gates: that the circuit may have.
    :param workers: so many processes of this machine, 4 at most, search side by side for the answer to a hard
        question, by different SAT solvers, see
        :class:`~ntpt_pyro.inference.solver.racing_engine.RacingEngine`. Where no time is over, the status,
        the cost, the bound and the proved simplicity of the best program are the same then; it may be another
        one of those that are as good. Where learned functions read, programs of the same results may differ
        in likelihood by the gap that is told, and questions that have a limit of their own may be answered
        that would be left open else. A contradiction that is shown may be another one too.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import explain
    >>> with ProgramSolver(model, (torch.tensor([1, 1]),)) as solver:
    ...     explain(solver).program
    {'bit': 1}
    """

    def __init__(
        self,
        model: Model,
        data: Data,
        *,
        free: Container[str] = (),
        least: float = 0.0,
        memory: int | None = None,
        most_gates: int = MOST_GATES,
        workers: Workers = ALONE,
    ) -> None:
        require_solver()
        if torch.get_default_device().type != "cpu":
            raise UsageError(
                "solver",
                expected="tensors on the CPU, where a solver runs",
                got=f"torch's default device {torch.get_default_device()}",
                remedy="take --device cpu, or move the library there",
            )
        self.model = model
        self.data = given_data("solver, data", data)
        sites = examine("solver", model, self.data)
        if look_at_all("solver", model, self.data, sites.choices):
            raise SiteError(
                "solver",
                expected="examples that count alike",
                got="some that are masked or scaled",
                remedy="leave out the examples that do not count, or take the exhaustive strategy",
            )
        self.examples = len(self.data[0])
        self.free = free
        self.least = least
        self.scores = Scores(model, self.data)
        self.circuit = Circuit(most_gates=most_gates)
        self.engine = engine_for(workers, memory=memory)
        self.choices: dict[str, Literals] = {}
        """By site the literals of the program's choices."""
        self.asserted: list[Asserted] = []
        self.explained: dict[int, int] = {}
        """By example the literal by which it is explained."""
        self.skipped: list[Sequence[Tensor]] = []
        """Inputs that nobody is to be asked for."""
        self._sure: list[Sure] = []
        self._writer = ClauseWriter(self.circuit)

    def __repr__(self) -> str:
        """Of what model and how many examples, in one line."""
        choices = ", ".join(self.scores.sizes) or "no choice"
        return f"<ProgramSolver of {choices}: {len(self.explained)} of {self.examples} examples asserted>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()

    def add(self, examples: Sequence[int]) -> None:
        """Run the model on further examples.

        :param examples: their numbers.
        :raises NtptError: see :func:`~ntpt_pyro.inference.solver.model_circuit.run_on_literals`.
        :raises SiteError: where the circuit is not what the model computes.
        """
        new = tuple(dict.fromkeys(one for one in map(int, examples) if one not in self.explained))
        if not new:
            return
        readings = Readings(self.circuit, self.least, self.free)
        batch = [tensor[torch.tensor(new)] for tensor in self.data]
        run = run_on_literals(self.model, batch, self.circuit, choices=self.choices, readings=readings)
        explained = together(run.explained, self.circuit)
        if len(self.explained) < COMPARED:
            check_agreement(self.scores, batch, self.circuit, run, readings)
        self.asserted.append(Asserted(new, readings, run, explained))
        self.explained.update(zip(new, explained.tolist(), strict=True))
        self.write(explained)

    def extend(self, example: Sequence[Tensor]) -> None:
        """Add an example to those that are to be explained.

        :param example: the model's arguments, ``[1, ...]`` each.
        """
        self.data = tuple(torch.cat([own, one.to(own)]) for own, one in zip(self.data, example, strict=True))
        self.scores = Scores(self.model, self.data)
        self.examples += 1

    def reads_anything(self) -> bool:
        """Whether learned functions read anything in an example; the first one is looked at."""
        self.add([0])
        return self.reads

    def sure(self) -> list[Sure]:
        """The asserted examples at their most probable readings, part by part as ``asserted``."""
        for part in self.asserted[len(self._sure) :]:
            run, explained = part.run, part.explained
            if part.readings.known:
                readings = Readings(self.circuit, least=1.0)
                readings.known |= {
                    key: own for key, own in part.readings.known.items() if key[0] in self.free
                }
                batch = [tensor[torch.tensor(part.examples)] for tensor in self.data]
                run = run_on_literals(
                    self.model, batch, self.circuit, choices=self.choices, readings=readings
                )
                explained = together(run.explained, self.circuit)
            self._sure.append(Sure(run, explained))
            self.write(explained)
        return self._sure

    def surely_explained(self) -> dict[int, int]:
        """By example the literal by which it is explained at the most probable readings."""
        return {
            example: literal
            for part, sure in zip(self.asserted, self.sure(), strict=True)
            for example, literal in zip(part.examples, sure.explained.tolist(), strict=True)
        }

    def write(self, roots: Literals) -> None:
        """Give the engine the clauses that literals need.

        :param roots: the literals.
        """
        roots = np.asarray(roots).reshape(-1)
        self.engine.add(self._writer.needed(roots[roots > TRUE]))

    def require(self, literals: Literals, *, unless: int | None = None) -> None:
        """Have literals true from now on.

        :param literals: of the circuit.
        :param unless: a variable that lifts it where it is true.
        """
        literals = np.unique(literals)
        self.write(literals)
        if (literals == FALSE).any():  # a clause that nothing satisfies
            contradiction = [1, 0, -1, 0] if unless is None else [unless, 1, 0, unless, -1, 0]
            self.engine.add(np.array(contradiction, dtype=np.int32))
        kept = signed(literals[literals > TRUE])
        if unless is None:
            self.engine.add(unit_clauses(kept))
        else:
            lifted = np.stack([kept, np.full_like(kept, unless), np.zeros_like(kept)], -1)
            self.engine.add(lifted.reshape(-1).astype(np.int32))

    def program(self, true: NDArray[np.bool_]) -> dict[str, int]:
        """The program of an answer of the engine.

        :param true: ``[variables]``.
        :returns: by site its integer, in the model's order.
        """
        return program_in(self.padded(true), self.choices)

    def check_answer(self, true: NDArray[np.bool_]) -> None:
        """Check that the model explains the examples that the circuit explains, where nothing is read.

        :param true: ``[variables]`` of an answer of the engine.
        :raises SiteError: where it does not: the circuit is not what the model computes.
        """
        if self.reads:
            return
        program = self.program(true)
        right, values = self.scores.right(program), self.padded(true)
        for example, literal in self.explained.items():
            if bool(value_of(values, np.array(literal))) != bool(right[example]):
                raise SiteError(
                    f"solver, example {example}",
                    expected="the model's result on literals as on vertices",
                    got=f"another one, with program {program}",
                    remedy="the model adds up cases that are not disjoint; write it with select, switch and "
                    "runtime functions, or take a strategy other than solver",
                )

    def padded(self, true: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """An answer with a value for every variable of the circuit.

        :param true: ``[variables]`` that the engine knows.
        :returns: ``[variables]`` of the circuit.
        """
        found = np.zeros(max(self.circuit.variables, len(true)), dtype=bool)
        found[: len(true)] = true
        return found

    def signed_explained(self, examples: Sequence[int]) -> dict[int, int]:
        """The literals by which examples are explained, as the engine takes them.

        :param examples: their numbers.
        :returns: by literal an example, of those that depend on the program.
        """
        return signed_by_literal({one: self.explained[one] for one in examples})

    def hopeless(self) -> list[int]:
        """Examples that no program explains, by the circuit alone."""
        return [example for example, literal in self.explained.items() if literal == FALSE]

    @property
    def reads(self) -> bool:
        """Whether learned functions read anything in the asserted examples."""
        return any(part.readings.known for part in self.asserted)


def signed_by_literal(literals: dict[int, int]) -> dict[int, int]:
    """Literals as the engine takes them.

    :param literals: of the circuit, by example.
    :returns: by literal an example, of those that are not constant.
    """
    return {int(signed(np.array(one))): example for example, one in literals.items() if one > TRUE}
