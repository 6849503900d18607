"""Strategies: which point of the simplex each site yields, chosen without touching the model.

========================  ======================  ==================  ===================================
preset                    a choice yields         a step yields       stock objective
========================  ======================  ==================  ===================================
:func:`marginal`          its mean                forward marginal    Trace_ELBO
:func:`relaxed`           a Gumbel-softmax sample forward marginal    Trace_ELBO, reparameterised
:func:`enumeration`       every vertex            every vertex        TraceEnum_ELBO: the exact evidence
========================  ======================  ==================  ===================================
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import inf, prod
from typing import Any, TypeVar

import torch
from pyro.infer import ELBO, Trace_ELBO, TraceEnum_ELBO
from pyro.poutine.messenger import Messenger

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.choices import (
    ChoiceTreatment,
    EnumeratedChoices,
    MeanChoices,
    RelaxedChoices,
)
from ntpt_pyro.inference.handlers.joint_control import JointControl
from ntpt_pyro.inference.handlers.model_sites import ModelSites, claim, model_sites
from ntpt_pyro.inference.handlers.steps import EnumeratedSteps, ForwardMarginals, StepTreatment
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.language.sites import Message, role_of

Treatment = ChoiceTreatment | StepTreatment
AnyTreatment = TypeVar("AnyTreatment", bound=Treatment)
PerSite = Mapping[str, Treatment] | Callable[[str], Treatment | None]


class Strategy(Messenger):
    """A treatment of choices and a treatment of steps, applied together to a model or a guide.

    Usable as a context manager (``with strategy:``), as a decorator (``@strategy``) and as a higher-order
    function (``strategy(model)``). Holds no state between runs: an instance may be used any number of times.

    :param choices: what :func:`ntpt_pyro.choice` yields.
    :param steps: what :func:`ntpt_pyro.var` yields.
    :param sites: other treatments for some sites, by name or by a function of the name that returns a
        treatment or None.
    :param kl: weight of the choices' terms (together ``-KL(guide || prior)``) against the likelihood. 1 is
        the evidence lower bound; 0 leaves the likelihood alone (TerpreT's FMGD). Enumerated choices are
        exact and not weighted.
    :raises SiteError: in a run where a site name is used twice.

    The same model under three strategies:

    >>> from ntpt_pyro import choice, constant, switch, var
    >>> def model():
    ...     flip = choice("flip", 2)
    ...     return var("out", switch(flip, [constant(0, 2), constant(1, 2)]))
    >>> with marginal():
    ...     model()
    tensor([0.5000, 0.5000])
    >>> relaxed(0.5)(model)().shape
    torch.Size([2])
    >>> @marginal()
    ... def decorated():
    ...     return model()
    >>> decorated()
    tensor([0.5000, 0.5000])

    and with Pyro's own SVI, no ``fit`` needed:

    >>> import pyro
    >>> from ntpt_pyro import observe
    >>> def flipper(bits):
    ...     flip = choice("flip", 2)
    ...     with pyro.plate("bits", len(bits)):
    ...         observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits)
    >>> bits, strategy = torch.tensor([1, 1, 1]), relaxed(1.0)
    >>> guide = strategy.guide(flipper, bits)
    >>> svi = pyro.infer.SVI(
    ...     strategy(flipper), strategy(guide), pyro.optim.Adam({"lr": 0.1}), strategy.elbo()
    ... )
    >>> losses = [svi.step(bits) for _ in range(100)]
    >>> guide.probabilities()["flip"].argmax(-1)
    tensor(1)
    """

    def __init__(
        self,
        *,
        choices: ChoiceTreatment,
        steps: StepTreatment,
        sites: PerSite | None = None,
        kl: float = 1.0,
    ) -> None:
        super().__init__()
        self.choices = choices
        self.steps = steps
        self.sites = sites
        self.kl = kl
        self._seen: set[str] = set()

    def __enter__(self) -> "Strategy":
        """Install the strategy for one run."""
        self._seen = set()
        for budget in self._budgets():
            budget.reset()
        self._reset_control()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Remove the strategy, after an exception too."""
        self._seen = set()
        self._reset_control()
        super().__exit__(*exception)

    def _reset_control(self) -> None:
        if isinstance(self.steps, JointControl):
            self.steps.reset()

    def treatment_of(self, site: str, role: str) -> Treatment:
        """The treatment that a site gets.

        :param site: the site's name.
        :param role: ``"choice"`` or ``"step"``.
        :returns: its own where :attr:`sites` has one, else that of its role.
        """
        own = self.sites.get(site) if isinstance(self.sites, Mapping) else None
        if callable(self.sites):
            own = self.sites(site)
        return own or (self.choices if role == "choice" else self.steps)

    def _pyro_sample(self, msg: Message) -> None:
        role = role_of(msg)
        if role is None:
            return
        site = str(msg["name"])
        claim(site, self._seen)
        if msg["is_observed"]:
            return
        treatment = self.treatment_of(site, role)
        treatment._process_message(msg)
        if role == "choice" and not isinstance(treatment, EnumeratedChoices):
            msg["scale"] = msg["scale"] * self.kl

    def _pyro_ntpt_var(self, msg: Message) -> None:
        site = msg["args"][0]
        treatment = self.treatment_of(site, "step")
        treatment._process_message(msg)
        if msg["done"]:  # otherwise the step becomes a sample site, which claims its name there
            claim(site, self._seen)

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        if self.sites is None:
            self.steps._process_message(msg)
        if msg["done"]:  # otherwise they become vars, each with its own treatment
            for site in msg["args"][0]:
                claim(site, self._seen)

    def _pyro_ntpt_fork(self, msg: Message) -> None:
        self.steps._process_message(msg)
        if msg["done"]:  # otherwise it becomes a var
            claim(msg["args"][0], self._seen)

    def _pyro_ntpt_carry(self, msg: Message) -> None:
        self.steps._process_message(msg)
        if msg["done"]:
            for name in msg["args"][1]:
                claim(f"{name}_{msg['args'][0]}", self._seen)

    def _treatments(self) -> list[Treatment]:
        own = list(self.sites.values()) if isinstance(self.sites, Mapping) else []
        return [self.choices, self.steps, *own]

    def _budgets(self) -> list[Budget]:
        enumerated = (EnumeratedChoices, EnumeratedSteps)
        return [part.budget for part in self._treatments() if isinstance(part, enumerated)]

    def at(self, step: int) -> "Strategy":
        """The strategy at a training step: annealing schedules fixed at their value there.

        :param step: counted from 0.
        :returns: a new strategy.
        """
        own = self.sites
        if isinstance(own, Mapping):
            own = {site: _at(treatment, step) for site, treatment in own.items()}
        elif own is not None:
            own = partial(_at_of, own, step)
        return Strategy(choices=_at(self.choices, step), steps=self.steps, sites=own, kl=self.kl)

    def weighted(self, kl: float) -> "Strategy":
        """The same strategy with the choices' terms weighted by a further factor.

        :param kl: multiplies the strategy's own weight.
        :returns: a new strategy.
        """
        return Strategy(choices=self.choices, steps=self.steps, sites=self.sites, kl=self.kl * kl)

    def describe(self) -> str:
        """The strategy in one line, the same for equal strategies."""
        sites = "" if self.sites is None else ", own treatments for some sites"
        return f"choices: {self.choices!r}, steps: {self.steps!r}, kl: {self.kl}{sites}"

    def elbo(self, max_plate_nesting: float = inf) -> ELBO:
        """The stock Pyro objective that fits this strategy.

        :param max_plate_nesting: of the model, plates of restarts included; Pyro finds it out where infinite.
        :returns: a TraceEnum_ELBO where anything is enumerated, or may be (a function of the site's name
            decides), else a Trace_ELBO.
        """
        if self._budgets() or callable(self.sites):
            return TraceEnum_ELBO(max_plate_nesting=max_plate_nesting, strict_enumeration_warning=False)
        return Trace_ELBO(max_plate_nesting=max_plate_nesting)

    def guide(
        self,
        model: Callable[..., Any],
        *args: Any,
        init_scale: float = 1.0,
        generator: torch.Generator | None = None,
        **kwargs: Any,
    ) -> ChoiceGuide:
        """The mean-field guide of a model under this strategy, after the cost of enumeration is checked.

        Choices that the strategy enumerates are left to the model, which makes them exact.

        :param model: a Pyro program, not wrapped in a strategy.
        :param args: its arguments; a batch of the size to be trained on.
        :param init_scale: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
        :param generator: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
        :param kwargs: the model's keyword arguments.
        :returns: the guide; hand ``strategy(guide)`` to SVI.
        :raises SiteError: where the strategy treats a site that the model does not have.
        :raises BudgetError: where the enumerated choices alone are out of reach.
        """
        sites = model_sites(model, *args, **kwargs)
        self._check_names(sites)
        exact = self._check_cost(sites)
        return ChoiceGuide(
            [site for name, site in sites.choices.items() if name not in exact],
            init_scale=init_scale,
            generator=generator,
        )

    def _check_names(self, sites: ModelSites) -> None:
        """Raise where a site with a treatment of its own is not in the model."""
        known = [*sites.choices, *sites.steps]
        own = self.sites if isinstance(self.sites, Mapping) else {}
        for name in own:
            if name not in known:
                raise SiteError(
                    f"strategy for site {name!r}",
                    expected=f"one of {', '.join(known)}",
                    got=repr(name),
                    remedy="correct the name",
                )

    def _check_cost(self, sites: ModelSites) -> set[str]:
        """The enumerated choices; raises where every program on every plate element is too much."""
        exact = {
            name: (site.size, treatment.budget)
            for name, site in sites.choices.items()
            if isinstance(treatment := self.treatment_of(name, "choice"), EnumeratedChoices)
        }
        if exact:
            _, budget = next(iter(exact.values()))
            budget.reset()
            budget.sites.update((name, size) for name, (size, _) in exact.items())
            support = prod(size for size, _ in exact.values())
            budget.check(support * sites.largest_plate, len(exact) + 1)
        return set(exact)


