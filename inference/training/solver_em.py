"""Networks taught by programs that a solver proposes: each candidate teaches networks of its own.

A solver finds programs of different behaviour that explain most examples where an untrained network may read
anything (:class:`~ntpt_pyro.inference.solver.proposals.Proposer`). Each of them then teaches untrained
networks of its own, all in one batch, as restarts do. They are weighed by the exact likelihood of examples
held back, which no network has learned by heart; the less likely half is dropped, the others go on. Where
many programs taught one network instead, by the expectation over them, it settled on a wrong program, though
the right one was among them (ADD2X2's `top` from nothing).

A round that ends without a program that explains the examples held back is followed by another one: fresh
networks, other examples for the solver, and programs of further behaviour.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch
from jaxtyping import Float, Shaped
from pyro import poutine
from torch import Tensor

from ntpt_pyro.bounds import check_count, check_number
from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.posterior.behaviours import Behaviour
from ntpt_pyro.inference.posterior.decided_programs import (
    choice_sizes,
    columns_of,
    vertices,
    with_choices,
)
from ntpt_pyro.inference.posterior.log_likelihoods import example_log_likelihoods
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.solver.proposal_settings import ProposalSettings
from ntpt_pyro.inference.solver.proposals import Proposer
from ntpt_pyro.inference.training.callbacks import Callback
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.expectation_maximisation import Iteration
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.inference.training.step_settings import StepOptions
from ntpt_pyro.language.library import Library


class SolverEMOptions(StepOptions, total=False):
    """Keyword arguments of :func:`teach_by_solver`, any of which may be left out.

    They are the fields of :class:`SolverEMSettings`, and settings of the M steps, those of
    :func:`~ntpt_pyro.inference.fit`.
    """

    steps: int
    sure: float
    iterations: int
    rounds: int
    pool: int
    seconds: float
    proposed_from: int
    proposals: ProposalSettings
    strategy: Strategy | None
    batch_size: int
    seed: int
    callbacks: Iterable[Callback]


@dataclass(frozen=True)
class SolverEMSettings:
    """How networks are taught by a solver's programs.

    :param steps: training steps between two looks at the examples held back, at least 0.
    :param sure: the probability of a behaviour, among those of the round, from which it may end, at least 0.
    :param iterations: looks of a round, at least 1.
    :param rounds: the most, at least 1.
    :param pool: programs that a round may look for, at least 1.
    :param seconds: the most that a round looks for them, above 0.
    :param proposed_from: training examples that they are found by, at least 1.
    :param proposals: how they are found.
    :raises UsageError: names the first field that is out of its range.

    >>> SolverEMSettings(rounds=2).rounds
    2
    """

    steps: int = 50
    sure: float = 0.99
    iterations: int = 5
    rounds: int = 6
    pool: int = 16
    seconds: float = 10.0
    proposed_from: int = 48
    proposals: ProposalSettings = field(default_factory=ProposalSettings)

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"steps": 0, "iterations": 1, "rounds": 1, "pool": 1, "proposed_from": 1}
        for name, one in least.items():
            check_count(name, getattr(self, name), at_least=one)
        check_number("sure", self.sure, at_least=0)
        check_number("seconds", self.seconds, above=0)


@dataclass(frozen=True)
class PoolIteration(Iteration):
    """The result of one look; its posterior is over the candidates that are left.

    :param round: that it is of, from 0.
    """

    round: int = 0


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

    It ends when one behaviour is sure, and ``enough`` agrees. That one is sure says only that it is the best
    of its round: ``enough`` is to look at how many examples held back come out right.

    The seed decides everything where no limit of time is reached; what a limit cuts off depends on the
    machine.

    :param model: a Pyro program, not wrapped, that takes its functions as ``library``; its choices are in no
        plate.
    :param held_back: the examples that candidates are weighed by: tensors with a common first axis.
    :param training: the examples that programs are proposed by, and that networks learn; others than those.
    :param library: the networks; in the end it has those of the best candidate.
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

    >>> import pyro, torch
    >>> from functools import partial
    >>> from ntpt_pyro import Library, Tensor, by_behaviour, choice, learn, observe, select
    >>> @learn([Tensor(2)], 2, hid_sizes=[8])
    ... def read(picture): "The bit in a picture."
    >>> def model(pictures, bits=None, *, library):
    ...     which = choice("which", 3)
    ...     with pyro.plate("examples", len(pictures)):
    ...         observe("bit", select(which, library["read"](pictures)), bits)
    >>> library, bits = Library([read]), torch.randint(2, (128, 3))
    >>> pictures = torch.stack([bits, 1 - bits], -1).float()
    >>> data = pictures, bits[:, 1]
    >>> groups = partial(by_behaviour, behaviour=lambda program: program["which"], length=lambda program: 1)
    >>> held_back, training = ([one[:64] for one in data], [one[64:] for one in data])
    >>> settings = {"library": library, "behaviours": groups, "library_lr": 0.05}
    >>> found = teach_by_solver(model, held_back, training, **settings)
    >>> found[-1].behaviours[0].program
    {'which': 1}
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
        self.known: list[dict[str, int]] = []  # programs of all rounds
        self.found: list[PoolIteration] = []
        self.taught = 0  # M steps so far
        self.sizes = choice_sizes(partial(self.model, library=self.library), self.held_back)

    def run(self) -> list[PoolIteration]:
        """All rounds."""
        for number in range(self.settings.rounds):
            programs = self._proposed(number)
            self.known += programs
            if programs and self._sure(number, programs):
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

    def _proposed(self, number: int) -> list[dict[str, int]]:
        """Programs of further behaviour; where there are no others, all of them again."""
        kept = self.checkpoint(f"programs-{number}") if self.checkpoint else None
        asked = {"round": number, "seed": self._of_round(number)}
        if kept is not None and kept.exists():
            return list(load_checkpoint(kept, asked)["programs"])
        self.library.eval()
        seed = self._of_round(number)
        order = torch.randperm(
            len(self.training[0]), generator=torch.Generator().manual_seed(seed), device="cpu"
        )
        rows = order[: self.settings.proposed_from].to(self.training[0].device)
        some = [tensor[rows] for tensor in self.training]
        bound = partial(self.model, library=self.library)
        with Proposer(
            bound, some, free=self.free, settings=self.settings.proposals, known=self.known, seed=seed
        ) as proposer:
            new = proposer.propose(self.settings.pool, seconds=self.settings.seconds)
        programs = [one.program for one in new] or self.known[-self.settings.pool :]
        if kept is not None:
            save_checkpoint(kept, {"programs": programs}, asked)
        return programs

    def _sure(self, number: int, programs: list[dict[str, int]]) -> bool:
        """Teach the candidates of a round; whether the best one is enough, whose networks are kept then."""
        settings, copies = self.settings, self._copies(number, len(programs))
        best = 0
        for look in range(settings.iterations):
            self._learn(number, programs, copies)
            likelihoods = self._likelihoods(programs, copies)
            best = int(likelihoods.argmax())
            self._keep(copies, best)
            sure = self._note(number, programs, likelihoods) >= settings.sure
            if sure and (self.enough is None or self.enough(self.found[-1])):
                return True
            if look + 1 < settings.iterations and len(programs) > 1:
                kept = likelihoods.argsort(descending=True)[: max(1, len(programs) // 2)]
                programs, copies = [programs[int(one)] for one in kept], copies.take(kept)
                copies.teach(self.free)
        return False

    def _copies(self, number: int, candidates: int) -> Library:
        """Networks for each candidate: untrained ones new, the others as they were."""
        copies = self.library.copied(candidates, self._of_round(number))
        if candidates == 1:
            copies = copies.take(torch.tensor([0]))
        copies.teach(self.free)
        return copies

    def _fixed(self, programs: list[dict[str, int]], library: Library) -> Model:
        """The model with its choices decided, a candidate a restart, each with networks of its own."""
        model = partial(self.model, library=library)
        return with_choices(model, columns_of(programs), self.sizes, ForwardMarginals())

    def _learn(self, number: int, programs: list[dict[str, int]], copies: Library) -> None:
        """An M step of every candidate."""
        done, self.taught = self.taught, self.taught + 1
        copies.train()
        chosen = vertices(columns_of(programs), self.sizes)
        fit(
            poutine.condition(partial(self.model, library=copies), data=chosen),
            self.training,
            library=copies,
            restarts=len(programs),
            steps=self.settings.steps,
            progress=self.progress and f"{self.progress}, round {number + 1}: networks of {len(programs)}",
            checkpoint=self.checkpoint(f"networks-{done}") if self.checkpoint else None,
            **{**self.m_step, "seed": self._of_round(number) * 1000 + done},
        )
        copies.eval()

    def _likelihoods(self, programs: list[dict[str, int]], copies: Library) -> Float[Tensor, " candidates"]:
        """The log-likelihood of the examples held back under each candidate, in nats."""
        with torch.no_grad():
            each = example_log_likelihoods(self._fixed(programs, copies), self.held_back)
        return each.expand(len(programs), -1).double().sum(-1)

    def _keep(self, copies: Library, best: int) -> None:
        """Have the library be the best candidate's."""
        alone = copies if copies.copies is None else copies.take(torch.tensor([best]))
        self.library.load_state_dict(alone.state_dict())
        self.library.eval()

    def _note(self, number: int, programs: list[dict[str, int]], likelihoods: Tensor) -> float:
        """Note the posterior over the candidates; the probability of the first behaviour."""
        posterior = ProgramPosterior(columns_of(programs), likelihoods, self.sizes)
        groups = self.behaviours(posterior)
        step, examples = self.settings.steps * self.taught, len(self.held_back[0])
        self.found.append(PoolIteration(examples, posterior, groups, step, number))
        return groups[0].probability
