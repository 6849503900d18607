"""A guide of models that have other latents beside their choices."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Int
from pyro import poutine
from pyro.infer.autoguide import AutoGuide
from torch import Tensor

from ntpt_pyro.errors import NtptError, SiteError, UsageError
from ntpt_pyro.inference.handlers.choices import MeanChoices
from ntpt_pyro.inference.handlers.model_sites import ChoiceSite, Model
from ntpt_pyro.inference.handlers.restarts import PLATE
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide


class LatentGuide(ChoiceGuide):
    """Mean-field guide over choices, beside one of Pyro's automatic guides over a model's other latents.

    ``guide.latents`` is the automatic guide: ``guide.latents.median()`` gives what it has learned. A choice
    and another latent are independent under it.

    :param sites: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param model: the model, not wrapped in a strategy.
    :param names: of its other latents.
    :param kind: makes the automatic guide from a model, as :class:`pyro.infer.autoguide.AutoNormal` does.
    :param args: the model's arguments, on which the automatic guide looks at it.
    :param init_scale: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param generator: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param kwargs: the model's keyword arguments.
    :raises SiteError: where the automatic guide cannot take one of the latents.
    """

    def __init__(
        self,
        sites: Iterable[ChoiceSite],
        model: Model,
        names: Iterable[str],
        kind: Callable[[Model], AutoGuide],
        *args: Any,
        init_scale: float = 1.0,
        generator: torch.Generator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(sites, init_scale=init_scale, generator=generator)
        self.names = tuple(names)
        plain = ForwardMarginals()(MeanChoices()(model))
        self.latents = kind(poutine.block(plain, expose=list(self.names)))
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]), poutine.block():
                self.latents(*args, **kwargs)
        except NtptError:
            raise
        except (ValueError, NotImplementedError, RuntimeError) as error:
            raise SiteError(
                f"latents {', '.join(self.names)}",
                expected=f"latents that {type(self.latents).__name__} can take, continuous ones",
                got=str(error).splitlines()[0],
                remedy="make a discrete one a choice, sum it out, or give a guide of your own",
            ) from error

    @property
    def covered(self) -> set[str]:
        """See :class:`~ntpt_pyro.inference.ChoiceGuide`."""
        return {*self.sites, *self.names}

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Sample every choice, and the other latents; the arguments are those of the model."""
        super().forward()
        opened = {name for site in self.sites.values() for name, _, _ in site.plates}
        with poutine.block(hide_fn=lambda site: site["name"] in opened):  # a plate's name is a site too
            self.latents(*args, **kwargs)

    def take(self, restarts: Int[Tensor, " kept"], *, plate: str = PLATE) -> ChoiceGuide:
        """Not for this guide: what an automatic guide has learned cannot be told apart by restart.

        :param restarts: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
        :param plate: see there.
        :raises UsageError: always.
        """
        raise UsageError(
            "guide",
            expected="a guide of choices alone, to take some restarts of",
            got=f"one of {', '.join(self.names)} too",
            remedy="train that restart anew, with its choices decided by poutine.condition",
        )

    def check_for_batches(self, *batch: Tensor) -> None:
        """Check that the other latents are the same for all examples, so that batches may be any of them.

        :param batch: the model's arguments, with a common first axis of examples.
        :raises SiteError: names one that each example has for itself.
        """
        plates = self.plates(*batch)
        if not plates or len(batch[0]) == 1:
            return
        fewer = self.plates(*(tensor[:-1] for tensor in batch))
        for (name, plate), size in plates.items():
            if fewer.get((name, plate)) != size:
                raise SiteError(
                    f"latent {name!r}",
                    expected="a latent outside of the plate of examples, the same for all",
                    got=f"one in plate {plate!r}",
                    remedy="give fit a guide of your own that reads the examples: batches are drawn, and an "
                    "automatic guide would take each row for the same example",
                )

    def plates(self, *batch: Tensor) -> dict[tuple[str, str], int]:
        """The sizes of plates around the other latents, but for restarts.

        :param batch: the model's arguments.
        :returns: by latent and plate.
        """
        with torch.no_grad(), torch.random.fork_rng(devices=[]), poutine.block():
            nodes = poutine.trace(self.latents.model).get_trace(*batch).nodes
        return {
            (name, frame.name): frame.size
            for name in self.names
            for frame in nodes[name]["cond_indep_stack"]
            if frame.vectorized and frame.name != PLATE
        }