def _at(treatment: AnyTreatment, step: int) -> AnyTreatment:
    """A treatment with its annealing schedule, where it has one, at a training step."""
    if isinstance(treatment, RelaxedChoices) and isinstance(treatment.temperature, Annealing):
        return replace(treatment, step=step)
    return treatment


def _at_of(sites: Callable[[str], Treatment | None], step: int, site: str) -> Treatment | None:
    """The same for what a function of the site's name returns."""
    treatment = sites(site)
    return treatment and _at(treatment, step)


def marginal(
    *, kl: float = 1.0, sites: PerSite | None = None, steps: StepTreatment | None = None
) -> Strategy:
    """Forward-marginal gradient descent: every choice at its mean, every step at its marginal.

    :param kl: weight of ``KL(guide || prior)``; 0 is TerpreT's FMGD.
    :param sites: other treatments for some sites.
    :param steps: another treatment of steps, such as :class:`~ntpt_pyro.inference.JointControl`.
    :returns: the strategy; deterministic.
    """
    return Strategy(choices=MeanChoices(), steps=steps or ForwardMarginals(), sites=sites, kl=kl)


def relaxed(
    temperature: float | Annealing = 1.0,
    hard: bool = False,
    *,
    kl: float = 1.0,
    sites: PerSite | None = None,
    steps: StepTreatment | None = None,
) -> Strategy:
    """Gumbel-softmax choices, forward marginals for the steps given the sampled program.

    :param temperature: above zero, or an annealing schedule.
    :param hard: straight-through one-hot samples.
    :param kl: weight of ``KL(guide || prior)``.
    :param sites: other treatments for some sites.
    :param steps: another treatment of steps, such as :class:`~ntpt_pyro.inference.JointControl`.
    :returns: the strategy; draws from torch's global random state.
    :raises UsageError: where the temperature is not above zero.
    """
    choices = RelaxedChoices(temperature, hard)
    return Strategy(choices=choices, steps=steps or ForwardMarginals(), sites=sites, kl=kl)


