"""Programs that explain the examples and do something else elsewhere: found with an input that shows it.

A program is known; a second one is open, and so is an input. Whatever satisfies "the second one explains the
examples as well, and differs on the input" is another behaviour, and its input is the example to ask for
next. Where nothing does, the examples determine the behaviour: that is a proof.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.posterior.program_space import Uses
from ntpt_pyro.inference.solver.cardinality import at_most
from ntpt_pyro.inference.solver.circuit import FALSE, TRUE, Literals
from ntpt_pyro.inference.solver.clauses import Clauses, signed, some_true
from ntpt_pyro.inference.solver.engine import Answer
from ntpt_pyro.inference.solver.explaining import MORE, Explanation
from ntpt_pyro.inference.solver.free_integers import FreeIntegers
from ntpt_pyro.inference.solver.literal_tensors import literals_of
from ntpt_pyro.inference.solver.model_circuit import program_in, run_on_literals
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.inference.solver.simplest import Costs, Simplicity, as_well, weights_of
from ntpt_pyro.language.program import Program

Admits = Callable[..., Tensor]
"""From the inputs to a value of two, 1 where the task admits them; written in the language."""


@dataclass(frozen=True)
class Difference:
    """An input on which two programs differ, both of which explain the examples.

    :param inputs: the model's arguments but for the results, ``[1, ...]`` each.
    :param readings: by learned function what it is taken to read; an input of reals means nothing itself.
    :param expected: what the known program gives, by observed site.
    :param other: what the other one gives.
    :param program: the other one.
    :param sizes: by observed site how many results there could be.
    """

    inputs: tuple[Tensor, ...]
    readings: Mapping[str, list[Any]]
    expected: Mapping[str, int]
    other: Mapping[str, int]
    program: dict[str, int]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Determined:
    """Whether examples determine what their program does: of the programs that explain the same of them.

    :param status: ``unknown`` where the time was over.
    :param difference: an input that shows it where they do not.
    :param seconds: that the answer took.
    :param interrupted: whether ctrl-C ended it.
    """

    status: Literal["determined", "undetermined", "unknown"]
    difference: Difference | None
    seconds: float
    interrupted: bool = False


class Differences:
    """Asks for programs of other behaviour.

    :param solver: of the model and the examples.
    :param best: the known program.
    :param observed: how many of the model's arguments, the last ones, are results.
    :param admits: which inputs are meant; by default all that the model can be given.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import ProgramSolver, explain
    >>> with ProgramSolver(model, (torch.tensor([1, 1]),)) as solver:
    ...     best = explain(solver)
    ...     Differences(solver, best).determined(seconds=5).status
    'determined'
    """

    def __init__(
        self, solver: ProgramSolver, best: Explanation, *, observed: int = 1, admits: Admits | None = None
    ) -> None:
        assert best.program is not None
        self.solver = solver
        self.best = best
        self.observed = observed
        self.admits = admits

    def __repr__(self) -> str:
        """What is asked of, in one line."""
        return f"<Differences from {self.best.program} of {self.solver!r}>"

    def determined(
        self,
        *,
        simplicity: Simplicity | None = None,
        uses: Uses | None = None,
        costs: Costs | None = None,
        seconds: float | None = None,
    ) -> Determined:
        """Whether the examples determine what the known program does on all inputs of this size.

        :param simplicity: ask among the programs only that are as simple; None asks among all.
        :param uses: see :func:`~ntpt_pyro.inference.solver.simplest`.
        :param costs: see :func:`~ntpt_pyro.inference.solver.simplest`.
        :param seconds: a limit of time.
        :returns: the answer.
        :raises UsageError: where the model does more with its inputs than to make values of them.
        """
        assert self.best.program is not None
        clock, solver = Clock(seconds), self.solver
        if clock.over:
            return Determined("unknown", None, 0.0)
        lifted = solver.circuit.variable()
        shown = self.require_another(self.best.program, lifted)
        if shown is None:
            return Determined("determined", None, clock.spent)
        if simplicity is not None:
            at_most(solver, weights_of(solver, uses, costs), simplicity.count, unless=lifted)
        answer = self._another(lifted, clock)
        solver.engine.add(np.array([lifted, 0], dtype=np.int32))
        status: Any = {"satisfiable": "undetermined", "unsatisfiable": "determined"}.get(
            answer.status, "unknown"
        )
        difference = None if answer.true is None else self._read_off(answer.true, shown)
        return Determined(status, difference, clock.spent, answer.interrupted)

    def alternatives(self, most: int, *, seconds: float | None = None) -> tuple[list[Difference], bool]:
        """Further programs that explain the examples as well, each of another behaviour.

        :param most: how many.
        :param seconds: a limit of time.
        :returns: each with an input where it differs from the known program; and whether there are no others.
        """
        assert self.best.program is not None
        clock, solver, found = Clock(seconds), self.solver, list[Difference]()
        lifted = solver.circuit.variable()
        shown = self.require_another(self.best.program, lifted)
        complete = shown is None
        while shown is not None and len(found) < most and not clock.over:
            answer = self._another(lifted, clock)
            complete = answer.status == "unsatisfiable"
            if answer.true is None:
                break
            found.append(self._read_off(answer.true, shown))
            if len(found) < most and self.require_another(found[-1].program, lifted) is None:
                break
        solver.engine.add(np.array([lifted, 0], dtype=np.int32))
        return found, complete

    def _another(self, lifted: int, clock: Clock) -> Answer:
        """A program that differs as required and explains all examples as well, not only those asserted."""
        solver = self.solver
        while True:
            answer = solver.engine.solve([*as_well(solver, self.best), -lifted], seconds=clock.left)
            if answer.true is None:
                return answer
            wrong = (~solver.scores.right(solver.program(answer.true))).nonzero().flatten().tolist()
            known = {*solver.explained, *self.best.unexplained}
            failed = [example for example in wrong if example not in known]
            if not failed:
                return answer
            solver.add(failed[:MORE])

    def require_another(self, program: Program, unless: int) -> "_Input | None":
        """Have the open program differ from a known one on an input that is open.

        :param program: the known one.
        :param unless: a variable that lifts it where it is true.
        :returns: the input; None where no program differs.
        """
        solver = self.solver
        input_ = _Input(self)
        theirs = {
            site: np.eye(len(own), dtype=np.int64)[program[site]] for site, own in solver.choices.items()
        }
        input_.expected = self._run(input_, theirs)
        input_.other = self._run(input_, solver.choices)
        different = [
            solver.circuit.both(input_.expected[site], own ^ 1).reshape(-1)
            for site, own in input_.other.items()
        ]
        literals = np.concatenate(different)
        differs = solver.circuit.any_of(literals, np.zeros(len(literals), dtype=np.int64), 1)
        if differs[0] == FALSE:
            return None
        solver.require(np.append(differs, input_.admitted()), unless=unless)
        solver.engine.add(input_.no_example(solver, self.best, unless))
        return input_

    def _run(self, input_: "_Input", choices: Mapping[str, Literals]) -> dict[str, Literals]:
        solver = self.solver
        run = run_on_literals(
            solver.model, input_.tensors, solver.circuit, choices=dict(choices), readings=input_.readings
        )
        return run.results

    def _read_off(self, true: NDArray[np.bool_], input_: "_Input") -> Difference:
        solver = self.solver
        values = solver.circuit.values(solver.padded(true))
        return Difference(
            inputs=tuple(
                one.chosen(values) if isinstance(one, FreeIntegers) else one for one in input_.given
            ),
            readings={
                name: some_true(values, literals)[0].tolist()
                for (name, _), literals in input_.readings.known.items()
            },
            expected={site: int(some_true(values, own)[0]) for site, own in input_.expected.items()},
            other={site: int(some_true(values, own)[0]) for site, own in input_.other.items()},
            program=program_in(values, solver.choices),
            sizes={site: own.shape[-1] for site, own in input_.other.items()},
        )


class _Input:
    """One input whose integers and readings are open."""

    expected: dict[str, Literals]
    other: dict[str, Literals]

    def __init__(self, asked: Differences) -> None:
        solver = asked.solver
        self.circuit = solver.circuit
        self.admits = asked.admits
        inputs = solver.data[: len(solver.data) - asked.observed]
        results = solver.data[len(solver.data) - asked.observed :]
        self.given = [
            tensor[:1] if tensor.is_floating_point() else FreeIntegers(tensor[:1], self.circuit, f"input {n}")
            for n, tensor in enumerate(inputs)
        ]
        opened = [
            one.tensor(like.dtype) if isinstance(one, FreeIntegers) else one
            for one, like in zip(self.given, inputs, strict=True)
        ]
        self.ignored = [(tensor < 0).all(0, keepdim=True) for tensor in results]
        """Results that no example gives."""
        self.tensors = [*opened, *(torch.where(one, -1, 0) for one in self.ignored)]
        self.readings = Readings(self.circuit, free=_Everything())

    def no_example(self, solver: ProgramSolver, best: Explanation, unless: int) -> Clauses:
        """Clauses by which it is none of the examples that both programs explain, and none to be skipped."""
        found: list[int] = []
        if not all(isinstance(one, FreeIntegers) for one in self.given):
            return np.zeros(0, dtype=np.int32)
        known = {*solver.explained} - {*best.unexplained} - self._partly_observed(solver)
        inputs = [[tensor[example] for tensor in solver.data] for example in sorted(known)]
        for tensors in (*inputs, *solver.skipped):
            for one, tensor in zip(self.given, tensors, strict=False):
                assert isinstance(one, FreeIntegers)
                flat = tensor.reshape(-1).tolist()
                literals = [int(group[int(flat[cell])]) ^ 1 for cell, group in one.groups.items()]
                found += [int(signed(np.array(literal))) for literal in literals if literal > TRUE]
            found += [unless, 0]
        return np.array(found, dtype=np.int32)

    def _partly_observed(self, solver: ProgramSolver) -> set[int]:
        """Examples that leave a result open which others give."""
        found: set[int] = set()
        for tensor, ignored in zip(solver.data[len(self.given) :], self.ignored, strict=True):
            open_ = ((tensor < 0) & ~ignored).reshape(len(tensor), -1).any(-1)
            found |= set(open_.nonzero().flatten().tolist())
        return found

    def admitted(self) -> Literals:
        """The literal by which the task admits it."""
        if self.admits is None:
            return np.ones(1, dtype=np.int64)
        with torch.no_grad():
            value = self.admits(*self.tensors[: len(self.given)])
        literals = literals_of(value, self.circuit, "admits")
        if literals.shape[-1] != 2:
            raise UsageError(
                "admits",
                expected="a value of two: 1 where the inputs are admitted",
                got=f"one of {literals.shape[-1]}",
                remedy="make it a runtime function of range 2",
            )
        return literals.reshape(-1, 2)[:, 1]


class _Everything:
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True
