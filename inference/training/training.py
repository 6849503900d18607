"""Training a model's choices and library, a batch at a time, by :class:`pyro.infer.SVI`."""

import math
import warnings
from copy import deepcopy
from typing import Any, Unpack

import pyro
import torch
from pyro import poutine
from pyro.infer import SVI
from torch import Tensor

from ntpt_pyro.errors import DivergenceError
from ntpt_pyro.inference.handlers.annealing import value_at
from ntpt_pyro.inference.handlers.model_sites import Model, model_sites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.averaging import follow
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.split_adam import NonFiniteGradientError, SplitAdam
from ntpt_pyro.inference.training.step_settings import StepOptions, StepSettings

KL = 1e-3
"""Weight of the KL term where nothing is said."""


class Training:
    """What changes while a model is trained, and one step of it.

    The objective of a step is the batch's mean log-likelihood minus ``kl * KL(guide || prior)``, summed over
    restarts. Parameters live in a parameter store of their own, so that trainings may take turns. Pyro's
    validation is on for the first step, off after it (shapes do not change).

    :param model: a Pyro program, not wrapped in a strategy.
    :param batch: the model's arguments, of which only shapes matter here.
    :param strategy: treatment of choices and steps.
    :param restarts: programs trained at once, at least 1.
    :param library: the module that holds the model's networks; it is trained in place. Needed for
        :meth:`get_state`; other parameters of the model are trained too.
    :param guide: to go on with; default a fresh one of normal logits of scale ``init_scale``.
    :param generator: source of a fresh guide's logits, one draw a choice in the model's order; torch's global
        one where None. To make such a guide the model is run once, in which networks that drop out draw from
        torch's global random state; nothing else is drawn when a training is made.
    :param shared: an Adam over the library, see :class:`~ntpt_pyro.inference.SplitAdam`.
    :param settings: how steps are taken, any fields of :class:`~ntpt_pyro.inference.StepSettings`.
    :raises UsageError: where a number is out of its range.
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
        generator: torch.Generator | None = None,
        shared: torch.optim.Adam | None = None,
        **settings: Unpack[StepOptions],
    ) -> None:
        self.strategy = strategy
        self.settings = StepSettings(**settings)
        """How steps are taken."""
        self.kl = KL if self.settings.kl is None else self.settings.kl
        """Weight of the KL term against the log-likelihood of one example, or its schedule."""
        self.library = torch.nn.Module() if library is None else library
        self.average = deepcopy(self.library).eval() if self.settings.averaging else self.library
        """The library with the average of its weights, not training; without averaging the library itself."""
        self.restarts = Restarts(restarts, sharpness=self.settings.sharpness)
        self._program = self.restarts(model)
        with pyro.get_param_store().scope():
            with torch.random.fork_rng(devices=[]):  # networks may drop out
                nesting = model_sites(self._program, *batch).plate_nesting
            if guide is None:
                scale = self.settings.init_scale
                guide = strategy.guide(self._program, *batch, init_scale=scale, generator=generator)
        self.guide = guide
        self.optimiser = SplitAdam(
            guide.parameters(),
            choice_lr=self.settings.choice_lr,
            library_lr=self.settings.library_lr,
            clip_norm=self.settings.clip_norm,
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

    def __repr__(self) -> str:
        """Where the training stands, in one line."""
        loss = f", loss {self.losses[-1]:.4g}" if self.losses else ""
        what = f"{self.restarts.size} restarts of {len(self.guide.sites)} trained choices"
        return f"<Training: {what}, {self.step} steps{loss}>"

    def learn(self, *batch: Tensor) -> float:
        """Take one step; what the strategy samples is drawn from torch's global random state.

        :param batch: the model's arguments, with a common first axis of examples.
        :returns: the loss, in nats an example, summed over restarts.
        :raises DivergenceError: where the loss becomes NaN or infinite; names the step and the site, and
            leaves the parameters as they were.
        """
        examples = len(batch[0])
        now = self.strategy.weighted(value_at(self.kl, self.step) * examples).at(self.step)
        self._svi.model, self._svi.guide = now(self._program), now(self.guide)
        with (
            pyro.get_param_store().scope(self._store) as self._store,
            pyro.validation_enabled(not self._validated),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", "Encountered (NaN|infinite)")  # Pyro's; an error here
            loss = self._finite_step(batch) / examples
        self._validated = True
        if decay := self.settings.averaging:
            follow(self.average.parameters(), self.library.parameters(), self.step, decay=decay)
            for average, current in zip(self.average.buffers(), self.library.buffers(), strict=True):
                average.copy_(current)  # running statistics, an average already
        self.losses.append(loss)
        self.step += 1
        return loss

    def _finite_step(self, batch: tuple[Tensor, ...]) -> float:
        """One step of SVI; where its loss or gradient is not finite nothing of it stays."""
        statistics = [buffer.clone() for buffer in self.library.buffers()]
        try:
            loss = float(self._svi.step(*batch))
        except NonFiniteGradientError:
            loss = math.nan
        if not math.isfinite(loss):
            for buffer, before in zip(self.library.buffers(), statistics, strict=True):
                buffer.copy_(before)
            for module in (self.library, self.guide):
                module.zero_grad()
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
            "average": self.average.state_dict() if self.settings.averaging else {},
            "optimiser": self.optimiser.get_state(),
            "running_log_likelihood": self.restarts.running_log_likelihood,
            "step": self.step,
            "losses": self.losses,
        }

    def set_state(self, state: State) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        """
        self.guide.load_state_dict(state["guide"])
        self.library.load_state_dict(state["library"])
        if self.settings.averaging:
            self.average.load_state_dict(state["average"])
        self.optimiser.set_state(state["optimiser"])
        kept = state["running_log_likelihood"]
        self.restarts.running_log_likelihood = kept.to(self.restarts.running_log_likelihood.device)
        self.step = state["step"]
        self.losses = state["losses"]
