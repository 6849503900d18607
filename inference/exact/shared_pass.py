"""One pass over some examples: all programs at once, merged where they are equal from there on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ntpt_pyro.inference.exact.contents import Ids, distinct
from ntpt_pyro.inference.exact.end_scores import EndScores, Kept
from ntpt_pyro.inference.exact.ends import Ends, NotByChoiceError, Result, Setting
from ntpt_pyro.inference.exact.evaluation import Evaluation
from ntpt_pyro.inference.exact.label_scores import Score, observed_log_likelihood
from ntpt_pyro.inference.exact.lattice import Lattice, Level
from ntpt_pyro.inference.exact.model_record import Recording
from ntpt_pyro.inference.exact.most_probable import most_probable
from ntpt_pyro.inference.exact.nodes import Node
from ntpt_pyro.inference.exact.programs import OPEN, Log, Programs, Rows, TooManyRowsError, add_prior_made
from ntpt_pyro.inference.exact.segments import Segment, segments


class TooManyStatesError(Exception):
    """Merged states are more than memory was given for.

    :param states: about how many.
    """

    def __init__(self, states: int) -> None:
        super().__init__(states)
        self.states = states


@dataclass(frozen=True)
class Leaves:
    """What a pass kept: programs, unmerged.

    :param origin: ``[programs]``, what each began as.
    :param choices: by site, ``[programs]``, an integer or OPEN.
    :param log_likelihoods: ``[programs]``.
    :param dropped: log of the mass of what was dropped, its likelihood so far included.
    :param best_only: whether all but the most probable are dropped, where they are too many.
    """

    origin: Rows
    choices: dict[str, Ids]
    log_likelihoods: Log
    dropped: float
    best_only: bool = False


@dataclass(frozen=True)
class Begun:
    """A pass up to a cut, where many states go on, each by itself as well as beside others.

    :param choices: by site, ``[states]``: of one program that leads to each.
    :param log_mass: ``[states]``, of all programs that do.
    :param lattice: the ways into them.
    :param open: sites that are decided there or later, the others being read no more.
    :param done: what ended before.
    """

    choices: dict[str, Ids]
    log_mass: Log
    lattice: Lattice
    open: tuple[str, ...]
    done: Leaves

    def ended(self, leaves: Leaves) -> Leaves:
        """The programs of the whole pass.

        :param leaves: what is kept of those that went on, which began as these states.
        :returns: what is kept of all.
        """
        settings = {site: leaves.choices[site] for site in self.open}
        origin, found, which = self.lattice.unmerged(leaves.origin, settings)
        going = Leaves(origin, found, leaves.log_likelihoods[which], leaves.dropped)
        return together([self.done, going], self.lattice.sites)


def together(parts: Sequence[Leaves], sites: Sequence[str]) -> Leaves:
    """All leaves of some parts.

    :param parts: they.
    :param sites: of the choices.
    :returns: they as one.
    """
    return Leaves(
        np.concatenate([part.origin for part in parts]) if parts else np.zeros(0, dtype=np.int64),
        {s: np.concatenate([p.choices[s] for p in parts]) if parts else np.zeros(0, np.int32) for s in sites},
        np.concatenate([part.log_likelihoods for part in parts]) if parts else np.zeros(0),
        float(np.logaddexp.reduce([part.dropped for part in parts])) if parts else -np.inf,
        any(part.best_only for part in parts),
    )


def silent(words: str) -> None:
    """Tell nobody.

    :param words: what there is to tell.
    """


class SharedPass:
    """Runs programs on some examples.

    :param recording: of the model on these examples.
    :param log_prior: by choice the log-probability of each alternative.
    :param most: programs at a time, and kept.
    :param certain: whether labels are certain.
    :param keep: programs to keep, the most probable ones, where they merge; None keeps all.
    :param scored: whether labels count; where they do not every program's likelihood is 1.
    :param report: told what is going on, in words.
    """

    def __init__(
        self,
        recording: Recording,
        log_prior: Mapping[str, Log],
        *,
        most: int,
        certain: bool,
        keep: int | None = None,
        scored: bool = True,
        report: Callable[[str], None] = silent,
    ) -> None:
        self.segments = segments(recording)
        self.log_prior = log_prior
        self.most = most
        self.keep = keep
        self.scored = scored
        self.report = report
        self.read_first = sorted(self.segments[0].dead)
        """Choices that nothing reads after the first part: they may be decided apart."""
        self.evaluation = Evaluation()
        self.part = max(1, most // 20)
        self.merges = any(segment.dead and segment.unread for segment in self.segments[:-1])
        self.scores = [
            (observed.value, Score(observed, certain=certain)) for observed in recording.observed.values()
        ]

    def __call__(
        self, choices: dict[str, Ids], log_mass: Log, least: float, ways: Log | None = None
    ) -> Leaves:
        """Run programs.

        :param choices: by site, ``[programs]``.
        :param log_mass: ``[programs]``, of each before these examples.
        :param least: log of the mass below which one is dropped.
        :param ways: ``[programs]``, how many each stands for; None: itself only.
        :returns: what is kept.
        """
        state = Programs(choices, {}, np.arange(len(log_mass)), self.most)
        if not self.merges:
            return together(self._deep(state, log_mass, least)[0], list(choices))
        state, log_mass, lattice = self._merged(state, log_mass, ways)
        return self._ended(state, log_mass, least, lattice)

    def begun(self, choices: dict[str, Ids], log_mass: Log, least: float, many: int) -> Begun | None:
        """Run programs until they are many.

        :param choices: by site, ``[programs]``.
        :param log_mass: ``[programs]``, of each before these examples.
        :param least: log of the mass below which one is dropped.
        :param many: so many states go on by themselves.
        :returns: how far it came; None where they never are so many.
        """
        state = Programs(choices, {}, np.arange(len(log_mass)), self.most)
        if self.merges:
            state, log_mass, lattice = self._merged(state, log_mass, None, many)
            if len(state) < many:
                return None
            one = lattice.one_of_each(state.choices)
            return Begun(one, log_mass, lattice, tuple(state.choices), together([], list(choices)))
        found, waiting = self._deep(state, log_mass, least, many)
        done = together(found, list(choices))
        if not waiting:
            return None
        origin = np.concatenate([part.origin for _, part, _ in waiting])
        rows = {site: np.concatenate([part.choices[site] for _, part, _ in waiting]) for site in choices}
        lattice = Lattice(np.ones(len(log_mass)), tuple(choices))
        lattice.levels.append(Level(origin, {}, np.arange(len(origin)), len(origin)))
        masses = np.concatenate([mass for _, _, mass in waiting])
        return Begun(rows, masses, lattice, tuple(choices), done)

    def _merged(
        self, state: Programs, log_mass: Log, ways: Log | None, many: float = np.inf
    ) -> tuple[Programs, Log, Lattice]:
        """Programs that merge at every cut: at the first where they are many, or the last."""
        lattice = Lattice(np.ones(len(log_mass)) if ways is None else ways, tuple(state.choices))
        known: frozenset[str] = frozenset()
        for segment in self.segments[:-1]:
            if len(state) >= many:
                break
            self.report(f"part {len(lattice.levels) + 1} of {len(self.segments)}, {len(state):,} states")
            state, log_mass, level = self._advance(segment, segment.dead - known, state, log_mass)
            lattice.levels.append(level)
            known = segment.dead
        return state, log_mass, lattice

    def _ended(self, state: Programs, log_mass: Log, least: float, lattice: Lattice) -> Leaves:
        """Programs that have merged for the last time."""
        self.report(f"the last of {len(self.segments)} parts, {len(state):,} states")
        leaves = self._leaves(state, log_mass, least, lattice.ways())
        if lattice.ways()[leaves.origin].sum() > self.most:
            raise TooManyRowsError
        origin, found, which = lattice.unmerged(leaves.origin, leaves.choices)
        return replace(leaves, origin=origin, choices=found, log_likelihoods=leaves.log_likelihoods[which])

    def _deep(
        self, state: Programs, log_mass: Log, least: float, many: float = np.inf
    ) -> tuple[list[Leaves], list[tuple[int, Programs, Log]]]:
        """Programs that never merge: a part of them to the end, then the next.

        Where they are to be many, all of them go on side by side until they are.
        """
        found: list[Leaves] = []
        waiting = [(0, state, log_mass)]
        while waiting and sum(len(part) for _, part, _ in waiting) < many:
            if sum(len(leaves.origin) for leaves in found) > self.most:
                raise TooManyRowsError
            number, state, mass = waiting.pop(-1 if many == np.inf else 0)
            if not len(state):
                continue
            if len(state) > self.part:
                half = len(state) // 2
                for rows in (state.rows[half:], state.rows[:half]):
                    part = state.take(rows, list(state.values))
                    part.origin = state.origin[rows]
                    waiting.append((number, part, mass[rows]))
                continue
            starts = state.origin
            if number == len(self.segments) - 1:
                leaves = self._leaves(state, mass, least, np.ones(len(state)))
                found.append(replace(leaves, origin=starts[leaves.origin]))
                continue
            for programs in self._evaluated(self.segments[number], state):
                decided = self._decided(programs, state)
                masses = mass[programs.origin] + decided
                idle = np.flatnonzero(decided == 0)
                settled = self._settled(programs, idle)
                if len(settled):
                    done = programs.take(settled, self.segments[number].live)
                    leaves = self._leaves(done, masses[settled], least, np.ones(len(done)))
                    found.append(replace(leaves, origin=starts[programs.origin[settled[leaves.origin]]]))
                going = np.ones(len(programs), dtype=bool)
                going[settled] = False
                rows = np.flatnonzero(going)
                more = programs.take(rows, self.segments[number].live)
                more.origin = starts[programs.origin[rows]]
                waiting.append((number + 1, more, masses[rows]))
        return found, waiting

    def _settled(self, programs: Programs, rows: Rows) -> Rows:
        """Programs whose results take no further choice."""
        if not len(rows):
            return rows
        trial = programs.take(rows, list(programs.values), fixed=True)
        alive = trial.rows
        for value in self.segments[-1].live:
            alive = self.evaluation(value, trial, alive)
        return np.sort(rows[alive])

    def _advance(
        self, segment: Segment, dying: frozenset[str], state: Programs, log_mass: Log
    ) -> tuple[Programs, Log, Level]:
        parts, masses = [], []
        done = rows = 0
        for programs in self._evaluated(segment, state):
            parts.append(programs)
            done, rows = done + len(np.unique(programs.origin)), rows + len(programs)
            if rows * len(state) > self.most * done:
                raise TooManyStatesError(rows * len(state) // done)
            masses.append(log_mass[programs.origin] + self._decided(programs, state))
        choices = {site: np.concatenate([p.choices[site] for p in parts]) for site in state.choices}
        values = {node: np.concatenate([p.values[node] for p in parts]) for node in segment.live}
        origin, mass = np.concatenate([p.origin for p in parts]), np.concatenate(masses)
        del parts
        settings = {site: choices.pop(site) for site in dying}
        key = [*values.values(), *choices.values()]
        first, states = (
            distinct(key) if key else (np.zeros(1, dtype=np.int64), np.zeros(len(origin), dtype=np.int64))
        )
        merged = Programs(
            {site: column[first] for site, column in choices.items()},
            {node: column[first] for node, column in values.items()},
            np.arange(len(first)),
            self.most,
        )
        top = mass.max()
        with np.errstate(divide="ignore"):
            total = np.log(np.bincount(states, weights=np.exp(mass - top), minlength=len(first))) + top
        self.evaluation.forget()
        return merged, total, Level(origin, settings, states, len(first))

    def _decided(self, programs: Programs, before: Programs) -> Log:
        """The log-prior of choices that were made since."""
        found = np.zeros(len(programs))
        add_prior_made(found, before.choices, programs.choices, programs.origin, self.log_prior)
        return found

    def _evaluated(self, segment: Segment, state: Programs) -> Iterator[Programs]:
        """The programs of a segment, a part at a time.

        :raises TooManyRowsError: where they are more than may be, or one alone becomes so many.
        """
        waiting = [state.rows]
        at_once = max(1, min(len(state), self.most // 20))
        while waiting:
            rows = waiting.pop()
            if len(rows) > at_once:
                waiting += [rows[at_once:], rows[:at_once]]
                continue
            programs = state.take(rows, list(state.values))
            try:
                for node in segment.live:
                    self.evaluation(node, programs, programs.rows)
            except TooManyRowsError:
                if len(rows) == 1:
                    raise
                at_once = max(1, len(rows) // 4)
                waiting.append(rows)
                continue
            programs.values = {node: programs.values[node] for node in segment.live}
            yield programs

    def _leaves(self, state: Programs, log_mass: Log, least: float, ways: Log) -> Leaves:
        """What programs come to in the end.

        :param state: the programs.
        :param log_mass: of each.
        :param least: log of the mass below which one is dropped.
        :param ways: how many programs each stands for.
        :returns: those that are kept.
        """
        ends = self._ends(state)
        if ends is not None:
            return self._by_ends(ends, state, log_mass, least, ways)
        kept = []
        dropped = -np.inf
        for programs in self._evaluated(self.segments[-1], state):
            likelihood = np.zeros(len(programs))
            for value, score in self.scores if self.scored else ():
                if isinstance(value, Node):
                    likelihood += score.of_ids(value, programs.values[value], self.evaluation)
                else:
                    likelihood += observed_log_likelihood(value, score)
            mass = log_mass[programs.origin] + self._decided(programs, state) + likelihood
            keep = (mass >= least) & (likelihood > -np.inf)
            if not keep.all():
                lost = mass[~keep]
                dropped = np.logaddexp(dropped, np.logaddexp.reduce(lost))
            choices = {site: column[keep] for site, column in programs.choices.items()}
            kept.append(Leaves(programs.origin[keep], choices, likelihood[keep], -np.inf))
        return replace(together(kept, list(state.choices)), dropped=float(dropped))

    def _ends(self, state: Programs) -> "list[tuple[Setting, tuple[Result, ...]]] | None":
        """The ways to end, where they are the same for all programs."""
        if not self.scored or any((column != OPEN).any() for column in state.choices.values()):
            return None
        live = self.segments[-2].live if len(self.segments) > 1 else ()
        try:
            return Ends(live, self.evaluation)([value for value, _ in self.scores])
        except NotByChoiceError:
            return None

    def _by_ends(
        self,
        ends: "list[tuple[Setting, tuple[Result, ...]]]",
        state: Programs,
        log_mass: Log,
        least: float,
        ways: Log,
    ) -> Leaves:
        by_end = EndScores(state, log_mass, [score for _, score in self.scores], self.evaluation, least)
        kept: list[Kept] = []
        known, dropped = 0.0, 0.0
        for number, (setting, results) in enumerate(ends):
            kept.append(by_end(setting, results, self.log_prior))
            dropped += kept[-1].dropped
            known += float(ways[kept[-1].states].sum())
            last = number + 1 == len(ends)
            if self.keep is not None and known > self.keep * (1 if last else 2):
                kept, more, least = most_probable(kept, ways, self.keep)
                dropped, by_end.least = dropped + more, max(by_end.least, least)
                known = float(sum(ways[one.states].sum() for one in kept))
            if known > self.most:
                raise TooManyRowsError
            if number % 16 == 0:
                self.report(f"{len(state):,} states, {number} of {len(ends)} ways to end, {known:,.0f} kept")
        lengths = [len(one.states) for one in kept]
        choices = {
            site: np.repeat(np.array([setting.get(site, OPEN) for setting, _ in ends], column.dtype), lengths)
            for site, column in state.choices.items()
        }
        return Leaves(
            np.concatenate([one.states for one in kept]),
            choices,
            np.concatenate([one.log_likelihoods for one in kept]),
            float(np.log(dropped)) + by_end.scale if dropped else -np.inf,
            self.keep is not None,
        )
