"""Which programs of a machine fit its instances, found without Pyro: what exact posteriors are held to.

Machines run on integers, many programs at once, and a choice is tried in all ways only where a machine reads
it: programs that differ in what was never read are one row, counted as often as there are such programs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
AT_ONCE = 8_000
"""Programs that go a step at once; each may become hundreds on the way."""
OPEN = -1
"""Stands for a choice that was not read."""


@dataclass(frozen=True)
class Programs:
    """Programs that run at the same time, a row each.

    :param choices: ``[programs, choices]``, :data:`OPEN` where nothing was read.
    :param state: what their machines are in, by name, ``[programs, ...]`` each.
    """

    choices: Ints
    state: dict[str, Ints]

    def __len__(self) -> int:
        return len(self.choices)

    def take(self, kept: Ints | Bools | slice) -> "Programs":
        """Some of them, or some of them several times.

        :param kept: which.
        :returns: they.
        """
        return Programs(self.choices[kept], {name: one[kept] for name, one in self.state.items()})

    def chosen(self, place: Ints) -> Ints:
        """What they choose, :data:`OPEN` where nothing was read.

        :param place: which choice of each.
        :returns: ``[programs]``.
        """
        found: Ints = self.choices[np.arange(len(self)), place]
        return found

    def reading(self, place: Ints, sizes: Ints) -> "Programs":
        """They, each after it has read a choice, in all ways where it had not.

        :param place: the choice that each reads; :data:`OPEN` where none.
        :param sizes: of all choices.
        :returns: as many or more.
        """
        new = (place != OPEN) & (self.chosen(place) == OPEN)
        if not new.any():
            return self
        repeats = np.where(new, sizes[place], 1)
        found = self.take(np.repeat(np.arange(len(self)), repeats))
        rank = np.arange(len(found)) - np.repeat(repeats.cumsum() - repeats, repeats)
        new, place = np.repeat(new, repeats), np.repeat(place, repeats)
        found.choices[new, place[new]] = rank[new]
        return found


@dataclass(frozen=True)
class Machine:
    """A machine whose programs must fit instances.

    :param sizes: of its choices.
    :param start: from how many programs and an instance's number to the state that they begin in.
    :param step: from programs to those that have gone a step.
    :param steps: how many there are.
    :param fits: from programs that have gone all steps of an instance, and its number, to which fit it.
    :param instances: how many there are.
    """

    sizes: Ints
    start: Callable[[int, int], dict[str, Ints]]
    step: Callable[[Programs], Programs]
    steps: int
    fits: Callable[[Programs, int], Bools]
    instances: int

    def all_programs(self) -> Ints:
        """All programs, as one row that has read nothing."""
        return np.full((1, len(self.sizes)), OPEN)

    def fitting(self, choices: Ints) -> Ints:
        """Those that fit every instance.

        :param choices: ``[programs, choices]``.
        :returns: likewise.
        """
        parts = self._fitting(Programs(choices, {}), 0)
        return np.concatenate([choices[:0], *parts])

    def ended(self, choices: Ints, instance: int) -> Programs:
        """Programs after all steps of an instance, whether they fit it or not.

        :param choices: ``[programs, choices]``.
        :param instance: its number.
        :returns: as many or more.
        """
        programs = Programs(choices, self.start(len(choices), instance))
        for _ in range(self.steps):
            programs = self.step(programs)
        return programs

    def _fitting(self, programs: Programs, done: int) -> list[Ints]:
        """Those that fit, a few at a time, each of them through all instances before the next."""
        if done == self.steps * self.instances:
            return [programs.choices]
        found = []
        instance, step = divmod(done, self.steps)
        for first in range(0, len(programs), AT_ONCE):
            part = programs.take(slice(first, first + AT_ONCE))
            part = self.step(part if step else replace(part, state=self.start(len(part), instance)))
            if step == self.steps - 1:
                part = part.take(self.fits(part, instance))
            if len(part):
                found += self._fitting(part, done + 1)
        return found


def settings(choices: Ints, sizes: Ints) -> int:
    """How many programs there are, choices left open counted in all ways.

    :param choices: ``[programs, choices]``.
    :param sizes: of the choices.
    :returns: their number.

    >>> settings(np.array([[0, OPEN], [1, 2]]), np.array([2, 3]))
    4
    """
    left, times = np.unique(choices == OPEN, axis=0, return_counts=True)
    return sum(int(n) * prod(sizes[free].tolist()) for free, n in zip(left, times, strict=True))


def every_setting(choices: Ints, sizes: Ints) -> Ints:
    """Programs one by one, choices left open in all ways.

    :param choices: ``[programs, choices]``.
    :param sizes: of the choices.
    :returns: likewise, none of them open.

    >>> every_setting(np.array([[0, OPEN], [1, 2]]), np.array([2, 3])).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 2]]
    """
    programs = Programs(choices, {})
    for place in range(len(sizes)):
        programs = programs.reading(np.full(len(programs), place), sizes)
    return programs.choices
