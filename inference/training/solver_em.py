"""Networks taught by programs that a solver proposes: expectation maximisation over a pool of candidates.

The E step of :func:`~ntpt_pyro.inference.expectation_maximisation` tries all programs. Here a solver finds a
few of different behaviour that explain most examples where an untrained network may read anything
(:class:`~ntpt_pyro.inference.solver.proposals.Proposer`). They are weighed by their exact likelihood on
examples held back, the networks learn on the expectation over them, and so on.

The right program may be missing from the pool, or the networks may learn to serve a wrong one. So a search
that is not sure after some iterations begins another round: fresh networks, further proposals from other
examples, the pool kept.
"""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Unpack

import torch
from jaxtyping import Shaped
from torch import Tensor

from ntpt_pyro.bounds import check_count, check_number
from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.behaviours import Behaviour
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.solver.proposal_settings import ProposalSettings
from ntpt_pyro.inference.solver.proposals import Proposer
from ntpt_pyro.inference.solver.scores import Scores
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.em_settings import EMOptions
from ntpt_pyro.inference.training.expectation_maximisation import Iteration, over
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.language.library import Library

LOOKED_AT = 3
"""Iterations of a round after which it ends where no program explains examples held back better."""
LEAST_GAIN = 0.05
"""By so many nats an example at least."""


class SolverEMOptions(EMOptions, total=False):
    """Keyword arguments of :func:`teach_by_solver`, any of which may be left out.

    They are the fields of :class:`SolverEMSettings`, and settings of the M steps, those of
    :func:`~ntpt_pyro.inference.fit`.
    """

    rounds: int
    pool: int
    seconds: float
    proposed_from: int
    proposals: ProposalSettings


@dataclass(frozen=True)
class SolverEMSettings:
    """How networks are taught by a solver's programs.

    :param first: examples that the first posterior of a round is of, at least 1; twice as many from one
        iteration to the next.
    :param steps: training steps of an M step, at least 0.
    :param sure: the probability of a behaviour, among those of the pool, from which it may end, at least 0.
    :param iterations: of a round, at least 1.
    :param rounds: the most, at least 1.
    :param pool: programs that a round may add, at least 1.
    :param seconds: the most that a round looks for them, above 0.
    :param proposed_from: training examples that they are found by, at least 1.
    :param proposals: how they are found.
    :raises UsageError: names the first field that is out of its range.
    """

    first: int = 8
    steps: int = 50
    sure: float = 0.99
    iterations: int = 8
    rounds: int = 6
    pool: int = 24
    seconds: float = 10.0
    proposed_from: int = 48
    proposals: ProposalSettings = field(default_factory=ProposalSettings)

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"first": 1, "steps": 0, "iterations": 1, "rounds": 1, "pool": 1, "proposed_from": 1}
        for name, one in least.items():
            check_count(name, getattr(self, name), at_least=one)
        check_number("sure", self.sure, at_least=0)
        check_number("seconds", self.seconds, above=0)


@dataclass(frozen=True)
class PoolIteration(Iteration):
    """The result of one iteration; its posterior is over the pool.

    :param round: that it is of, from 0.
    :param log_likelihood: of an example held back, a mean, under the program of the pool that explains them
        best; in nats.
    """

    round: int = 0
    log_likelihood: float = 0.0


def teach_by_solver(
    model: Model,
    held_back: Sequence[Shaped[Tensor, "held_back ..."]],
    training: Sequence[Shaped[Tensor, "training ..."]],
    *,
    library: Library,
    behaviours: Callable[[ProgramPosterior], Sequence[Behaviour]],
    free: Collection[str] | None = None,
    enough: Callable[[PoolIteration], bool] | None = None,
    progress: str | None = None,
    checkpoint: Callable[[str], Path] | None = None,
    **settings: Unpack[SolverEMOptions],
) -> list[PoolIteration]:
    """Learn a library, and find the program, from programs that a solver proposes.

    It ends when one behaviour is sure given all of the examples held back, and ``enough`` agrees. That one is
    sure says only that it is the best of the pool: ``enough`` is to look at how many examples held back come
    out right.

    The seed decides everything where no limit of time is reached; what a limit cuts off depends on the
    machine.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param held_back: the examples of E steps: tensors with a common first axis.
    :param training: the examples that programs are proposed by, and those of M steps; others than those.
    :param library: the networks; it is trained in place. Each round after the first begins with new weights
        in those that are free.
    :param behaviours: see :func:`~ntpt_pyro.inference.expectation_maximisation`.
    :param free: functions that may read anything while programs are proposed; by default the untrained ones.
    :param enough: whether an iteration in which one is sure may be the last; by default it may.
    :param progress: a label for progress bars on standard error; None shows none.
    :param checkpoint: from the name of a part (``programs-0``, ``networks-0``, ...) to the file that it is
        kept in, and gone on from.
    :param settings: any fields of :class:`SolverEMSettings`, and settings of the M steps, see
        :func:`~ntpt_pyro.inference.fit`: ``strategy``, ``batch_size``, ``seed``, ``callbacks``, any fields of
        :class:`~ntpt_pyro.inference.StepSettings`.
    :returns: the iterations of all rounds; the last one is of the library as it is afterwards.
    :raises BudgetError: where no program was found that explains most examples.
    :raises UsageError: where no function is untrained, or a number is out of its range.
    """
    free = [name for name, steps in library.steps.items() if not steps] if free is None else [*free]
    if not free:
        raise UsageError(
            "teach_by_solver, library",
            expected="an untrained function, to be taught",
            got="trained ones only",
            remedy="ask the solver for the program itself",
        )
    loop, m_step = _split(settings)
    return _Teaching(
        model=model,
        held_back=tuple(held_back),
        training=tuple(training),
        library=library,
        free=free,
        behaviours=behaviours,
        enough=enough,
        progress=progress,
        checkpoint=checkpoint,
        settings=loop,
        m_step=m_step,
    ).run()


