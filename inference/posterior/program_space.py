"""All programs of a model, numbered, those with the same text counted once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import ModelSites
from ntpt_pyro.inference.posterior.program_posterior import UNUSED
from ntpt_pyro.language.given_data import Data, given_data

Uses = Mapping[str, Mapping[int, Sequence[str]]]
"""For a choice, by its integer, the other choices that matter then; those of its other integers do not."""


@dataclass(frozen=True)
class _Part:
    """Choices that are set together.

    :param sites: their names.
    :param settings: ``[settings, sites]``, integers or ``UNUSED``.
    """

    sites: tuple[str, ...]
    settings: Int[Tensor, "settings sites"]


class ProgramSpace:
    """The programs of a model: all settings of its choices, but for those that make no difference.

    ``MOVE`` takes no arguments, so all programs that differ only in the arguments of a ``MOVE`` are one; its
    prior probability is that of all of them.

    :param sizes: by site the number of alternatives.
    :param uses: which choices matter when; by default all do, always.
    :raises SiteError: where ``uses`` is no mapping from integers of a choice to other choices, or gives one
        to two others. Names of choices that there are not, such as those of more lines, are not looked at.

    >>> space = ProgramSpace({"instr": 2, "left": 3, "right": 3}, {"instr": {1: ["left", "right"]}})
    >>> space.size, space.raw
    (10, 18)
    >>> space.programs(torch.tensor([0, 5]))
    {'instr': tensor([0, 1]), 'left': tensor([-1,  1]), 'right': tensor([-1,  1])}
    """

    def __init__(self, sizes: Mapping[str, int], uses: Uses | None = None) -> None:
        self.sizes = dict(sizes)
        """By site the number of alternatives."""
        _check_uses(sizes, uses or {})
        self._uses = uses = {head: values for head, values in (uses or {}).items() if head in sizes}
        owners: dict[str, str] = {}
        for head, values in uses.items():
            for site in {site for sites in values.values() for site in sites}:
                if site in owners or site in uses:
                    raise SiteError(
                        f"uses of {head!r}",
                        expected="choices that matter to one other only",
                        got=repr(site),
                        remedy="leave it out; programs are then told apart by it",
                    )
                owners[site] = head
        self._parts = [self._part(site, uses.get(site, {})) for site in sizes if site not in owners]
        self.raw = prod(self.sizes.values())
        """Joint settings of all choices."""
        self.size = prod(len(part.settings) for part in self._parts)
        """How many programs there are with different text."""

    def __repr__(self) -> str:
        """How many programs there are, in one line."""
        settings = f"{in_digits(self.raw)} joint settings of {len(self.sizes)} choices"
        return f"<ProgramSpace: {in_digits(self.size)} programs, {settings}>"

    @classmethod
    def of(cls, model: Callable[..., Any], data: Data, uses: Uses | None = None) -> "ProgramSpace":
        """The programs of a Pyro program.

        :param model: the program, not wrapped.
        :param data: examples; the model is run on the first few.
        :param uses: see :class:`ProgramSpace`.
        :returns: its programs.
        :raises SiteError: see :func:`~ntpt_pyro.inference.handlers.model_examination.examine`.
        """
        sites = examine("program space", model, given_data("program space, data", data))
        return cls({name: site.size for name, site in sites.choices.items()}, uses)

    def check(self, sites: ModelSites) -> None:
        """Check that a model makes the choices that programs of the space decide.

        :param sites: of the model.
        :raises SiteError: where it makes others, or as many of another size.
        """
        found = {name: site.size for name, site in sites.choices.items()}
        if found != self.sizes:
            shown, own = (
                ", ".join(f"{name} ({size})" for name, size in sizes.items()) for sizes in (found, self.sizes)
            )
            raise SiteError(
                "programs",
                expected=f"those of the model's choices: {shown or 'none'}",
                got=f"of {own or 'none'}",
                remedy="make the space of this model (ProgramSpace.of)",
            )

    def _part(self, head: str, values: Mapping[int, Sequence[str]]) -> _Part:
        others = dict.fromkeys(s for sites in values.values() for s in sites if s in self.sizes)
        settings = []
        for integer in range(self.sizes[head]):
            used = set(values.get(integer, ()))
            ranges = [range(self.sizes[site]) if site in used else (UNUSED,) for site in others]
            settings += [(integer, *rest) for rest in product(*ranges)]
        return _Part((head, *others), torch.tensor(settings, device="cpu"))

    def programs(self, numbers: Int[Tensor, " programs"]) -> dict[str, Int[Tensor, " programs"]]:
        """The programs of some numbers.

        :param numbers: in ``0..size-1``, on the CPU.
        :returns: by site, in the model's order, the integer of each;
            :data:`~ntpt_pyro.inference.posterior.program_posterior.UNUSED` where it does not matter.
        """
        found: dict[str, Tensor] = {}
        for part, row in zip(self._parts, self._rows(numbers), strict=True):
            found |= dict(zip(part.sites, part.settings[row].unbind(-1), strict=True))
        return {site: found[site] for site in self.sizes}

    def matters(self, program: Mapping[str, int]) -> list[str]:
        """The choices that matter to a program.

        :param program: every choice's integer by site.
        :returns: their names, in the model's order.

        >>> space = ProgramSpace({"instr": 2, "left": 3}, {"instr": {1: ["left"]}})
        >>> space.matters({"instr": 0, "left": 2}), space.matters({"instr": 1, "left": 2})
        (['instr'], ['instr', 'left'])
        """
        idle = {
            site
            for head, values in self._uses.items()
            for sites in values.values()
            for site in sites
            if site not in values.get(program[head], ())
        }
        return [site for site in self.sizes if site not in idle]

    def unused_open(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Programs whose choices are UNUSED where they do not matter.

        :param columns: by site the integer of each program.
        :returns: likewise.
        """
        found = dict(columns)
        for head, values in self._uses.items():
            for site in {site for sites in values.values() for site in sites if site in found}:
                using = [integer for integer, sites in values.items() if site in sites]
                used = np.isin(columns[head], using)
                found[site] = np.where(used, found[site], UNUSED).astype(columns[site].dtype)
        return found

    def _rows(self, numbers: Tensor) -> list[Tensor]:
        """For each part the setting of each number."""
        rows = []
        for part in reversed(self._parts):
            rows.append(numbers % len(part.settings))
            numbers = numbers // len(part.settings)
        return rows[::-1]


def _check_uses(sizes: Mapping[str, int], uses: Uses) -> None:
    """Raise where what is said of uses cannot be meant."""
    for head, values in uses.items():
        if head not in sizes:
            continue
        if not isinstance(values, Mapping):
            raise _not_uses(head, f"a {type(values).__name__}")
        for integer, sites in values.items():
            if isinstance(integer, bool) or not isinstance(integer, int) or not 0 <= integer < sizes[head]:
                raise _not_uses(head, f"{integer!r} as one of them")
            if isinstance(sites, str) or not all(isinstance(site, str) for site in sites):
                raise _not_uses(head, f"{sites!r:.60} as what matters for {integer}")
    if uses and sizes and not any(head in sizes for head in uses):
        raise _not_uses(next(iter(uses)), f"no such choice: there are {', '.join(sizes)}")


def _not_uses(head: str, got: str) -> SiteError:
    return SiteError(
        f"uses of {head!r}",
        expected="for integers of the choice the names of the others that matter then",
        got=got,
        remedy='write it as {"instr": {1: ["left", "right"]}}',
    )
