"""Training a model's choices and library, a batch at a time, by :class:`pyro.infer.SVI`."""

import math
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Unpack

import pyro
import torch
from pyro import poutine
from pyro.infer import SVI
from torch import Tensor

from ntpt_pyro.errors import DivergenceError, UsageError
from ntpt_pyro.inference.handlers.annealing import value_at
from ntpt_pyro.inference.handlers.given_strategy import check_strategy
from ntpt_pyro.inference.handlers.handler_stack import check_can_learn
from ntpt_pyro.inference.handlers.model_sites import Model, model_sites
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.training.averaging import follow
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.compiled_step import CompiledStep
from ntpt_pyro.inference.training.fewer_restarts import keep_restarts, may_keep_some, places_of
from ntpt_pyro.inference.training.finite_steps import NonFiniteError, finite_loss, not_finite
from ntpt_pyro.inference.training.given_guide import Guide, check_coverage, check_weight, given_guide
from ntpt_pyro.inference.training.own_optimiser import OwnOptimiser
from ntpt_pyro.inference.training.own_store import params_in
from ntpt_pyro.inference.training.ranks import share_of
from ntpt_pyro.inference.training.shared_steps import NOWHERE, OF_LOGITS, SharedSteps
from ntpt_pyro.inference.training.split_adam import SplitAdam
from ntpt_pyro.inference.training.state_check import check_state
from ntpt_pyro.inference.training.step_settings import StepOptions, StepSettings
from ntpt_pyro.language.parts import drawn_within

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
    :param restarts: programs trained at once, at least 1; those of all processes where they share them, see
        :func:`~ntpt_pyro.inference.sharing_restarts`.
    :param library: the module that holds the model's networks; it is trained in place. Needed for
        :meth:`get_state`; other parameters of the model are trained too.
    :param guide: to go on with, or of one's own: a guide of Pyro's, or a function of the model's arguments,
        see :func:`~ntpt_pyro.inference.training.given_guide.given_guide`. Default a fresh one, with normal
        logits of scale ``init_scale``, and of normal distributions where the model has other latents.
    :param generator: source of a fresh guide's logits, one draw a choice in the model's order; torch's global
        one where None. To make such a guide the model is run once, in which networks that drop out draw from
        torch's global random state; nothing else is drawn when a training is made.
    :param shared: an Adam over the library, see :class:`~ntpt_pyro.inference.SplitAdam`.
    :param settings: how steps are taken, any fields of :class:`~ntpt_pyro.inference.StepSettings`.
    :raises SiteError: where the guide leaves a site to chance, or has one that the model does not have.
    :raises UsageError: where a number is out of its range, or something cannot be combined.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import marginal
    >>> training = Training(model, (torch.tensor([1, 1]),), strategy=marginal(), restarts=2)
    >>> training.step, sorted(training.guide.probabilities())
    (0, ['bit'])
    """

    def __init__(
        self,
        model: Model,
        batch: tuple[Tensor, ...],
        *,
        strategy: Strategy,
        restarts: int = 1,
        library: torch.nn.Module | None = None,
        guide: Guide | None = None,
        generator: torch.Generator | None = None,
        shared: torch.optim.Adam | None = None,
        **settings: Unpack[StepOptions],
    ) -> None:
        check_strategy("training", strategy)
        self.strategy = strategy
        self.settings = StepSettings(**settings)
        """How steps are taken."""
        self.kl = KL if self.settings.kl is None else self.settings.kl
        """Weight of the KL term against the log-likelihood of one example, or its schedule."""
        self.library = torch.nn.Module() if library is None else library
        self.library.zero_grad()
        self.average = deepcopy(self.library).eval() if self.settings.averaging else self.library
        """The library with the average of its weights, not training; without averaging the library itself."""
        self.share = share_of(restarts)
        """Which restarts are trained here, where processes share them; None where all are."""
        part = None if self.share is None else self.share.part
        here = restarts if part is None else part.size
        self.restarts = Restarts(here, sharpness=self.settings.sharpness, part=part)
        self._program = self.restarts(model)
        self._store: Any = {"params": {}, "constraints": {}}
        with params_in({"params": {}, "constraints": {}}):
            with torch.random.fork_rng(devices=[]):  # networks may drop out
                sites = model_sites(self._program, *batch)
            if guide is None:
                scale = self.settings.init_scale
                with drawn_within(part, OF_LOGITS):
                    guide = strategy.guide(self._program, *batch, init_scale=scale, generator=generator)
        self.guide: Any = guide
        """The guide, as it was given or made."""
        with params_in(self._store) as self._store:
            self._given = given_guide(guide, batch, restarts=here, dim=self.restarts.dim)
        check_coverage(sites, self._given, strategy)
        self._trained = len(self._given.covered & set(sites.choices))
        check_weight(self._given, value_at(self.kl, 0) * len(batch[0]), len(batch[0]))
        self.optimiser = self._make_optimiser(shared, settings)
        elbo: Any = strategy.elbo(max_plate_nesting=sites.plate_nesting)
        svi = SVI(self._program, self._given.program, self.optimiser, elbo)
        self._shared, total = self._sharing()
        svi.loss_and_grads = _checked(elbo.loss_and_grads, total)
        self._take = CompiledStep(svi, elbo, self._programs, self.library, self.settings.compile, total)
        self._validated = False
        self.kept = [*range(here)]
        """The numbers of the restarts that are trained, among those that it began with."""
        self.step = 0
        """Training steps taken."""
        self.losses: list[float] = []
        """The loss of each of them, in nats an example, summed over the restarts that there were."""
        self.mean_loss = math.nan
        """That of the last one, the mean of those restarts."""

    def _sharing(self) -> tuple[SharedSteps | None, Callable[[float], float]]:
        """How steps are taken together with other processes, and what makes the loss of all of them."""
        if self.share is None:
            return None, finite_loss
        shared = SharedSteps(self.share, self.restarts, self.guide, self.library)
        self.optimiser.norms = shared.norms
        if isinstance(self.optimiser, SplitAdam):
            self.optimiser.own = shared.own
        return shared, shared.loss

    def _make_optimiser(
        self, shared: torch.optim.Adam | None, given: StepOptions
    ) -> SplitAdam | OwnOptimiser:
        """The optimiser of the settings; raises where they name two."""
        parameters, own = self._given.parameters.values(), self.settings.optimiser
        if own is None:
            return SplitAdam(
                parameters,
                choice_lr=self.settings.choice_lr,
                library_lr=self.settings.library_lr,
                clip_norm=self.settings.clip_norm,
                shared=shared,
            )
        both = {**given, "shared": shared}
        if also := [name for name in ("choice_lr", "library_lr", "shared") if both.get(name) is not None]:
            raise UsageError(
                "optimiser",
                expected=f"either an optimiser or {' and '.join(also)}",
                got="both",
                remedy=f"leave out {' and '.join(also)}: an optimiser has learning rates of its own",
            )
        return OwnOptimiser(own, needed=parameters, clip_norm=self.settings.clip_norm)

    def __repr__(self) -> str:
        """Where the training stands, in one line."""
        loss = f", loss {self.losses[-1]:.4g}" if self.losses else ""
        parts = [(self.restarts.size, "restart"), (self._trained, "trained choice"), (self.step, "step")]
        restarts, choices, steps = (f"{number} {what}" + "s" * (number != 1) for number, what in parts)
        return f"<Training: {restarts} of {choices}, {steps}{loss}>"

    def learn(self, *batch: Tensor) -> float:
        """Take one step; what the strategy samples is drawn from torch's global random state.

        :param batch: the model's arguments, with a common first axis of examples.
        :returns: the loss, in nats an example, summed over restarts.
        :raises DivergenceError: where the loss, or a parameter after the update, becomes NaN or infinite;
            names the step and the site or parameter, and leaves the parameters as they were.
        :raises UsageError: where gradients are switched off, or another thread runs a model.
        """
        check_can_learn("training step")
        with (
            params_in(self._store) as self._store,
            pyro.validation_enabled(not self._validated),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", "Encountered (NaN|infinite)")  # Pyro's; an error here
            loss = self._finite_step(batch) / len(batch[0])
        self._validated = True
        if decay := self.settings.averaging:
            follow(self.average.parameters(), self.library.parameters(), self.step, decay=decay)
            for average, current in zip(self.average.buffers(), self.library.buffers(), strict=True):
                average.copy_(current)  # running statistics, an average already
        self.losses.append(loss)
        self.mean_loss = loss / self.restarts.part.whole
        self.step += 1
        if isinstance(self.optimiser, OwnOptimiser):
            self.optimiser.advance(loss)
        return loss

    def keep(self, restarts: Sequence[int] | Tensor) -> None:
        """Go on with some of the restarts only; the others are given up, and what they have learned.

        :param restarts: which of those that are left, ascending: their places in :attr:`kept`.
        :raises UsageError: where there is no such restart, or restarts cannot be told apart: of a guide or an
            optimiser of one's own, beside other latents than choices, where processes share them, and right
            after :meth:`set_state`.
        """
        places = places_of(restarts, self.restarts.size)
        if self.share is not None:
            raise UsageError(
                "keep", expected="restarts of one process", got="of several", remedy="keep all restarts"
            )
        keep_restarts(places, self.guide, self.optimiser, self.restarts, [self.library, self.average])
        self._take.forget()
        self._validated = False
        self.kept = [self.kept[restart] for restart in places]

    @property
    def may_give_up(self) -> bool:
        """Whether restarts can be given up, see :meth:`keep`."""
        return self.share is None and may_keep_some(self.guide, self.optimiser)

    def record_from(self, step: int) -> None:
        """Record no step before one, where the settings leave it open: what follows until then changes.

        :param step: the first that is worth recording.
        """
        self._take.first = step

    def _programs(self, step: int, examples: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Model and guide under the strategy as it stands at a step, for a batch of so many examples."""
        now = self.strategy.weighted(value_at(self.kl, step) * examples).at(step)
        return now(self._program), now(self._given.program)

    def _finite_step(self, batch: tuple[Tensor, ...]) -> float:
        """One step of SVI; where something of it is not finite, or it fails, nothing of it stays."""
        buffers = list(self.library.buffers())
        statistics = [buffer.clone() for buffer in buffers]
        try:
            with drawn_within(None if self.share is None else self.share.part, OF_LOGITS):
                loss = self._take(batch, self.step)
            if wrong := not_finite(buffers):
                raise NonFiniteError("buffer", wrong)
        except BaseException as error:
            with torch.no_grad():
                for buffer, before in zip(buffers, statistics, strict=True):
                    buffer.copy_(before)
            self._clear_gradients()
            if isinstance(error, NonFiniteError):
                raise self._diverged(error, batch) from None
            raise
        return loss

    def check_finite(self) -> None:
        """Check what a state would hold.

        :raises DivergenceError: names the first tensor that holds NaN or infinity.
        """
        for part, tensors in self._parts().items():
            for name, tensor in tensors.items():
                if not_finite([tensor]):
                    raise DivergenceError(
                        f"step {self.step}, {part}, {name!r}",
                        expected="finite numbers",
                        got="NaN or infinity",
                        remedy="look for what writes them; the last checkpoint is unharmed",
                    )

    def _clear_gradients(self) -> None:
        """Let no gradient of this step join those of the next one, of this training or another."""
        for _, parameter in pyro.get_param_store().named_parameters():
            parameter.grad = None
        self.library.zero_grad()

    def _diverged(self, error: NonFiniteError, batch: tuple[Tensor, ...]) -> DivergenceError:
        """The error that says what was not finite, and where."""
        if error.what in ("loss", "gradient"):
            where, expected = self._culprit(batch), "a finite loss"
            where = where if self._shared is None else self._shared.where(where)
        else:
            store = pyro.get_param_store()
            buffers = {id(tensor): name for name, tensor in self.library.named_buffers()}
            names = [buffers.get(id(one)) or store.param_name(one) for one in error.tensors]
            where, expected = f"{error.what} {names[0]!r}", "finite numbers after the update"
        return DivergenceError(
            f"step {self.step}, {where}",
            expected=expected,
            got="NaN or infinity",
            remedy="lower the learning rates, set a clip norm, or check the data; the last checkpoint is "
            "unharmed",
        )

    def _culprit(self, batch: tuple[Tensor, ...]) -> str:
        """The first site whose value or log-probability is not finite."""
        model, program = self._programs(self.step, len(batch[0]))
        with torch.no_grad(), pyro.validation_enabled(False):
            guide: Any = poutine.trace(program).get_trace(*batch)
            replayed: Any = poutine.trace(poutine.replay(model, trace=guide)).get_trace(*batch)
            for trace in (guide, replayed):
                trace.compute_log_prob()
                for name, site in trace.nodes.items():
                    if site["type"] == "sample" and not (
                        torch.isfinite(site["value"]).all() and torch.isfinite(site["log_prob"]).all()
                    ):
                        return f"site {name!r}"
        return NOWHERE

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What Pyro's parameter store holds of this training, by name, constrained and detached.

        Here is what ``pyro.param`` statements of a model or of a guide function have learned.
        """
        with params_in(self._store):
            return {name: value.detach() for name, value in pyro.get_param_store().items()}

    def _parts(self) -> dict[str, dict[str, Tensor]]:
        """The tensors that a state holds, by part and name: they themselves."""
        module = isinstance(self.guide, torch.nn.Module)
        return {
            "guide": self.guide.state_dict() if module else dict(self._given.parameters),
            "library": self.library.state_dict(),
            "average": self.average.state_dict() if self.settings.averaging else {},
        }

    def get_state(self) -> State:
        """Everything that steps change, but for a shared optimiser and torch's random state.

        Where processes share restarts it is that of all of them, which they must ask for together.
        """
        state = {
            **self._parts(),
            "optimiser": self.optimiser.get_state(),
            "running_log_likelihood": self.restarts.running_log_likelihood,
            "kept": self.kept,
            "step": self.step,
            "losses": self.losses,
        }
        return state if self._shared is None else self._shared.whole_state(state, self.optimiser)

    def ended(self, own: bool) -> bool:
        """Whether a training ends, where a callback says so.

        :param own: whether one of this process does.
        :returns: whether one of any process that shares the restarts does.
        """
        return own if self._shared is None else self._shared.ended(own)

    def set_state(self, state: State) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        :raises RunError: where it is of another model, guide or library, or of restarts that are not here any
            more; nothing has changed then.
        """
        if self._shared is not None:
            state = self._shared.own_state(state)
        kept = list(state.get("kept", self.kept))
        check_state(self._parts(), state, self.kept, kept, may_be_fewer=self.may_give_up)
        if self._shared is None:
            if len(kept) < len(self.kept):
                self.optimiser.set_state({})
                self.keep([self.kept.index(restart) for restart in kept])
            self.kept = kept
        parts = self._parts()
        with torch.no_grad():
            for part, here in parts.items():
                for name, tensor in here.items():
                    tensor.copy_(state[part][name])
        self.optimiser.set_state(state["optimiser"])
        self.restarts.running_log_likelihood.copy_(state["running_log_likelihood"])
        self.step = state["step"]
        self.losses = state["losses"]


def _checked(loss_and_grads: Callable[..., Any], total: Callable[[float], float]) -> Callable[..., float]:
    """An objective that raises where it is not finite, before an optimiser moves anything."""

    def checked(*args: Any, **kwargs: Any) -> float:
        return total(float(loss_and_grads(*args, **kwargs)))

    return checked
