"""How probable programs are before any data.

A prior has two parts: for each choice the probability of its alternatives, uniform where nothing is said, and
a weight for whole programs, 1 where nothing is said. An exact posterior knows of a program which choices it
reads; those that it does not read are open (:data:`UNUSED`), and the probabilities of their alternatives sum
to one. So under the uniform prior a program costs the log-size of every choice that it reads: its description
length, each program being told once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.posterior.program_posterior import UNUSED

Columns = Mapping[str, Int[Tensor, " programs"]]
"""By site the integer of each program, :data:`UNUSED` where it does not read the choice."""
Weights = Callable[[Columns], Float[Tensor, " programs"]]
"""From programs to the log of what each weighs besides the probability of its choices, at most 0."""

ROUNDING = 1e-4
"""How far from 1 the sum of probabilities may be."""


@dataclass(frozen=True)
class Prior:
    """A prior over programs.

    :param choices: by site the probability of each alternative; uniform for sites that are not there.
    :param weights: the log of what whole programs weigh besides; None: all the same. What they sum to is not
        known, so that a posterior's log-evidence is then that of the weighted programs, not normalised.

    >>> prior = Prior({"instr": [0.75, 0.25]})
    >>> prior.log_probs({"instr": torch.tensor([0, 1]), "arg": torch.tensor([UNUSED, 2])},
    ...                 {"instr": 2, "arg": 4}).exp()
    tensor([0.7500, 0.0625], dtype=torch.float64)
    """

    choices: Mapping[str, "list[float] | Tensor"] = field(default_factory=dict)
    weights: Weights | None = None

    def tables(self, sizes: Mapping[str, int]) -> dict[str, Float[Tensor, " size"]]:
        """The log-probabilities of alternatives.

        :param sizes: by site the number of alternatives.
        :returns: by site, float64, in nats.
        :raises SiteError: where the prior is of a choice that is not there.
        :raises UsageError: where probabilities are negative, or do not sum to 1, or are too few or too many.
        """
        for site in self.choices:
            if site not in sizes:
                raise SiteError(
                    f"prior of {site!r}",
                    expected=f"choices out of {', '.join(sizes)}",
                    got=repr(site),
                    remedy="correct the name",
                )
        return {site: self._table(site, size).log() for site, size in sizes.items()}

    def _table(self, site: str, size: int) -> Float[Tensor, " size"]:
        if site not in self.choices:
            return torch.full((size,), 1 / size, dtype=torch.float64, device="cpu")
        probs = torch.as_tensor(self.choices[site], dtype=torch.float64, device="cpu")
        if probs.shape != (size,) or not bool((probs >= 0).all()) or abs(float(probs.sum()) - 1) > ROUNDING:
            raise UsageError(
                f"prior of {site!r}",
                expected=f"{size} probabilities that sum to 1",
                got=f"{probs.numel()} that sum to {float(probs.sum()):g}"
                + ("" if bool((probs >= 0).all()) else ", some of them negative"),
                remedy="divide them by their sum",
            )
        return probs / probs.sum()

    def log_probs(self, columns: Columns, sizes: Mapping[str, int]) -> Float[Tensor, " programs"]:
        """The log-probability of programs.

        :param columns: their choices.
        :param sizes: by site the number of alternatives.
        :returns: ``[programs]``, float64, in nats, up to what the weights sum to.
        """
        total = torch.zeros(len(next(iter(columns.values()), ())), dtype=torch.float64, device="cpu")
        for site, table in self.tables(sizes).items():
            column = columns[site]
            total += torch.where(column == UNUSED, 0.0, table[column.clamp_min(0)])
        return total + self.log_weights(columns)

    def log_weights(self, columns: Columns) -> Float[Tensor, " programs"]:
        """The log of what programs weigh besides the probability of their choices.

        :param columns: their choices.
        :returns: ``[programs]``, float64, at most 0.
        :raises UsageError: where the prior's function yields something else.
        """
        programs = len(next(iter(columns.values()), ()))
        if self.weights is None:
            return torch.zeros(programs, dtype=torch.float64, device="cpu")
        found = torch.as_tensor(self.weights(columns)).double()
        if found.shape != (programs,) or not bool((found <= ROUNDING).all()):
            highest = f", at most {float(found.max()):g}" if found.numel() else ""
            raise UsageError(
                "prior's weights",
                expected=f"{programs} logs of weights, each at most 0",
                got=f"{list(found.shape)}{highest}",
                remedy="subtract the largest that a program can have",
            )
        return found


UNIFORM = Prior()
"""Every joint setting of the choices is as likely."""


def fewest_read(sizes: Mapping[str, int]) -> Prior:
    """A prior for programs that read little: each setting of the choices pays for every choice that it reads.

    Under the uniform prior a program that reads choices of sizes ``n1, n2, ...`` has the probability
    ``1 / (n1 * n2 * ...)``, all settings of the others together. Here each of these settings weighs that much
    once more.

    :param sizes: by site the number of alternatives.
    :returns: the prior.

    >>> import torch
    >>> prior = fewest_read({"op": 2, "arg": 4})
    >>> prior.weights({"op": torch.tensor([0, 1]), "arg": torch.tensor([-1, 3])}).exp()
    tensor([0.5000, 0.1250], dtype=torch.float64)
    """
    logs = {site: torch.tensor(size, dtype=torch.float64, device="cpu").log() for site, size in sizes.items()}

    def weights(columns: Columns) -> Float[Tensor, " programs"]:
        return -sum(
            ((columns[site] != UNUSED) * log for site, log in logs.items()),
            torch.zeros(len(next(iter(columns.values()))), dtype=torch.float64, device="cpu"),
        )

    return Prior(weights=weights)
