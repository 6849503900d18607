"""Strategies: which point of the simplex each site yields, chosen without touching the model."""

from collections.abc import Callable, Mapping
from functools import partial
from math import inf, prod
from operator import methodcaller
from threading import get_ident
from typing import Any

import torch
from pyro.infer import ELBO, Trace_ELBO, TraceEnum_ELBO
from pyro.infer.autoguide import AutoGuide, AutoNormal
from pyro.poutine.condition_messenger import ConditionMessenger
from pyro.poutine.messenger import Messenger

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.first_run import first_run
from ntpt_pyro.inference.handlers.handler_stack import (
    check_enumerated,
    check_guided_alike,
    decider,
    handlers,
    is_decided_around,
    is_global_latent,
    two_threads,
)
from ntpt_pyro.inference.handlers.model_sites import Model, ModelSites, claim, model_sites
from ntpt_pyro.inference.handlers.strategy_html import strategy_html
from ntpt_pyro.inference.handlers.treatment import (
    ChoiceTreatment,
    PerSite,
    StepTreatment,
    Treatment,
    changed_sites,
)
from ntpt_pyro.inference.handlers.wrapped_module import WrappedModule
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.latent_guide import LatentGuide
from ntpt_pyro.language.objectives import replayed
from ntpt_pyro.language.sites import Message, mark_treated, role_of

KINDS = {"choice": ChoiceTreatment, "step": StepTreatment}
"""The treatments of each role."""