def _split(options: SolverEMOptions) -> tuple[SolverEMSettings, dict[str, Any]]:
    """The settings of rounds and iterations, and those of their M steps."""
    of_steps: dict[str, Any] = dict(options)
    names = [one.name for one in fields(SolverEMSettings) if one.name in of_steps]
    return SolverEMSettings(**{name: of_steps.pop(name) for name in names}), of_steps


@dataclass
class _Teaching:
    """The pool, and the iterations so far."""

    model: Model
    held_back: tuple[Tensor, ...]
    training: tuple[Tensor, ...]
    library: Library
    free: Sequence[str]
    behaviours: Callable[[ProgramPosterior], Sequence[Behaviour]]
    enough: Callable[[PoolIteration], bool] | None
    progress: str | None
    checkpoint: Callable[[str], Path] | None
    settings: SolverEMSettings
    m_step: dict[str, Any]

    def __post_init__(self) -> None:
        self.seed = int(self.m_step.pop("seed", 0))
        self.begun = deepcopy(self.library.state_dict())
        self.scores = Scores(self.model, self.held_back)
        self.pool: list[dict[str, int]] = []
        self.found: list[PoolIteration] = []
        self.taught = 0  # M steps so far

    def run(self) -> list[PoolIteration]:
        """All rounds."""
        for number in range(self.settings.rounds):
            self._renew(number)
            programs, others = self._proposed(number)
            self.pool += programs
            useless = others and not programs  # better look for others first
            if self.pool and not useless and self._sure(number):
                break
        if not self.found:
            raise BudgetError(
                "solver, proposals",
                expected="a program that explains most examples, whatever untrained functions read",
                got=f"none in {self.settings.rounds} rounds of at most {self.settings.seconds:g} s",
                remedy="allow more seconds, or a larger share of examples that are not explained",
            )
        return self.found

    def _of_round(self, number: int) -> int:
        """The seed of a round."""
        return self.seed * self.settings.rounds + number

    def _renew(self, number: int) -> None:
        """Give the free functions new weights; the others those that they had."""
        self.library.load_state_dict(self.begun)
        if number:
            fresh = self.library.copied(1, self._of_round(number)).take(torch.tensor([0]))
            for name in self.free:
                self.library[name].load_state_dict(fresh[name].state_dict())

    def _proposed(self, number: int) -> tuple[list[dict[str, int]], bool]:
        """Programs of further behaviour, and whether there may be others."""
        kept = self.checkpoint(f"programs-{number}") if self.checkpoint else None
        asked = {"round": number, "seed": self._of_round(number)}
        if kept is not None and kept.exists():
            state = load_checkpoint(kept, asked)
            return list(state["programs"]), bool(state["others"])
        self.library.eval()
        seed = self._of_round(number)
        order = torch.randperm(
            len(self.training[0]), generator=torch.Generator().manual_seed(seed), device="cpu"
        )
        rows = order[: self.settings.proposed_from].to(self.training[0].device)
        some = [tensor[rows] for tensor in self.training]
        with Proposer(
            self.model, some, free=self.free, settings=self.settings.proposals, known=self.pool, seed=seed
        ) as proposer:
            new = proposer.propose(self.settings.pool, seconds=self.settings.seconds)
        programs = [one.program for one in new]
        if kept is not None:
            save_checkpoint(kept, {"programs": programs, "others": not proposer.exhausted}, asked)
        return programs, not proposer.exhausted

    def _sure(self, number: int) -> bool:
        """The iterations of a round; whether the last one is enough."""
        settings, everything = self.settings, len(self.held_back[0])
        examples = min(settings.first, everything)
        for iteration in range(settings.iterations):
            self.library.eval()
            groups = self._weighed(number, examples)
            may_end = examples == everything and groups[0].probability >= settings.sure
            if may_end and (self.enough is None or self.enough(self.found[-1])):
                return True
            if iteration >= LOOKED_AT and examples == everything and self._gain() < LEAST_GAIN:
                return False
            if iteration + 1 < settings.iterations:  # else the library is as the posterior says
                self._learn(number, groups)
                examples = min(2 * examples, everything)
        return False

    def _gain(self) -> float:
        """By how much examples held back are explained better than an iteration before."""
        return self.found[-1].log_likelihood - self.found[-2].log_likelihood

    def _weighed(self, number: int, examples: int) -> Sequence[Behaviour]:
        """Note the posterior over the pool."""
        each = self.scores.log_likelihoods(self.pool)
        columns = {site: torch.tensor([one[site] for one in self.pool]) for site in self.scores.sizes}
        posterior = ProgramPosterior(columns, each[:, :examples].sum(-1), self.scores.sizes)
        groups = self.behaviours(posterior)
        step = self.settings.steps * self.taught
        best = float(each.mean(-1).max())
        self.found.append(PoolIteration(examples, posterior, groups, step, number, best))
        return groups

    def _learn(self, number: int, groups: Sequence[Behaviour]) -> None:
        """An M step."""
        done, self.taught = self.taught, self.taught + 1
        self.library.train()
        fit(
            over(groups)(self.model),
            self.training,
            library=self.library,
            steps=self.settings.steps,
            progress=self.progress and f"{self.progress}, round {number + 1}: networks",
            checkpoint=self.checkpoint(f"networks-{done}") if self.checkpoint else None,
            **{**self.m_step, "seed": self._of_round(number) * 1000 + done},
        )
