"""The exact posterior by shared work: a pass over a few examples, then those that are left on the others.

The log-likelihood of an example is at most 0, so what a program explains so far bounds what it explains of
all examples. The first pass drops what explains its examples so badly that it can hardly matter; how much was
dropped is summed, and compared with the evidence of all examples at the end. Where it was too much the pass
is made again, and drops less.
"""

import gc
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.bounds import in_units
from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.exact.contents import distinct
from ntpt_pyro.inference.exact.cubes import Cubes, CubesFile
from ntpt_pyro.inference.exact.model_record import Recording, record
from ntpt_pyro.inference.exact.pass_in_parts import PartRuns, PassesInParts
from ntpt_pyro.inference.exact.programs import OPEN, Log, TooManyRowsError, add_prior_made
from ntpt_pyro.inference.exact.shared_pass import Leaves, SharedPass, TooManyStatesError
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.priors import Columns
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.work.workers import ALONE, Workers

FIRST = 8
"""Examples of the first pass, where all examples take the same way through the program."""
FAILED = (2.5, 5.5, math.inf)
"""About so many failed examples drop a program in the first pass: the next where that dropped too much."""
CANDIDATES = 64
"""Programs that are run on all examples for a bound on the log-evidence."""
BYTES_A_ROW = 40
"""Of memory that a program takes while it runs, for each of its choices."""


class NoProgramError(UsageError):
    """Labels are certain, and no program explains all examples."""