class Strategy(Messenger):
    """A treatment of choices and a treatment of steps, applied together to a model or a guide.

    Usable as a context manager (``with strategy:``), as a decorator (``@strategy``) and as a higher-order
    function (``strategy(model)``; of a module it makes a module with the same parameters). Holds no state
    between runs: an instance may be used any number of times. What others decide it leaves alone:
    ``poutine.condition`` and ``poutine.do`` mean the same inside and outside of it. A page of the guide,
    ``with_pyro.md``, says how it goes together with the rest of Pyro.

    :param choices: what :func:`ntpt_pyro.choice` yields.
    :param steps: what :func:`ntpt_pyro.var` yields.
    :param sites: other treatments for some sites, by name or by a function of the name that returns a
        treatment or None.
    :param kl: weight of the choices' terms (together ``-KL(guide || prior)``) against the likelihood, and of
        those of other latents outside of plates. 1 is the evidence lower bound; 0 leaves the likelihood alone
        (TerpreT's FMGD). Enumerated choices are exact and not weighted.
    :raises SiteError: in a run where a site name is used twice.
    :raises UsageError: in a run around which another strategy is installed, by whatever thread, or the
        objective of which would draw what is enumerated, or has a guide that is not under the same strategy.

    The same model under three strategies:

    >>> from ntpt_pyro import choice, constant, switch, var
    >>> from ntpt_pyro.inference import marginal, relaxed
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
        self._split: set[str] = set()
        self._thread = 0
        self._decided_around = False
        self._guide: Mapping[str, Any] = {}

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """A model or guide under the strategy.

        :param fn: it.
        :returns: it, under the strategy; a module where it is one.
        """
        if isinstance(fn, torch.nn.Module) and not isinstance(fn, Messenger):
            return WrappedModule(self, fn)
        wrapped: Callable[..., Any] = super().__call__(fn)
        return wrapped

    def __enter__(self) -> "Strategy":
        """Install the strategy for one run."""
        self._check_alone()
        self._reset()
        self._thread = get_ident()
        self._decided_around = is_decided_around()
        self._guide = replayed() or {}
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Remove the strategy, after an exception too."""
        self._reset()
        super().__exit__(*exception)

    def _check_alone(self) -> None:
        """Raise where a strategy is installed already."""
        other = next((one for one in handlers() if isinstance(one, Strategy)), None)
        if other is None:
            return
        if other._thread != get_ident():
            raise two_threads("strategy")
        raise UsageError(
            "strategy",
            expected="one strategy around a model or guide",
            got=f"{self!r} within {other!r}",
            remedy="take one of them; sites=... treats some sites in another way",
        )

    def _reset(self) -> None:
        self._seen, self._split, self._guide = set(), set(), {}
        for treatment in self._treatments():
            treatment.reset()

    def treatment_of(self, site: str, role: str) -> Treatment:
        """The treatment that a site gets.

        :param site: the site's name.
        :param role: ``"choice"`` or ``"step"``.
        :returns: its own where ``sites`` has one, else that of its role.
        :raises UsageError: where its own is of the other role.
        """
        own = self.sites.get(site) if isinstance(self.sites, Mapping) else None
        if callable(self.sites):
            own = self.sites(site)
        usual = self.choices if role == "choice" else self.steps
        if isinstance(own, (ChoiceTreatment, StepTreatment)) and not isinstance(own, KINDS[role]):
            raise UsageError(
                f"strategy for site {site!r}",
                expected=f"a {KINDS[role].__name__}: the site is a {role}",
                got=repr(own),
                remedy="give one, or none, so that it is treated as usual",
            )
        return own or usual

    def _pyro_sample(self, msg: Message) -> None:
        role = role_of(msg)
        if role is None:
            if self.kl != 1 and is_global_latent(msg):
                msg["scale"] = msg["scale"] * self.kl
            return
        site = str(msg["name"])
        if self._seen_before_split(msg, site):
            return
        claim(site, self._seen)
        if role == "choice":
            mark_treated(msg)
        if msg["is_observed"]:
            return
        treatment = self.treatment_of(site, role)
        treatment._process_message(msg)
        if self._decided_around and isinstance(decider(site), ConditionMessenger):
            return
        if site in self._guide:
            check_guided_alike(msg, self._guide[site])
        if treatment.enumerates is not None:
            check_enumerated(msg)
        if role == "choice" and treatment.kl_applies:
            msg["scale"] = msg["scale"] * self.kl

    def _seen_before_split(self, msg: Message, site: str) -> bool:
        """Whether ``poutine.do``, which splits a site in two, sends this message round a second time."""
        if self._thread != get_ident():
            raise two_threads(f"site {site!r}")
        if msg.get("_intervener_id") is None or site in self._split:
            return False
        self._split.add(site)
        return site in self._seen

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
        self._process_control(msg, [msg["args"][0]])

    def _pyro_ntpt_carry(self, msg: Message) -> None:
        self._process_control(msg, [f"{name}_{msg['args'][0]}" for name in msg["args"][1]])

    def _process_control(self, msg: Message, sites: list[str]) -> None:
        """A fork or carry, which a treatment of steps may take as a whole."""
        self.steps._process_message(msg)
        if not msg["done"]:  # it becomes vars, each with its own treatment
            return
        if decider(*sites) is not None:
            raise UsageError(
                f"steps {', '.join(sites)}",
                expected="steps that nothing else decides: their strategy keeps control joint",
                got="poutine.condition or poutine.do of one",
                remedy="condition choices, or take a strategy without joint control",
            )
        for site in sites:
            claim(site, self._seen)

    def _treatments(self) -> list[Treatment]:
        """Those that are known; a function of the site's name shows its own at the site only."""
        own = list(self.sites.values()) if isinstance(self.sites, Mapping) else []
        return [self.choices, self.steps, *own]

    def at(self, step: int) -> "Strategy":
        """The strategy at a training step: annealing schedules fixed at their value there.

        :param step: counted from 0.
        :returns: a new strategy.
        """
        return self._changed(methodcaller("at", step))

    def without_samples(self) -> "Strategy":
        """The strategy with choices at their means where it samples them: no randomness of its own is left.

        :returns: a new strategy.

        >>> from ntpt_pyro.inference import relaxed
        >>> relaxed(0.5).without_samples()
        Strategy(choices=MeanChoices(), steps=ForwardMarginals(), kl=1.0)
        """
        return self._changed(methodcaller("without_samples"))

    def _changed(self, change: Callable[[Any], Any]) -> "Strategy":
        """The strategy with each of its treatments changed."""
        sites = changed_sites(self.sites, change)
        return Strategy(choices=change(self.choices), steps=change(self.steps), sites=sites, kl=self.kl)

    def weighted(self, kl: float) -> "Strategy":
        """The same strategy with the choices' terms weighted by a further factor.

        :param kl: multiplies the strategy's own weight.
        :returns: a new strategy.
        """
        return Strategy(choices=self.choices, steps=self.steps, sites=self.sites, kl=self.kl * kl)

    def __repr__(self) -> str:
        """The strategy in one line, as it could be typed."""
        parts = [f"choices={self.choices!r}", f"steps={self.steps!r}"]
        parts += [f"sites={self.sites!r}"] if self.sites is not None else []
        return f"Strategy({', '.join([*parts, f'kl={self.kl!r}'])})"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return strategy_html(self)

    def describe(self) -> str:
        """The strategy in one line, the same for equal strategies; functions of a site are not told apart."""
        own = "a function" if callable(self.sites) else repr(self.sites)
        sites = "" if self.sites is None else f", sites: {own}"
        return f"choices: {self.choices!r}, steps: {self.steps!r}, kl: {self.kl}{sites}"

    def elbo(self, max_plate_nesting: float = inf) -> ELBO:
        """The stock Pyro objective that fits this strategy.

        :param max_plate_nesting: of the model, plates of restarts included; Pyro finds it out where infinite.
        :returns: a TraceEnum_ELBO where anything is enumerated, or may be (a function of the site's name
            decides), else a Trace_ELBO.
        """
        enumerates = any(treatment.enumerates is not None for treatment in self._treatments())
        if enumerates or callable(self.sites):
            return TraceEnum_ELBO(max_plate_nesting=max_plate_nesting, strict_enumeration_warning=False)
        return Trace_ELBO(max_plate_nesting=max_plate_nesting)

    def guide(
        self,
        model: Model,
        *args: Any,
        init_scale: float = 1.0,
        generator: torch.Generator | None = None,
        latents: Callable[[Model], AutoGuide] = AutoNormal,
        **kwargs: Any,
    ) -> ChoiceGuide:
        """The guide of a model under this strategy, after the cost of enumeration is checked.

        Choices that the strategy enumerates are left to the model, which makes them exact. Where the model
        has other latents than choices, one of Pyro's automatic guides stands beside the choices' own.

        :param model: a Pyro program, not wrapped in a strategy.
        :param args: its arguments; a batch of the size to be trained on.
        :param init_scale: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
        :param generator: see :class:`~ntpt_pyro.inference.ChoiceGuide`.
        :param latents: makes the automatic guide of other latents.
        :param kwargs: the model's keyword arguments.
        :returns: the guide, mean-field in the choices; hand ``strategy(guide)`` to SVI.
        :raises SiteError: where the strategy treats a site that the model does not have, or the automatic
            guide cannot take a latent.
        :raises BudgetError: where the enumerated choices alone are out of reach.
        :raises UsageError: see :func:`~ntpt_pyro.inference.handlers.first_run.first_run`.
        """
        with first_run("strategy.guide", model, *args):
            sites = model_sites(model, *args, **kwargs)
        self._check_names(sites)
        exact = self._check_cost(sites)
        choices = [site for name, site in sites.choices.items() if name not in exact]
        if not sites.latents:
            return ChoiceGuide(choices, init_scale=init_scale, generator=generator)
        found = partial(LatentGuide, choices, model, list(sites.latents), latents, *args, **kwargs)
        return found(init_scale=init_scale, generator=generator)

    def check_scales(self, sites: ModelSites) -> None:
        """Check that nothing is summed over across a plate that draws some of its elements.

        :param sites: of the model.
        :raises SiteError: where a choice is enumerated: its weight, and that of what was drawn, differ.
        """
        for name in sites.choices:
            if sites.subsampled and self.treatment_of(name, "choice").enumerates is not None:
                raise SiteError(
                    f"plate {sites.subsampled[0]!r}",
                    expected=f"a plate of all its elements, where choice {name!r} is enumerated",
                    got="one that draws some of them",
                    remedy="leave out subsample_size, or take a strategy that learns a guide of the choices, "
                    "such as marginal()",
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
        sizes: dict[str, int] = {}
        budgets: list[Budget] = []
        for name, site in sites.choices.items():
            budget = self.treatment_of(name, "choice").enumerates
            if budget is not None:
                sizes[name] = site.size
                budgets.append(budget)
        if budgets:
            budgets[0].reset()
            budgets[0].sites.update(sizes)
            budgets[0].check(prod(sizes.values()) * sites.largest_plate, len(sizes) + 1)
        return set(sizes)
