"""What sites a model has, found by running it once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample

from ntpt_pyro.bounds import check_memory
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.choices import MeanChoices
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.sites import Message, is_data, role_of

Model = Callable[..., Any]
"""A Pyro program; what it returns does not matter."""
Plates = tuple[tuple[str, int, int], ...]
"""Name, size and dimension of each vectorised plate around a site, outermost first."""
BYTES_A_LOGIT = 16
"""A guide's logit, its gradient, and the two moments that Adam keeps."""


@dataclass(frozen=True)
class ChoiceSite:
    """One choice of a model.

    :param name: the site's name.
    :param size: the number of alternatives.
    :param batch_shape: ``[*plates]``, the plates around it (size 1 where a plate does not apply).
    :param plates: those around it.
    """

    name: str
    size: int
    batch_shape: tuple[int, ...]
    plates: Plates


@dataclass(frozen=True)
class ObservedSite:
    """Something that a model compares with data, by :func:`~ntpt_pyro.observe` or by Pyro's own means.

    :param name: the site's name.
    :param batch_shape: of its distribution, ``[*plates]``.
    :param data_shape: of the data, without the axes of one event.
    :param plates: the vectorised ones around it, outermost first.
    :param around: name and size of all plates around it, loops included; the whole size of subsampled ones.
    :param lowest: of the probabilities of an :func:`~ntpt_pyro.observe`; 0 of other sites.
    :param total: the largest sum of these; 1 of other sites.
    """

    name: str
    batch_shape: tuple[int, ...]
    data_shape: tuple[int, ...]
    plates: Plates
    around: tuple[tuple[str, int], ...]
    lowest: float = 0.0
    total: float = 1.0


@dataclass(frozen=True)
class ModelSites:
    """The sites of a model.

    :param choices: the choices that nothing has decided, in the order in which the model meets them.
    :param steps: the names of its interpreter steps.
    :param observed: what it compares with data.
    :param latents: the names of other sites that nothing has decided, with the kinds of their distributions.
    :param subsampled: the names of plates that draw some of their elements.
    :param largest_plate: the number of elements of its largest nest of plates.
    :param plate_nesting: dimensions that its plates take.
    """

    choices: dict[str, ChoiceSite]
    steps: tuple[str, ...]
    observed: dict[str, ObservedSite]
    latents: dict[str, str]
    subsampled: tuple[str, ...]
    largest_plate: int
    plate_nesting: int


def model_sites(model: Model, *args: Any, **kwargs: Any) -> ModelSites:
    """Run a model once under forward marginals, without gradients and hidden from handlers outside.

    :param model: a Pyro program.
    :param args: its arguments.
    :param kwargs: its keyword arguments.
    :returns: its sites.
    :raises SiteError: where a name is used twice.
    :raises BudgetError: where a guide of its choices does not fit the machine.
    """
    names = _Names()
    with (
        torch.no_grad(),
        poutine.block(),
        poutine.trace() as tracer,
        MeanChoices(),
        ForwardMarginals(),
        names,
    ):
        model(*args, **kwargs)
    nodes = {
        name: node
        for name, node in tracer.trace.nodes.items()
        if node["type"] == "sample" and not isinstance(node["fn"], _Subsample)
    }
    plates = {
        name: tuple((f.name, f.size, f.dim or 0) for f in node["cond_indep_stack"] if f.vectorized)
        for name, node in nodes.items()
    }
    choices, observed, latents = {}, {}, {}
    for name, node in nodes.items():
        fn: Any = node["fn"]
        if role_of(node) == "choice" and not node["is_observed"]:
            choices[name] = ChoiceSite(name, fn.event_shape[-1], tuple(fn.batch_shape), plates[name])
        elif is_data(node):
            observed[name] = _observed(name, node, plates[name])
        elif role_of(node) is None and not node["is_observed"]:
            latents[name] = type(fn).__name__
    largest = max((prod(size for _, size, _ in nest) for nest in plates.values()), default=1)
    nesting = max((-dim for nest in plates.values() for _, _, dim in nest), default=0)
    frames = (frame for node in nodes.values() for frame in node["cond_indep_stack"])
    drawn = tuple(dict.fromkeys(one.name for one in frames if one.full_size not in (None, one.size)))
    return ModelSites(choices, tuple(names.steps), observed, latents, drawn, largest, nesting)


def _observed(name: str, node: Any, plates: Plates) -> ObservedSite:
    fn, shape = node["fn"], tuple(node["value"].shape)
    data_shape = shape[: len(shape) - len(fn.event_shape)]
    around = tuple((frame.name, frame.full_size or frame.size) for frame in node["cond_indep_stack"])
    found = ObservedSite(name, tuple(fn.batch_shape), data_shape, plates, around)
    if isinstance(fn, Output) and fn.probs.numel():
        return replace(found, lowest=float(fn.probs.min()), total=float(fn.probs.sum(-1).max()))
    return found


def claim(site: str, taken: set[str]) -> None:
    """Take a site's name in a run.

    :param site: the name.
    :param taken: the names taken so far; the name is added.
    :raises SiteError: where it is taken already.
    """
    if site in taken:
        raise SiteError(
            f"site {site!r}",
            expected="a name used once in the model",
            got="a second use",
            remedy="give each choice and var its own name; in SVI, wrap model and guide each by itself, "
            "strategy(model) and strategy(guide)",
        )
    taken.add(site)


@dataclass(eq=False)
class _Names(Messenger):
    """Notes the names of interpreter steps, and that no name is used twice."""

    steps: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    numbers: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def _pyro_sample(self, msg: Message) -> None:
        role = role_of(msg)
        if role is not None:
            claim(str(msg["name"]), self.taken)
        if role == "choice" and not msg["is_observed"]:
            self._count(msg)

    def _count(self, msg: Message) -> None:
        """Count what a guide of the choices takes, before any of it is made."""
        fn: Any = msg["fn"]
        plates = prod(frame.size for frame in msg["cond_indep_stack"] if frame.vectorized)
        self.numbers += plates * fn.event_shape[-1]
        check_memory(
            "choices",
            BYTES_A_LOGIT * self.numbers,
            of=f"{self.numbers:,} logits up to {msg['name']!r}, of all restarts",
            remedy="train fewer restarts at once, or make choices smaller",
        )

    def _pyro_ntpt_var(self, msg: Message) -> None:
        self._note(msg["args"][0])

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        for site in msg["args"][0]:
            self._note(site)

    def _pyro_ntpt_learned(self, msg: Message) -> None:
        """A copy for each restart yields anything, once: without restarts their axes would multiply."""
        function, *inputs = msg["args"]
        if function.copies is None:
            return
        declaration = function.declaration
        own = zip(inputs, declaration.input_shapes, strict=False)
        batch = torch.broadcast_shapes(*(x.shape[: x.ndim - len(shape)] for x, shape in own))
        size = declaration.out if isinstance(declaration.out, int) else 1
        msg["value"] = torch.full((*batch, *declaration.out_shape), 1 / size)
        msg["done"] = True

    def _note(self, site: str) -> None:
        claim(site, self.taken)
        self.steps.append(site)
