"""A guide made from the model's own choice sites: mean-field, one categorical a choice."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import pyro
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.inference.handlers.model_sites import ChoiceSite, Plates
from ntpt_pyro.language.own_names import OwnNames
from ntpt_pyro.language.parts import drawn
from ntpt_pyro.language.sites import guide_choice


class ChoiceGuide(OwnNames):
    """Mean-field guide over program choices: ``q(program) = prod over sites of Categorical(logits[site])``.

    The logits are unnormalised log-probabilities. Those of all choices within the same plates lie side by
    side in one parameter ``logits_0`` (``logits_1``, ... for other plates), ``[*batch, sum of sizes]``: a
    ``pyro.param`` statement a choice would take as long as the interpreter. :meth:`logits` gives them by
    site. Plates around a choice in the model stand around it here too.

    :param sites: the model's choices, see :func:`~ntpt_pyro.inference.handlers.model_sites.model_sites`.
    :param init_scale: standard deviation of the logits' normal initial values. Above 1 the restarts start as
        different, nearly decided programs; near 0 as the same undecided one.
    :param generator: source of the initial values; torch's global one where None.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import marginal
    >>> guide = marginal().guide(model, torch.tensor([1, 1]), init_scale=0.0)
    >>> guide.probabilities()
    {'bit': tensor([0.5000, 0.5000]...)}
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
        self._groups: dict[Plates, list[ChoiceSite]] = {}
        initial: dict[str, Tensor] = {}
        for site in self.sites.values():
            self._groups.setdefault(site.plates, []).append(site)
            shape = (*site.batch_shape, site.size)
            noise = drawn(shape, lambda of: torch.randn(of, generator=generator, device="cpu"))
            initial[site.name] = (init_scale * noise).to(torch.get_default_device())
        for number, group in enumerate(self._groups.values()):
            together = torch.cat([initial[site.name] for site in group], -1)
            setattr(self, f"logits_{number}", torch.nn.Parameter(together))

    def __repr__(self) -> str:
        """What it is a guide of, in one line."""
        programs = in_digits(self.programs())
        return f"<{type(self).__name__} of {', '.join(self.sites) or 'no choice'}: {programs} programs>"

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Sample every choice; the arguments, those of the model, are not used."""
        made: dict[tuple[str, int, int], pyro.plate] = {}
        for number, (plates, group) in enumerate(self._groups.items()):
            together = getattr(self, f"logits_{number}").split([site.size for site in group], -1)
            with _open(plates, made):
                for site, logits in zip(group, together, strict=True):
                    guide_choice(site.name, logits)

    @property
    def covered(self) -> set[str]:
        """The sites of the model that it is a guide of."""
        return set(self.sites)

    def logits(self) -> dict[str, Float[Tensor, "*batch size"]]:
        """The parameters by site, detached: unnormalised log-probabilities ``[*batch, size]``.

        They are views: writing to them changes the guide.
        """
        parameters = dict(self.named_parameters(recurse=False))
        found: dict[str, Tensor] = {}
        for number, group in enumerate(self._groups.values()):
            together = parameters[f"logits_{number}"].detach().split([site.size for site in group], -1)
            found |= {site.name: logits for site, logits in zip(group, together, strict=True)}
        return {name: found[name] for name in self.sites}

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
                logits = logits.index_select(frame[2] - 1, restarts.to(logits.device))
            plates = _resized(site.plates, plate, len(restarts))
            kept.append(ChoiceSite(site.name, site.size, tuple(logits.shape[:-1]), plates))
            values[site.name] = logits
        guide = ChoiceGuide(kept, init_scale=0.0)
        for name, logits in guide.logits().items():
            logits.copy_(values[name])
        return guide

    def keep(self, restarts: Int[Tensor, " kept"], *, plate: str = "restarts") -> dict[Tensor, int]:
        """Go on with some of the restarts only: the same parameters, with fewer numbers.

        :param restarts: their indices along the plate, ascending.
        :param plate: the plate of restarts.
        :returns: the axis of restarts of each parameter that has one.
        """
        axes: dict[Tensor, int] = {}
        groups: dict[Plates, list[ChoiceSite]] = {}
        for number, (plates, group) in enumerate(self._groups.items()):
            parameter = getattr(self, f"logits_{number}")
            for name, _, dim in plates:
                if name == plate:
                    axes[parameter] = parameter.ndim - 1 + dim
                    parameter.data = parameter.data.index_select(axes[parameter], restarts)
            plates = _resized(plates, plate, len(restarts))
            shape = tuple(parameter.shape[:-1])
            groups[plates] = [ChoiceSite(one.name, one.size, shape, plates) for one in group]
        self._groups = groups
        kept = {one.name: one for group in groups.values() for one in group}
        self.sites = {name: kept[name] for name in self.sites}
        return axes

    def believe(self, marginals: Mapping[str, Float[Tensor, " size"]], *, least: float = 1e-3) -> None:
        """Set the guide to given marginals.

        :param marginals: by site, ``[size]``, in probability space; every element of a plate is set to it.
        :param least: smaller probabilities are raised to it, so that every alternative can still be learned.
        """
        for site, logits in self.logits().items():
            logits.copy_(marginals[site].to(logits).clamp_min(least).log().expand_as(logits))

    def programs(self) -> int:
        """How many programs the choices spell out: the product of their sizes."""
        return prod(site.size for site in self.sites.values())


def _resized(plates: Plates, plate: str, size: int) -> Plates:
    """Plates, one of them of another size."""
    return tuple((name, size if name == plate else before, dim) for name, before, dim in plates)


@contextmanager
def _open(plates: Plates, made: dict[tuple[str, int, int], pyro.plate]) -> Iterator[None]:
    """Open plates by name, size and dimension; one that was made in this run is opened again."""
    with ExitStack() as stack:
        for name, size, dim in plates:
            if (name, size, dim) not in made:
                made[name, size, dim] = pyro.plate(name, size, dim=dim)
            stack.enter_context(made[name, size, dim])
        yield