class SharedSearch:
    """Finds the posterior.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: tensors with a common first axis of examples.
    :param space: its programs.
    :param log_prior: by choice the log-probability of each alternative.
    :param weights: the log of what programs weigh besides, at most 0.
    :param memory: bytes that programs may take, of all workers of this machine together.
    :param tolerance: probability that dropped programs may have.
    :param keep: programs to keep, the most probable ones; None keeps all that the tolerance asks for.
    :param report: told what is going on.
    :param workers: who runs parts of a pass; this process alone makes it in one.
    """

    def __init__(
        self,
        model: Model,
        data: Sequence[Tensor],
        space: ProgramSpace,
        log_prior: Mapping[str, Log],
        *,
        weights: Callable[[Columns], Tensor],
        memory: int,
        tolerance: float,
        keep: int | None = None,
        report: Callable[[str], None],
        workers: Workers = ALONE,
    ) -> None:
        self.model = model
        self.space = space
        self.weights = weights
        self.data = tuple(data)
        self.log_prior = log_prior
        self.tolerance = tolerance
        self.certain = False
        """Whether labels are certain."""
        self.keep = keep
        self.report = report
        self.workers = workers
        self._in_parts: PassesInParts | None = None
        self.memory = memory
        self.bytes_each = BYTES_A_ROW * max(1, len(log_prior))
        """Memory that a program takes."""
        self.most = max(1, memory // self.bytes_each)
        """Programs that may be kept apart at a time."""
        self.examples = len(self.data[0])
        self.evaluated = 0
        """Programs times examples that were kept apart on the way."""
        self.way = ""
        """The way in words."""

    def posterior(
        self,
        checkpoint: Path | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        certain: bool = False,
    ) -> ProgramPosterior:
        """Find it.

        :param checkpoint: a file kept up to date after each pass, and gone on from where it exists.
        :param settings: that a checkpoint must be of.
        :param certain: whether labels are certain: then what fails an example is impossible.
        :returns: over cubes of programs.
        :raises BudgetError: where programs are too many for the memory.
        :raises UsageError: where no pass reaches the tolerance, or no program explains the examples.
        """
        self.certain = certain
        if not self.workers.alone:
            runs = PartRuns(self.model, self.data, self.log_prior, self.most, certain, self.keep)
            self._in_parts = PassesInParts(runs, self.workers, self.report)
        recording = self._recorded(0, 1)
        run = self._pass(recording)
        first = min(self.examples, FIRST if run.merges or recording.reads else 1)
        merged = f"merged after {len(run.segments) - 1} parts" if run.merges else "never merged"
        self.way = f"programs that begin alike run once, {merged}, {first} of {self.examples} examples first"
        self.report(f"{self.way}; at most {self.most:,} at a time, in {in_units(self.memory)}")
        keeper = CubesFile(checkpoint, settings or {}, certain=certain)
        first, failed = keeper.attempt or (first, FAILED[0])
        proved = 1.0
        for allowed in (one for one in FAILED if one >= failed):
            first, cubes, dropped = self._tried_from(first, allowed, keeper, proved)
            if not len(cubes) and dropped == -math.inf:
                raise NoProgramError(
                    "exact posterior",
                    expected=f"a program that explains all {self.examples} examples",
                    got="none: their evidence is zero",
                    remedy="ask a solver which of them contradict each other, or let labels be noisy",
                )
            if not len(cubes):
                continue
            cubes = self._weighed(cubes)
            log_evidence = float(np.logaddexp.reduce(cubes.log_mass))
            hidden = math.exp(min(0.0, dropped - log_evidence))
            enough = self.keep is not None and (len(cubes) > self.keep // 2 or allowed == FAILED[-1])
            if hidden <= self.tolerance or enough:
                return self._made(cubes, log_evidence, hidden)
            proved = min(proved, hidden)
            self.report(f"dropped programs may have a probability of {hidden:.1g}: once more")
        raise self._out_of_reach(proved)

    def _tried_from(
        self, first: int, failed: float, keeper: "CubesFile", proved: float
    ) -> tuple[int, Cubes, float]:
        """The programs that are left after all examples, where their first pass need not be of more of them.

        :returns: examples of the first pass, the programs, and the log of the mass of the others.
        """
        while True:
            try:
                return first, *self._search(first, failed, keeper)
            except TooManyRowsError:
                if first == self.examples and proved < 1:
                    raise self._out_of_reach(proved) from None
                if first == self.examples:
                    raise self._too_many(f"more than {self.most:,} that explain them about as well") from None
                first = min(self.examples, 2 * first)
            except TooManyStatesError as error:
                needed = error.states * self.bytes_each
                raise self._too_many(
                    f"about {error.states:,} that are different after a line, which take {in_units(needed)}"
                ) from None

    def _out_of_reach(self, proved: float) -> UsageError:
        return UsageError(
            "exact posterior",
            expected=f"dropped programs of probability {self.tolerance:g} at most",
            got=f"no pass that proves it: {proved:.2g} is proved",
            remedy="allow more (tolerance), give more memory or more examples",
        )

    def _search(self, first: int, failed: float, keeper: "CubesFile") -> tuple[Cubes, float]:
        """The programs that are left after all examples, and the log of the mass of those that are not."""
        known = keeper.take(first, failed)
        if known is None:
            cubes, dropped = self._first(first, self._recorded(0, first), self._all(), failed)
            done = first
            self.evaluated += len(cubes) * first
        else:
            cubes, dropped, done = known
        while True:
            if done < self.examples and self.tolerance and not self.certain and len(cubes) > CANDIDATES:
                cubes, dropped = self._pruned(cubes, done, dropped)
            keeper.keep(cubes, dropped, done, first, failed)
            if done == self.examples or not len(cubes):
                return cubes, dropped
            last = min(self.examples, done + max(first, done // 2))
            leaves = self._passed(self._pass(self._recorded(done, last)), (done, last), cubes, -math.inf)
            self.evaluated += len(cubes) * (last - done)
            cubes, dropped = self._after(cubes, leaves, dropped)
            done = last

    def _all(self) -> Cubes:
        """All programs, as one cube."""
        kind = np.int16 if max(map(len, self.log_prior.values()), default=0) < 2**15 else np.int32
        return Cubes({site: np.full(1, OPEN, dtype=kind) for site in self.log_prior}, np.zeros(1))

    def _passed(self, run: SharedPass, examples: tuple[int, int], cubes: Cubes, least: float) -> Leaves:
        """A pass, by this process or by workers too."""
        leaves = None if self._in_parts is None else self._in_parts(examples, cubes, least)
        return run(cubes.choices, cubes.log_mass, least) if leaves is None else leaves

    def _first(self, first: int, recording: Recording, cubes: Cubes, failed: float) -> tuple[Cubes, float]:
        """The first pass; where memory is too small for it, one alternative of a choice after the other."""
        found = self._tried(first, recording, cubes, failed)
        if not isinstance(found, list):
            return found
        gc.collect()  # what a pass knows takes most of the memory
        parts = []
        for integer in np.flatnonzero(self.log_prior[found[0]] > -np.inf).tolist():
            parts.append(self._first(first, recording, self._decided(cubes, found[0], integer), failed))
            gc.collect()
        choices = {site: np.concatenate([part.choices[site] for part, _ in parts]) for site in self.log_prior}
        mass = np.concatenate([part.log_mass for part, _ in parts])
        return Cubes(choices, mass), float(np.logaddexp.reduce([dropped for _, dropped in parts]))

    def _tried(
        self, first: int, recording: Recording, cubes: Cubes, failed: float
    ) -> tuple[Cubes, float] | list[str]:
        """A first pass; where memory is too small for it, choices that may be decided before."""
        run = self._pass(recording)
        try:
            leaves = self._passed(run, (0, first), cubes, self._least(run, failed))
        except TooManyStatesError:
            apart = [site for site in run.read_first if (cubes.choices[site] == OPEN).all()]
            if not apart:
                raise
            return apart
        return self._after(cubes, leaves, -math.inf)

    def _decided(self, cubes: Cubes, site: str, integer: int) -> Cubes:
        """Programs that make a choice in one way."""
        column = np.full_like(cubes.choices[site], integer)
        mass = cubes.log_mass + self.log_prior[site][integer]
        return Cubes({**cubes.choices, site: column}, mass)

    def _least(self, run: SharedPass, failed: float) -> float:
        if not self.tolerance or self.certain:
            return -math.inf
        smallest = sum(float(one.min()) for one in self.log_prior.values())
        floor = max(math.log(score.size / score.noise) if score.noise else 50.0 for _, score in run.scores)
        return smallest - failed * floor

    def _after(self, cubes: Cubes, leaves: Leaves, dropped: float) -> tuple[Cubes, float]:
        mass = cubes.log_mass[leaves.origin] + leaves.log_likelihoods
        add_prior_made(mass, cubes.choices, leaves.choices, leaves.origin, self.log_prior)
        possible = mass > -np.inf
        return Cubes(leaves.choices, mass).take(possible), float(np.logaddexp(dropped, leaves.dropped))

    def _pruned(self, cubes: Cubes, done: int, dropped: float) -> tuple[Cubes, float]:
        """Without those that are improbable, by what the best so far come to on all examples."""
        best = cubes.take(np.argpartition(-cubes.log_mass, CANDIDATES)[:CANDIDATES])
        run = self._pass(self._recorded(done, self.examples))
        leaves = run(best.choices, best.log_mass, -math.inf)
        certain = float(np.logaddexp.reduce(self._weighed(self._after(best, leaves, dropped)[0]).log_mass))
        room = certain + math.log(self.tolerance / 2)  # half: what is certain may lose as much
        if dropped >= room:
            return cubes, dropped
        least = room + math.log1p(-math.exp(dropped - room)) - math.log(2 * len(cubes))
        kept = cubes.log_mass >= least
        if not kept.all():
            dropped = float(np.logaddexp(dropped, np.logaddexp.reduce(cubes.log_mass[~kept])))
        return cubes.take(kept), dropped

    def _recorded(self, first: int, last: int) -> Recording:
        return record(self.model, [tensor[first:last] for tensor in self.data])

    def _pass(self, recording: Recording) -> SharedPass:
        return SharedPass(
            recording,
            self.log_prior,
            most=self.most,
            certain=self.certain,
            keep=self.keep,
            report=self.report,
        )

    def _made(self, cubes: Cubes, log_evidence: float, hidden: float) -> ProgramPosterior:
        columns = self._columns(cubes)
        sizes = {site: len(one) for site, one in self.log_prior.items()}
        unused = {site: torch.from_numpy(one).exp() for site, one in self.log_prior.items()}
        return ProgramPosterior(
            columns, torch.from_numpy(cubes.log_mass), sizes, log_evidence, hidden, unused
        )

    def _weighed(self, cubes: Cubes) -> Cubes:
        """Programs that differ in what does not matter as one, and with their weights."""
        if not cubes.choices:
            return cubes
        choices = self.space.unused_open(cubes.choices)
        first, kinds = distinct([column.astype(np.int32) for column in choices.values()])
        top = np.full(len(first), -np.inf)
        np.maximum.at(top, kinds, cubes.log_mass)
        mass = np.log(np.bincount(kinds, np.exp(cubes.log_mass - top[kinds]))) + top
        merged = Cubes({site: column[first] for site, column in choices.items()}, mass)
        return Cubes(merged.choices, mass + self.weights(self._columns(merged)).numpy())

    def _columns(self, cubes: Cubes) -> dict[str, Tensor]:
        return {site: torch.from_numpy(cubes.choices[site].astype(np.int64)) for site in self.log_prior}

    def _too_many(self, got: str) -> BudgetError:
        return BudgetError(
            "exact posterior",
            expected=f"at most {self.most:,} programs to keep apart, in {in_units(self.memory)}",
            got=got,
            remedy="give more memory, fewer lines or more examples, decide some choices with "
            "poutine.condition, or ask a solver",
        )
