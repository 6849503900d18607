"""Training a model's choices and library, a batch at a time, by :class:`pyro.infer.SVI`."""

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.infer import SVI
from torch import Tensor

from ntpt_pyro.errors import DivergenceError
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.averaging import follow
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.split_adam import NonFiniteGradientError, SplitAdam

Model = Callable[..., Any]


class Training:
    """What changes while a model is trained, and one step of it.

    The objective of a step is the batch's mean log-likelihood minus ``kl * KL(guide || prior)``, summed over
    restarts. Parameters live in a parameter store of their own, so that trainings may take turns. Pyro's
    validation is on for the first step, off after it (shapes do not change).

    :param model: a Pyro program, not wrapped in a strategy.
    :param batch: the model's arguments, of which only shapes matter here.
    :param strategy: treatment of choices and steps.
    :param restarts: programs trained at once.
    :param library: the module that holds the model's networks; it is trained in place. Needed for
        :meth:`get_state`; other parameters of the model are trained too.
    :param guide: to go on with; default a fresh one of normal logits of scale ``init_scale``.
    :param choice_lr: learning rate of the choices' logits.
    :param library_lr: learning rate of everything else.
    :param init_scale: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param kl: weight of the KL term against the log-likelihood of one example; 0 is TerpreT's FMGD.
    :param clip_norm: see :class:`~ntpt_pyro.inference.SplitAdam`.
    :param sharpness: see :class:`~ntpt_pyro.inference.Restarts`.
    :param generator: source of the initial logits; torch's global one where None.
    :param shared: see :class:`~ntpt_pyro.inference.SplitAdam`.
    :param averaging: decay of the average of the library's weights that is kept along the way, see
        :func:`~ntpt_pyro.inference.follow`; 0 keeps none.
    """

    def __init__(
        self,
        model: Model,
        batch: tuple[Tensor, ...],
        *,
        strategy: Strategy,
        restarts: int = 1,
        library: torch.nn.Module | None = None,
        guide: ChoiceGuide | None = None,
        choice_lr: float = 0.1,
        library_lr: float = 1e-3,
        init_scale: float = 3.0,
        kl: float = 1e-3,
        clip_norm: float | None = None,
        sharpness: float = 10.0,
        generator: torch.Generator | None = None,
        shared: torch.optim.Adam | None = None,
        averaging: float = 0.0,
    ) -> None:
        self.strategy = strategy
        self.kl = kl
        self.library = torch.nn.Module() if library is None else library
        self.averaging = averaging
        self.average = deepcopy(self.library).eval() if averaging else self.library
        """The library with the average of its weights, not training; without averaging the library itself."""
        self.restarts = Restarts(restarts, sharpness=sharpness)
        self._program = self.restarts(model)
        with pyro.get_param_store().scope():
            with torch.random.fork_rng(devices=[]):  # networks may drop out
                nesting = model_sites(self._program, *batch).plate_nesting
            if guide is None:
                guide = strategy.guide(self._program, *batch, init_scale=init_scale, generator=generator)
        self.guide = guide
        self.optimiser = SplitAdam(
            guide.parameters(),
            choice_lr=choice_lr,
            library_lr=library_lr,
            clip_norm=clip_norm,
            shared=shared,
        )
        elbo = strategy.elbo(max_plate_nesting=nesting)
        self._svi = SVI(self._program, guide, self.optimiser, elbo)
        self._store: Any = {"params": {}, "constraints": {}}
        self._validated = False
        self.step = 0
        """Training steps taken."""
        self.losses: list[float] = []
        """The loss of each of them, in nats an example, summed over restarts."""

    def learn(self, *batch: Tensor) -> float:
        """Take one step.

        :param batch: the model's arguments, with a common first axis of examples.
        :returns: the loss, in nats an example, summed over restarts.
        :raises DivergenceError: where the loss becomes NaN or infinite; names the step and the site, and
            leaves the parameters as they were.
        """
        examples = len(batch[0])
        now = self.strategy.weighted(self.kl * examples).at(self.step)
        self._svi.model, self._svi.guide = now(self._program), now(self.guide)
        with (
            pyro.get_param_store().scope(self._store) as self._store,
            pyro.validation_enabled(not self._validated),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", "Encountered (NaN|infinite)")  # Pyro's; an error here
            loss = self._finite_step(batch) / examples
        self._validated = True
        if self.averaging:
            follow(self.average.parameters(), self.library.parameters(), self.step, decay=self.averaging)
        self.losses.append(loss)
        self.step += 1
        return loss

    def _finite_step(self, batch: tuple[Tensor, ...]) -> float:
        """One step of SVI that does not survive a loss or gradient that is not finite."""
        try:
            loss = float(self._svi.step(*batch))
        except NonFiniteGradientError:
            loss = math.nan
        if not math.isfinite(loss):
            raise DivergenceError(
                f"step {self.step}, {self._culprit(batch)}",
                expected="a finite loss",
                got="NaN or infinity",
                remedy="lower the learning rates, set a clip norm, or check the data; the last checkpoint is "
                "unharmed",
            )
        return loss

    def _culprit(self, batch: tuple[Tensor, ...]) -> str:
        """The first site whose value or log-probability is not finite."""
        with torch.no_grad(), pyro.validation_enabled(False):
            guide = poutine.trace(self._svi.guide).get_trace(*batch)
            replayed = poutine.trace(poutine.replay(self._svi.model, trace=guide)).get_trace(*batch)
            for trace in (guide, replayed):
                trace.compute_log_prob()
                for name, site in trace.nodes.items():
                    if site["type"] == "sample" and not (
                        torch.isfinite(site["value"]).all() and torch.isfinite(site["log_prob"]).all()
                    ):
                        return f"site {name!r}"
        return "the gradient"

    def get_state(self) -> State:
        """Everything that steps change, but for a shared optimiser and torch's random state."""
        return {
            "guide": self.guide.state_dict(),
            "library": self.library.state_dict(),
            "average": self.average.state_dict() if self.averaging else {},
            "optimiser": self.optimiser.get_state(),
            "evidence": self.restarts.evidence,
            "step": self.step,
            "losses": self.losses,
        }

    def set_state(self, state: State) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        """
        self.guide.load_state_dict(state["guide"])
        self.library.load_state_dict(state["library"])
        if self.averaging:
            self.average.load_state_dict(state["average"])
        self.optimiser.set_state(state["optimiser"])
        self.restarts.evidence = state["evidence"].to(self.restarts.evidence.device)
        self.step = state["step"]
        self.losses = state["losses"]