def enumeration(*, max_cells: int = 2**25, sites: PerSite | None = None) -> Strategy:
    """Every choice and every step summed over exactly.

    The objective is minus the exact log-evidence of the batch; there is nothing for a guide to learn but
    the library. Cost grows as the product of the sizes: for small models, and a few choices of larger ones
    (``sites``).

    :param max_cells: the most joint assignments times plate elements to hold at once.
    :param sites: other treatments for some sites.
    :returns: the strategy; deterministic.
    """
    budget = Budget(max_cells)
    return Strategy(choices=EnumeratedChoices(budget), steps=EnumeratedSteps(budget), sites=sites)


SLACK = 0.01
"""Of joint control in ready-made strategies: with it nearly decided programs are cheap."""

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "marginal": marginal,
    "fmgd": lambda: marginal(kl=0.0),
    "relaxed": relaxed,
    "enumeration": enumeration,
    "enumerated-choices": lambda: Strategy(choices=EnumeratedChoices(), steps=ForwardMarginals()),
    "straight-through": lambda: relaxed(hard=True),
    "marginal-joint": lambda: marginal(steps=JointControl(slack=SLACK)),
    "relaxed-joint": lambda: relaxed(steps=JointControl(slack=SLACK)),
}
"""Ready-made strategies by the names that the command line takes."""


def strategy_named(name: str) -> Strategy:
    """The ready-made strategy of a name.

    :param name: a key of :data:`STRATEGIES`.
    :returns: a new strategy.
    :raises UsageError: where there is none of that name.
    """
    if name not in STRATEGIES:
        raise UsageError(
            "strategy", expected=f"one of {', '.join(STRATEGIES)}", got=repr(name), remedy="pick one"
        )
    return STRATEGIES[name]()
