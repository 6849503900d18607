"""Programs of different behaviour that explain most examples, where functions cannot read yet.

An untrained function may read anything, so its readings are free: a program explains an example where *some*
readings do. A candidate is found from a few examples; one that it cannot explain is asserted too, until it
explains all but a share of them, which trained functions misread. Few examples make a small circuit, which is
solved quickly; so each search has a circuit of its own.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from pyro import poutine
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.accuracy import predicted
from ntpt_pyro.inference.solver.circuit import FALSE, TRUE, value_of
from ntpt_pyro.inference.solver.clauses import signed
from ntpt_pyro.inference.solver.engine import Answer
from ntpt_pyro.inference.solver.model_circuit import run_on_literals
from ntpt_pyro.inference.solver.program_solver import Clock, ProgramSolver
from ntpt_pyro.inference.solver.proposal_settings import ProposalSettings
from ntpt_pyro.inference.solver.scores import Scores
from ntpt_pyro.inference.solver.supposed_readings import DrawnReadings, DrawnVertices, Supports
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.program import Program

IMPOSSIBLE = 1e-12
"""A probability that only rounding leaves."""
UNLIKELY = 1e-3
"""The probability that an unexplained example is taken to have, where programs are compared."""
WORSE = 0.3
"""Nats an example by which a program near a known one may be less likely than the best one."""


@dataclass(frozen=True)
class Proposal:
    """A program that explains most examples.

    :param program: by site its integer.
    :param unexplained: examples that no readings explain.
    """

    program: dict[str, int]
    unexplained: tuple[int, ...]


class Proposer:
    """Proposes programs, each of another behaviour than all before.

    What is drawn is drawn from the seed. The programs are the same again on the same machine where no limit
    of time is reached.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: its arguments, tensors with a common first axis of examples: 32 to 64 of them.
    :param free: functions that are untrained: any integer is as likely.
    :param settings: how programs are proposed.
    :param known: programs whose behaviours are not proposed again.
    :param seed: of synthetic inputs, and of the examples that searches begin with.

    >>> import pyro
    >>> from ntpt_pyro import choice, constant, observe, switch
    >>> def flipper(bits):
    ...     flip = choice("flip", 2)
    ...     with pyro.plate("bits", len(bits)):
    ...         observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits)
    >>> with Proposer(flipper, [torch.tensor([1, 1, 0, 1])], free=[]) as proposer:
    ...     proposer.propose(2)
    [Proposal(program={'flip': 1}, unexplained=(2,))]
    """

    def __init__(
        self,
        model: Model,
        data: Sequence[Tensor],
        *,
        free: Collection[str],
        settings: ProposalSettings | None = None,
        known: Sequence[Program] = (),
        seed: int = 0,
    ) -> None:
        self.model = model
        self.data = tuple(data)
        self.free = free
        self.settings = settings or ProposalSettings()
        self.scores = Scores(model, data)
        self.examples = len(self.data[0])
        self.known = [dict(one) for one in known]
        """Programs whose behaviours are not proposed any more."""
        self.exhausted = False
        """Whether as many searches as allowed found nothing."""
        self.questions = 0
        """Put to the solver."""
        self.seconds = 0.0
        """That it took for them."""
        self.source = np.random.default_rng(seed)
        """What is drawn is drawn from it."""
        self.drawn = int(self.source.integers(2**32))
        """The seed of what is read on synthetic inputs."""
        rows = self.source.integers(self.examples, size=self.settings.inputs)
        self.synthetic = [tensor[torch.from_numpy(rows).to(tensor.device)] for tensor in self.data]
        """Inputs that behaviours are told apart by; what they show does not matter."""
        whole = int(self.settings.share * self.examples)
        self._allowances = sorted({0, whole // 4, whole // 2, whole})
        self._search: _Search | None = None
        self._behaviours = set(self._results(self.known)) if known else set()
        self._near: list[_Near] = []
        self._in_a_row = 0  # programs near others
        self._best = -math.inf
        if known:
            self._best = float(_score(self._probable(self.known)).max())
        for one in self.known:
            self._look_near(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def allowance(self) -> int:
        """Examples that a candidate may leave unexplained at present."""
        return self._allowances[0]

    def __repr__(self) -> str:
        """What it has proposed from, in one line."""
        done = ", exhausted" if self.exhausted else ""
        return f"<Proposer: {self.examples} examples, {self.questions} questions put to the solver{done}>"

    def propose(self, most: int, *, seconds: float | None = None) -> list[Proposal]:
        """Find further programs.

        Where some were found it ends before more examples may be left unexplained.

        :param most: how many.
        :param seconds: a limit of time.
        :returns: those that are new, fewer where there are no others or the time is over.
        :raises NtptError: see :class:`~ntpt_pyro.inference.solver.program_solver.ProgramSolver`.
        """
        clock, found, fruitless = Clock(seconds), list[Proposal](), 0
        while len(found) < most and not clock.over:
            search = self._search = self._search or _Search(self)
            proposal = self._nearby(search, clock)
            self._in_a_row = 0 if proposal is None else self._in_a_row + 1
            proposal = proposal or search.next(clock)
            if proposal is not None:
                found.append(proposal)
                self._take(proposal.program, search)
                fruitless = 0
                continue
            self._end()
            if search.fruitful or not search.excluded:  # there may be more elsewhere
                continue
            fruitless += 1
            last = len(self._allowances) == 1
            if last and not search.proved and fruitless < self.settings.failures:
                continue
            if last:
                self.exhausted = True
            if last or found:
                break
            self._allowances.pop(0)
            fruitless = 0
        return found

    def _end(self) -> None:
        if self._search is not None:
            self._search.solver.engine.close()
        self._search = None

    def _take(self, program: dict[str, int], search: "_Search") -> None:
        """Note a behaviour as known, and the programs near it as worth a look."""
        self.known.append(program)
        self._behaviours.update(self._results([program]))
        search.exclude(program)
        search.fruitful = True
        self._best = max(self._best, float(_score(self._probable([program]))))
        self._look_near(program)

    def _look_near(self, program: Program) -> None:
        """Note programs of one other choice that may explain as much."""
        near = [
            {**program, site: integer}
            for site, size in self.scores.sizes.items()
            for integer in range(size)
            if integer != program[site]
        ]
        if not near:
            return
        probable = self._probable(near)
        failed, scores = (probable <= IMPOSSIBLE).sum(-1).tolist(), _score(probable).tolist()
        known = self._behaviours | {one.results for one in self._near}
        for number, results in enumerate(self._results(near)):
            if results not in known and failed[number] <= self.allowance:
                self._near.append(_Near(scores[number], results, near[number]))
                known.add(results)
        self._near.sort(key=lambda one: -one.score)

    def _nearby(self, search: "_Search", clock: Clock) -> Proposal | None:
        """The next program near a known one that the asserted examples do not exclude."""
        while self._near and self._in_a_row < self.settings.near and not clock.over:
            if self._near[0].score < self._best - WORSE:
                return None  # it explains whatever comes
            near = self._near.pop(0)
            if near.results not in self._behaviours and search.explains(near.program, clock):
                return Proposal(near.program, tuple(self.unexplained(near.program)))
        return None

    def unexplained(self, program: Program) -> list[int]:
        """Examples that a program does not explain even where each value is any of those that it may be.

        :param program: every choice's integer by site.
        :returns: their numbers.
        """
        return [int(one) for one in (self._probable([program])[0] <= IMPOSSIBLE).nonzero().flatten()]

    def _probable(self, programs: Sequence[Program]) -> Tensor:
        """How probable results are where what may be read is as likely, ``[programs, examples]``."""
        fixed = Supports(self.settings.least, self.free)(self.scores.fixed(programs))
        with torch.no_grad():
            trace = poutine.trace(fixed).get_trace(*self.data)
        found = torch.ones(len(programs), self.examples)
        for node in trace.nodes.values():
            output: Any = node.get("fn")
            if node["type"] == "sample" and node["is_observed"] and isinstance(output, Output):
                observed: Any = node["value"]
                wanted = observed.expand(output.batch_shape).unsqueeze(-1)
                found = found * output.probs.gather(-1, wanted)[..., 0]
        return found

    def _results(self, programs: Sequence[Program]) -> list[bytes]:
        """What programs give on synthetic inputs."""
        with torch.no_grad(), DrawnVertices(self.drawn):
            found = predicted(self.scores.fixed(programs), self.synthetic)
        each = torch.stack([one.expand(len(programs), -1) for one in found.values()], -1)
        return [one.numpy().tobytes() for one in each.cpu()]


@dataclass(frozen=True)
class _Near:
    """A program near a known one.

    :param score: mean log-likelihood of an example where all that may be read is as likely: less for a
        program that explains whatever comes.
    :param results: on synthetic inputs.
    :param program: the program.
    """

    score: float
    results: bytes
    program: dict[str, int]


def _score(probable: Tensor) -> Tensor:
    """Mean log-likelihood of examples, from ``[programs, examples]``."""
    return probable.clamp_min(UNLIKELY).log().mean(-1)


class _Search:
    """One circuit, which grows by the examples that candidates do not explain.

    :param of: whose search it is.
    """

    def __init__(self, of: Proposer) -> None:
        self.of = of
        self.solver = ProgramSolver(of.model, of.data, free=of.free, least=of.settings.least)
        self.order = [int(one) for one in of.source.permutation(of.examples)]
        self.asserted = self.order[: of.settings.begin]
        self.excused: list[int] = []
        """Examples that are taken to be misread."""
        self.fruitful = False
        """Whether it found something."""
        self.excluded = False
        """Whether it ended because the asserted examples exclude what is left."""
        self.proved = False
        """Whether there is no program of other behaviour that explains all examples."""
        run = run_on_literals(
            of.model,
            of.synthetic,
            self.solver.circuit,
            choices=self.solver.choices,
            readings=DrawnReadings(self.solver.circuit, of.drawn),
        )
        self._given = np.concatenate([one.reshape(-1) for one in run.results.values()])
        for program in of.known:
            self.exclude(program)

    def exclude(self, program: Program) -> None:
        """Have what comes after give another result than a program on some synthetic input.

        :param program: every choice's integer by site.
        """
        circuit = self.solver.circuit
        true = np.zeros(circuit.variables, dtype=bool)
        for literal in self._decided(program):
            true[abs(literal)] = literal > 0
        same = self._given[value_of(circuit.values(true), self._given)]
        self.solver.write(same)
        different = signed(same[same > TRUE] ^ 1)
        self.solver.engine.add(np.append(different, 0).astype(np.int32))

    def next(self, clock: Clock) -> Proposal | None:
        """A further candidate.

        :param clock: a limit of time.
        :returns: None where the asserted examples exclude what is left, or a question took too long.
        """
        of = self.of
        while not clock.over:
            self.solver.add(self.asserted)
            wanted = self.solver.signed_explained(self.asserted)
            blamed = [one for one in self.asserted if self.solver.explained[one] == FALSE]
            answer = None if blamed else self._ask([*wanted], clock)
            if answer is None or answer.status == "unsatisfiable":
                if answer is not None:
                    blamed = sorted({wanted[one] for one in answer.core if one in wanted})
                if not blamed or len(self.excused) >= of.allowance:
                    self.excluded, self.proved = True, not self.excused
                    return None
                self.excused.append(self._drawn(blamed))
                self.asserted.remove(self.excused[-1])
                continue
            if answer.true is None:
                return None
            program = self.solver.program(answer.true)
            unexplained = of.unexplained(program)
            more = self._worth_asserting(unexplained)
            if more is None and len(unexplained) <= of.allowance:
                return Proposal(program, tuple(unexplained))
            if more is None:
                self.excluded = True
                return None
            self.asserted.append(more)
        return None

    def _worth_asserting(self, unexplained: list[int]) -> int | None:
        """An example that a candidate has to explain too; None where there is none."""
        if len(unexplained) > self.of.allowance:
            open_ = [one for one in unexplained if one not in self.excused]
            return self._drawn(open_) if open_ else None
        if len(self.asserted) >= self.of.settings.exactly:
            return None
        taken = {*self.asserted, *self.excused, *unexplained}
        return next((one for one in self.order if one not in taken), None)

    def explains(self, program: Program, clock: Clock) -> bool:
        """Whether a program explains the asserted examples.

        :param program: every choice's integer by site.
        :param clock: a limit of time.
        :returns: False too where the time is over before it is known.
        """
        self.solver.add(self.asserted)
        assumed = [*self._decided(program), *self.solver.signed_explained(self.asserted)]
        return self._ask(assumed, clock).status == "satisfiable"

    def _decided(self, program: Program) -> list[int]:
        """A program as literals that the engine takes."""
        literals = np.array([own[program[site]] for site, own in self.solver.choices.items()], dtype=np.int64)
        return [int(one) for one in signed(literals[literals > TRUE])]

    def _drawn(self, examples: Sequence[int]) -> int:
        return examples[int(self.of.source.integers(len(examples)))]

    def _ask(self, assumptions: Sequence[int], clock: Clock) -> Answer:
        answer = self.solver.engine.solve(assumptions, seconds=clock.at_most(self.of.settings.call))
        self.of.questions += 1
        self.of.seconds += answer.seconds
        return answer
