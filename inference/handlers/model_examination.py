"""One look at a model and its data, before work is done.

A choice is made once, for all examples. What is observed is observed in a plate of the examples, one label an
element. Other latents are left to whoever can integrate over them. The model is run on a few examples for it,
without gradients, which costs less than a step of training.
"""

from collections.abc import Container, Sequence
from contextlib import suppress

import pyro
import torch
from torch import Tensor

from ntpt_pyro.errors import NtptError, SiteError
from ntpt_pyro.inference.handlers.first_run import first_run
from ntpt_pyro.inference.handlers.model_sites import Model, ModelSites, ObservedSite, Plates, model_sites
from ntpt_pyro.inference.handlers.restarts import PLATE

ROUNDING = 1e-2
"""By how much the sum of probabilities may be above 1."""
OF_SIZE = ("subsample_size does not match", "Shape mismatch inside plate")
"""What Pyro says of plates that have another size than what is in them."""
COLLIDES = "collide at dim="
"""What Pyro says of two plates at one dimension."""
FEW = 3
"""Examples that a model is run on: more than one, so that what is spread over them shows."""


def examine(
    where: str,
    model: Model,
    data: Sequence[Tensor],
    *,
    integrated: Container[str] | None = (),
    plated: bool = False,
    subsampled: bool = False,
) -> ModelSites:
    """Run a model on a few examples, and check what it is made of.

    :param where: what it is given to, for messages.
    :param model: a Pyro program, not wrapped in a strategy.
    :param data: its arguments, tensors with a common first axis of examples, see
        :func:`~ntpt_pyro.language.given_data.given_data`.
    :param integrated: latents other than choices that whoever asks integrates over; None for all.
    :param plated: whether choices may be in plates other than those of the examples.
    :param subsampled: whether plates may draw some of their elements, or be of a fixed size: where all data
        are given at once.
    :returns: its sites, with the few examples.
    :raises SiteError: names the first site that is not as it must be: a choice in a plate, another latent,
        something observed in no plate of the examples, labels that would be spread over a plate, or a plate
        that draws some of its elements.
    """
    few = [tensor[:FEW] for tensor in data]
    with torch.random.fork_rng(devices=[]), pyro.get_param_store().scope(), first_run(where, model):
        sites, few = _sites(where, model, few, list(data))
        _check_choices(where, model, few, sites, plated=plated)
    if sites.subsampled and not subsampled:
        raise SiteError(
            f"{where}, plate {sites.subsampled[0]!r}",
            expected="a plate of all its elements",
            got="one that draws some of them, so that every answer would be another",
            remedy="leave out subsample_size; fit takes such models (batch_size=None)",
        )
    if len(few[0]) > FEW and not subsampled:
        raise SiteError(
            f"{where}, plates",
            expected="plates as large as the data that the model is given",
            got=f"one of a fixed size, which fits all {len(few[0])} examples only",
            remedy='write pyro.plate("examples", len(x)); fit takes such models (batch_size=None)',
        )
    for name, kind in sites.latents.items():
        if integrated is not None and name not in integrated:
            raise SiteError(
                f"{where}, site {name!r}",
                expected="no latent but choices and steps",
                got=f"a latent {kind}",
                remedy="fit makes a guide of it; elsewhere fix it to a number, an argument of the model "
                "(functools.partial(model, constant=1.5)): left to chance, every answer would be another",
            )
    if sites.plate_nesting > 1 and not plated:
        raise _too_deep(where, f"plates {sites.plate_nesting} deep")
    for site in sites.observed.values():
        _check_observed(where, site, len(few[0]))
        _check_value(where, site)
    return sites


def _sites(
    where: str, model: Model, few: list[Tensor], data: list[Tensor]
) -> tuple[ModelSites, list[Tensor]]:
    """The sites of a model, and what it was run on: all data, where a plate has more elements."""
    try:
        return model_sites(model, *few), few
    except (ValueError, IndexError) as error:
        said = str(error).splitlines()[0] if str(error) else ""
        of_size = isinstance(error, IndexError) or any(text in said for text in OF_SIZE)
        if of_size and len(data[0]) > len(few[0]):
            with suppress(ValueError, IndexError):
                return model_sites(model, *data), data
        if isinstance(error, NtptError) or not any(text in said for text in (*OF_SIZE, COLLIDES)):
            raise
        got = said[0].lower() + said[1:].rstrip(",")
        if COLLIDES in said:
            raise _too_deep(where, got) from error
        raise SiteError(
            f"{where}, plates",
            expected="a batch that fits the plates around it",
            got=got,
            remedy="open a plate for each axis, or make it a part of the event (to_event); inputs may have "
            "an axis too many",
        ) from error


