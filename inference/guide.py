"""A guide made from the model's own choice sites: mean-field, one categorical a choice."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import pyro
import torch
from jaxtyping import Float, Int
from pyro.nn import PyroModule
from torch import Tensor

from ntpt_pyro.inference.prototype import ChoiceSite
from ntpt_pyro.sites import guide_choice


class ChoiceGuide(PyroModule):
    """Mean-field guide over program choices: ``q(program) = prod over sites of Categorical(logits[site])``.

    The logits are parameters ``<site>_logits``, ``[*batch, size]``, unnormalised log-probabilities.
    Plates around a choice in the model stand around it here too.

    :param sites: the model's choices, see :func:`~ntpt_pyro.inference.prototype.model_sites`.
    :param init_scale: standard deviation of the logits' normal initial values. Above 1 the restarts start as
        different, nearly decided programs; near 0 as the same undecided one.
    :param generator: source of the initial values; torch's global one where None.
    """

    def __init__(
        self,
        sites: Iterable[ChoiceSite],
        *,
        init_scale: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__("guide")
        self.sites = {site.name: site for site in sites}
        for site in self.sites.values():
            shape = (*site.batch_shape, site.size)
            initial = init_scale * torch.randn(shape, generator=generator, device="cpu")
            initial = initial.to(torch.get_default_device())
            setattr(self, _attribute(site.name), torch.nn.Parameter(initial))

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Sample every choice; the arguments, those of the model, are not looked at."""
        opened: tuple[tuple[str, int, int], ...] = ()
        with ExitStack() as stack:
            for site in self.sites.values():
                if site.plates != opened:
                    stack.close()
                    stack.enter_context(_plates(site.plates))
                    opened = site.plates
                guide_choice(site.name, getattr(self, _attribute(site.name)))

    def logits(self) -> dict[str, Float[Tensor, "*batch size"]]:
        """The parameters by site, detached: unnormalised log-probabilities ``[*batch, size]``."""
        parameters = dict(self.named_parameters())
        return {name: parameters[_attribute(name)].detach() for name in self.sites}

    def probabilities(self) -> dict[str, Float[Tensor, "*batch size"]]:
        """The marginals ``q(choice)`` by site, ``[*batch, size]``, in probability space, detached."""
        return {name: logits.softmax(-1) for name, logits in self.logits().items()}

    def take(self, restarts: Int[Tensor, " kept"], *, plate: str = "restarts") -> "ChoiceGuide":
        """The guide of some of the restarts only.

        :param restarts: their indices along the plate, in the order wanted.
        :param plate: the plate of restarts.
        :returns: a new guide whose parameters are copies.
        """
        kept, values = [], {}
        for site in self.sites.values():
            frame = next((p for p in site.plates if p[0] == plate), None)
            logits = self.logits()[site.name]
            if frame is not None:
                logits = logits.index_select(frame[2] - 1, restarts)
            plates = tuple(
                (name, len(restarts) if name == plate else size, dim) for name, size, dim in site.plates
            )
            kept.append(ChoiceSite(site.name, site.size, tuple(logits.shape[:-1]), plates))
            values[site.name] = logits
        guide = ChoiceGuide(kept, init_scale=0.0)
        with torch.no_grad():
            for name, logits in values.items():
                getattr(guide, _attribute(name)).copy_(logits)
        return guide

    def programs(self) -> int:
        """How many programs the choices spell out: the product of their sizes."""
        return prod(site.size for site in self.sites.values())


def _attribute(site: str) -> str:
    """The parameter's name for a site; torch keeps the dot for itself."""
    return f"{site.replace('.', '/')}_logits"


@contextmanager
def _plates(plates: tuple[tuple[str, int, int], ...]) -> Iterator[None]:
    """Open plates by name, size and dimension."""
    with ExitStack() as stack:
        for name, size, dim in plates:
            stack.enter_context(pyro.plate(name, size, dim=dim))
        yield
