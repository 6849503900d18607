"""Strategies: which point of the simplex each site yields, chosen without touching the model."""

from collections.abc import Callable, Mapping
from functools import partial
from math import inf, prod
from typing import Any

import torch
from pyro.infer import ELBO, Trace_ELBO, TraceEnum_ELBO
from pyro.poutine.messenger import Messenger

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.model_sites import Model, ModelSites, claim, model_sites
from ntpt_pyro.inference.handlers.treatment import ChoiceTreatment, StepTreatment, Treatment
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.language.sites import Message, role_of

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

    def __enter__(self) -> "Strategy":
        """Install the strategy for one run."""
        self._reset()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Remove the strategy, after an exception too."""
        self._reset()
        super().__exit__(*exception)

    def _reset(self) -> None:
        self._seen = set()
        for treatment in self._treatments():
            treatment.reset()

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
        if role == "choice" and treatment.kl_applies:
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
        """Those that are known; a function of the site's name shows its own at the site only."""
        own = list(self.sites.values()) if isinstance(self.sites, Mapping) else []
        return [self.choices, self.steps, *own]

    def at(self, step: int) -> "Strategy":
        """The strategy at a training step: annealing schedules fixed at their value there.

        :param step: counted from 0.
        :returns: a new strategy.
        """
        own = self.sites
        if isinstance(own, Mapping):
            own = {site: treatment.at(step) for site, treatment in own.items()}
        elif own is not None:
            own = partial(_at_of, own, step)
        return Strategy(choices=self.choices.at(step), steps=self.steps.at(step), sites=own, kl=self.kl)

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


def _at_of(sites: Callable[[str], Treatment | None], step: int, site: str) -> Treatment | None:
    """What a function of the site's name returns, at a training step."""
    treatment = sites(site)
    return treatment and treatment.at(step)