def _too_deep(where: str, got: str) -> SiteError:
    return SiteError(
        f"{where}, plates",
        expected="one level of plates, at dim=-1: restarts take the next",
        got=got,
        remedy="make what a further plate is for a part of the value or of the event (to_event)",
    )


def _check_choices(where: str, model: Model, few: list[Tensor], sites: ModelSites, *, plated: bool) -> None:
    """Raise where a choice is made for each example anew, or in a plate where that is not taken."""
    found = ((n, tuple(p for p in site.plates if p[0] != PLATE)) for n, site in sites.choices.items())
    within = {name: plates for name, plates in found if plates}
    if not within:
        return
    fewer = model_sites(model, *(tensor[: len(few[0]) - 1] for tensor in few)) if len(few[0]) > 1 else sites
    for name, plates in within.items():
        then = {plate: size for plate, size, _ in fewer.choices[name].plates}
        for plate in plates:
            of_examples = plate[1] != then[plate[0]]
            if of_examples or (not plated and plate[1] > 1):
                raise SiteError(
                    f"{where}, choice {name!r}",
                    expected="a choice outside of plates, the same for all examples",
                    got=f"one in plate {plate[0]!r}" + ", which is of the examples" * of_examples,
                    remedy="make it before pyro.plate" if of_examples else "give each a name of its own",
                )


def _check_observed(where: str, site: ObservedSite, examples: int) -> None:
    """Raise where data are in no plate of the examples, or not one an element of their plates."""
    around = dict(site.around)
    around.pop(PLATE, None)
    if examples not in around.values():
        found = " and ".join(f"{name!r} of {size}" for name, size in around.items())
        raise SiteError(
            f"{where}, observed site {site.name!r}",
            expected=f"one observed in a plate over the {examples} examples that it was tried on",
            got=f"one in {found or 'no plate'}",
            remedy='observe within pyro.plate("examples", len(x))',
        )
    sizes = {dim: size for _, size, dim in site.plates}
    of_examples = (dim for name, size, dim in site.plates if size == examples and name != PLATE)
    inner = max(of_examples, default=0)
    axes = max(-inner, len(site.data_shape))  # plates further out may share the labels
    wanted = tuple(sizes.get(dim, 1) for dim in range(-axes, 0))
    if wanted != site.data_shape:
        raise SiteError(
            f"{where}, observed site {site.name!r}",
            expected=f"one for each element of {_named(site.plates)}, of "
            f"shape {[*wanted[inner:]] if inner else []} where it is tried on {examples} examples",
            got=f"data of shape {[*site.data_shape]}",
            remedy="make labels and plates fit: an axis too many or too few would spread labels over others "
            "(labels.squeeze(-1))",
        )
    for dim, size in zip(range(-len(site.batch_shape), 0), site.batch_shape, strict=True):
        if size > 1 and dim not in sizes:
            raise SiteError(
                f"{where}, observed site {site.name!r}",
                expected="every axis of its distribution in a plate",
                got=f"a batch of shape {[*site.batch_shape]} in plates "
                f"{', '.join(f'{name!r} of {size} at {dim}' for name, size, dim in site.plates)}",
                remedy="open a plate for each axis, or make it a part of the event (to_event)",
            )


def _check_value(where: str, site: ObservedSite) -> None:
    """Raise where what is compared with integers is no distribution of an integer."""
    if site.lowest < -ROUNDING or site.total > 1 + ROUNDING:  # less than 1 is of runs that come to no result
        raise SiteError(
            f"{where}, observed site {site.name!r}",
            expected="a value: probabilities, which are at least 0 and sum to 1",
            got=f"{site.lowest:g} among them" if site.lowest < -ROUNDING else f"a total of {site.total:g}",
            remedy="compute with values by @runtime functions, switch and select: `value + 1` adds to "
            "probabilities, not to the integer",
        )


def _named(plates: Plates) -> str:
    """The plates of a model's own, in words."""
    return " and ".join(repr(name) for name, _, _ in plates if name != PLATE)
