"""What exact enumeration costs, computed before any of it is paid.

A cell is one joint assignment of enumerated sites for one element of the plates. A model run holds tensors
of ``cells * range`` numbers, and a function of two arguments for a moment ``range`` times that, so the
default of 2**25 cells stays within a few gigabytes for ranges of about twenty.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.language.sites import Message, role_of

TORCH_MAX_DIMS = 64
"""The most dimensions a torch tensor can have; one goes to the value's own axis."""


@dataclass(eq=False)
class Budget:
    """A limit on enumeration, and the sites admitted so far in the current run.

    :param max_cells: the most joint assignments times plate elements that one tensor may hold.

    The size of a step is exact (the shape its distribution already has), that of the choices an upper bound
    (their product: every program).

    >>> from ntpt_pyro.inference import EnumeratedChoices
    >>> EnumeratedChoices(Budget(max_cells=1000)).budget.max_cells
    1000
    """

    max_cells: int = 2**25
    sites: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _choices: set[str] = field(default_factory=set, init=False, repr=False)

    def reset(self) -> None:
        """Forget the sites of the last run."""
        self.sites.clear()
        self._choices.clear()

    def admit(self, msg: Message) -> None:
        """Count an enumerated site in, before its values are made.

        :param msg: the site's message.
        :raises BudgetError: where the joint support or the number of dimensions is out of reach.
        """
        distribution: Any = msg["fn"]
        size = distribution.event_shape[-1]
        site = str(msg["name"])
        self.sites[site] = size
        if role_of(msg) == "choice":
            self._choices.add(site)
            plates = prod(f.size for f in msg["cond_indep_stack"] if f.vectorized)
            cells = prod(self.sites[choice] for choice in self._choices) * plates
        else:
            cells = prod(distribution.batch_shape) * size
        self.check(cells, max(len(distribution.batch_shape), len(self.sites)) + 1)

    def check(self, cells: int, dims: int) -> None:
        """Compare a cost with the limits.

        :param cells: joint assignments times plate elements.
        :param dims: tensor dimensions, the value's own axis included.
        :raises BudgetError: naming the sites admitted so far, the cost, and what to do instead.
        """
        if cells <= self.max_cells and dims <= TORCH_MAX_DIMS:
            return
        sites = ", ".join(f"{site} ({size})" for site, size in self.sites.items())
        if dims > TORCH_MAX_DIMS:
            expected, got = f"at most {TORCH_MAX_DIMS} tensor dimensions", f"{dims}"
        else:
            expected, got = f"at most {self.max_cells:,} cells", in_digits(cells)
        raise BudgetError(
            f"enumeration of {sites}",
            expected=expected,
            got=got,
            remedy="enumerate the steps only, relax the choices, take smaller batches or fewer lines, or "
            "enlarge the budget (enumeration(max_cells=...))",
        )
