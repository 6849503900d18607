"""A pass whose programs go on in parts, by as many workers as there are, once they are many.

What the parts are does not depend on the workers, nor on how long anything takes: so neither does what is
found. Programs of one part still merge; those of two do not, which costs a little work.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from ntpt_pyro.inference.exact.contents import Ids
from ntpt_pyro.inference.exact.cubes import Cubes
from ntpt_pyro.inference.exact.end_scores import Kept
from ntpt_pyro.inference.exact.model_record import Recording, record
from ntpt_pyro.inference.exact.most_probable import most_probable
from ntpt_pyro.inference.exact.programs import Log, Rows, TooManyRowsError, add_prior_made
from ntpt_pyro.inference.exact.shared_pass import (
    Begun,
    Leaves,
    SharedPass,
    TooManyStatesError,
    silent,
    together,
)
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.work.side_by_side import each
from ntpt_pyro.inference.work.workers import Workers

MANY = 1024
"""States from which on they may go on in parts."""
PART = 200_000_000
"""Programs times nodes of a part, about ten seconds of work: smaller ones share too little of it."""
FEWEST, MOST = 4, 32
"""Parts of a pass."""
TRIED = 16
"""States that tell what all will take."""
PAYS = 50_000_000
"""Programs times nodes to be evaluated, some seconds of work, from which on workers are given parts."""


@dataclass(frozen=True)
class Part:
    """Programs that go on.

    :param choices: by site, ``[programs]``.
    :param log_mass: ``[programs]``, of each before.
    :param ways: ``[programs]``, how many each stands for.
    :param least: log of the mass below which one is dropped.
    :param examples: the first, and the one behind the last.
    """

    choices: dict[str, Ids]
    log_mass: Log
    ways: Log
    least: float
    examples: tuple[int, int]


@dataclass(frozen=True)
class PartRuns:
    """Runs parts.

    :param model: a Pyro program, not wrapped.
    :param data: tensors with a common first axis of examples.
    :param log_prior: by choice the log-probability of each alternative.
    :param most: programs at a time, and kept.
    :param certain: whether labels are certain.
    :param keep: programs to keep of each part, the most probable ones; None keeps all.
    """

    model: Model
    data: tuple[Tensor, ...]
    log_prior: Mapping[str, Log]
    most: int
    certain: bool
    keep: int | None
    _recorded: dict[tuple[int, int], Recording] = field(default_factory=dict, init=False, repr=False)

    def run(self, examples: tuple[int, int], report: Callable[[str], None] = silent) -> SharedPass:
        """A pass.

        :param examples: the first, and the one behind the last.
        :param report: told what is going on, in words.
        :returns: the pass.
        """
        if examples not in self._recorded:  # parts follow each other that are of the same examples
            self._recorded.clear()
            some = [tensor[slice(*examples)] for tensor in self.data]
            self._recorded[examples] = record(self.model, some)
        return SharedPass(
            self._recorded[examples],
            self.log_prior,
            most=self.most,
            certain=self.certain,
            keep=self.keep,
            report=report,
        )

    def whole(self, part: Part) -> Leaves:
        """What is kept of a part.

        :param part: the programs.
        :returns: what is kept.
        :raises TooManyRowsError: where the memory is too small for what is kept.
        :raises TooManyStatesError: where it is too small for what is merged.
        """
        return self.run(part.examples)(part.choices, part.log_mass, part.least, part.ways)

    def __call__(self, part: Part) -> Leaves | None:
        """See :meth:`whole`.

        :param part: the programs.
        :returns: what is kept; None where the memory is too small for it.
        """
        try:
            return self.whole(part)
        except (TooManyRowsError, TooManyStatesError):
            return None


class PassesInParts:
    """Makes passes in parts.

    :param runs: of parts by this process.
    :param workers: who runs parts. Those of this machine share the memory, and what is too large for a share
        this process runs itself; those of a cluster have as much each.
    :param report: told what is going on, in words.
    """

    def __init__(self, runs: PartRuns, workers: Workers, report: Callable[[str], None]) -> None:
        self.runs = runs
        self.workers = workers
        self.report = report
        share = 1 if workers.cluster else workers.count(MOST)
        self._shares = replace(runs, most=max(1, runs.most // share))

    def __call__(self, examples: tuple[int, int], cubes: Cubes, least: float) -> Leaves | None:
        """Make one.

        :param examples: the first, and the one behind the last.
        :param cubes: programs before.
        :param least: log of the mass below which one is dropped.
        :returns: what is kept; None where the pass is so small that one process does as well.
        :raises TooManyRowsError: where more programs are kept than may be.
        :raises TooManyStatesError: where a part is too large for all of the memory.
        """
        begun = self.runs.run(examples, self.report).begun(cubes.choices, cubes.log_mass, least, MANY)
        if begun is None:
            return None
        rows = np.arange(len(begun.log_mass))
        asked = self._asked(_part(begun, rows[:: -(-len(rows) // TRIED)], least, examples), len(rows))
        if asked < PAYS:
            return None
        many = min(len(rows), max(FEWEST, min(MOST, int(asked / PART))))
        ways = begun.lattice.ways()
        cuts = [rows[n::many] for n in range(many)]  # of each kind some: they take about as long
        kept: list[Leaves] = []
        known = 0.0
        with closing(self._each([_part(begun, cut, least, examples) for cut in cuts])) as found:
            for done, (number, leaves) in enumerate(found, 1):
                kept.append(replace(leaves, origin=cuts[number][leaves.origin]))
                known += float(ways[kept[-1].origin].sum())
                if leaves.best_only:
                    kept = [self._best(begun, together(kept, begun.lattice.sites), ways)]
                    known = float(ways[kept[0].origin].sum())
                if known > self.runs.most:
                    raise TooManyRowsError
                self.report(f"{len(rows):,} states, {done} of {many} parts of them, {known:,.0f} kept")
        return begun.ended(together(kept, begun.lattice.sites))

    def _asked(self, few: Part, states: int) -> float:
        """About how much all states take, by what a few do."""
        run = self.runs.run(few.examples)
        with suppress(TooManyRowsError, TooManyStatesError):  # then it has taken much
            run(few.choices, few.log_mass, few.least, few.ways)
        return run.evaluation.asked * states / len(few.log_mass)

    def _each(self, parts: Sequence[Part]) -> Generator[tuple[int, Leaves]]:
        """The number of each part, and what is kept of it."""
        self.report(f"{len(parts)} parts, by workers")
        large = []
        with closing(each(self._shares, parts, workers=self.workers)) as found:
            for number, leaves in enumerate(found):
                if leaves is None:
                    large.append(number)
                else:
                    yield number, leaves
        for number in large:  # the workers have ended, and leave all of the memory
            yield number, self.runs.whole(parts[number])

    def _best(self, begun: Begun, leaves: Leaves, ways: Log) -> Leaves:
        """The most probable of what parts kept, each of which kept its own."""
        if not len(leaves.origin):
            return leaves
        mass = begun.log_mass[leaves.origin] + leaves.log_likelihoods
        add_prior_made(mass, begun.choices, leaves.choices, leaves.origin, self.runs.log_prior)
        scale = mass.max()
        rows = np.arange(len(mass))
        every = Kept(rows, leaves.log_likelihoods, np.exp(mass - scale), 0.0)
        assert self.runs.keep is not None
        (best,), lost, _ = most_probable([every], ways[leaves.origin], self.runs.keep)
        dropped = np.logaddexp(leaves.dropped, np.log(lost) + scale) if lost else leaves.dropped
        choices = {site: column[best.states] for site, column in leaves.choices.items()}
        return replace(
            leaves,
            origin=leaves.origin[best.states],
            choices=choices,
            log_likelihoods=best.log_likelihoods,
            dropped=float(dropped),
        )


def _part(begun: Begun, rows: Rows, least: float, examples: tuple[int, int]) -> Part:
    """Some of the states that go on."""
    choices = {site: column[rows] for site, column in begun.choices.items()}
    return Part(choices, begun.log_mass[rows], begun.lattice.ways()[rows], least, examples)
