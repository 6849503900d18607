"""Ready-made strategies, and their names.

===================  =======================  ================  =============================
preset               a choice yields          a step yields     stock objective
===================  =======================  ================  =============================
:func:`marginal`     its mean                 forward marginal  Trace_ELBO
:func:`relaxed`      a Gumbel-softmax sample  forward marginal  Trace_ELBO, reparameterised
:func:`enumeration`  every vertex             every vertex      TraceEnum_ELBO: log-evidence
===================  =======================  ================  =============================

A new one is a treatment in a file of its own (:mod:`ntpt_pyro.inference.handlers.treatment`) and a line in
:data:`STRATEGIES`.
"""

from collections.abc import Callable

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.choices import EnumeratedChoices, MeanChoices, RelaxedChoices
from ntpt_pyro.inference.handlers.joint_control import JointControl
from ntpt_pyro.inference.handlers.steps import EnumeratedSteps, ForwardMarginals
from ntpt_pyro.inference.handlers.strategy import Strategy
from ntpt_pyro.inference.handlers.treatment import PerSite, StepTreatment


def marginal(
    *, kl: float = 1.0, sites: PerSite | None = None, steps: StepTreatment | None = None
) -> Strategy:
    """Forward-marginal gradient descent: every choice at its mean, every step at its marginal.

    :param kl: weight of ``KL(guide || prior)``; 0 is TerpreT's FMGD.
    :param sites: other treatments for some sites.
    :param steps: another treatment of steps, such as :class:`~ntpt_pyro.inference.JointControl`.
    :returns: the strategy; deterministic.

    >>> from ntpt_pyro import choice
    >>> with marginal():
    ...     choice("instruction", 4)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
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

    >>> from ntpt_pyro import choice
    >>> with relaxed(hard=True):
    ...     choice("instruction", 4).sum()
    tensor(1.)
    """
    choices = RelaxedChoices(temperature, hard)
    return Strategy(choices=choices, steps=steps or ForwardMarginals(), sites=sites, kl=kl)


def enumeration(*, max_cells: int = 2**25, sites: PerSite | None = None) -> Strategy:
    """Every choice and every step summed over exactly.

    The objective is minus the log-evidence of the batch; there is nothing for a guide to learn but
    the library. Cost grows as the product of the sizes: for small models, and a few choices of larger ones
    (``sites``).

    :param max_cells: the most joint assignments times plate elements to hold at once.
    :param sites: other treatments for some sites.
    :returns: the strategy; deterministic.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> strategy, bits = enumeration(), torch.tensor([1, 1])
    >>> round(strategy.elbo().loss(strategy(model), lambda bits: None, bits), 3)  # minus log(1/2)
    0.693
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

    >>> strategy_named("fmgd").kl
    0.0
    """
    if name not in STRATEGIES:
        raise UsageError(
            "strategy", expected=f"one of {', '.join(STRATEGIES)}", got=repr(name), remedy="pick one"
        )
    return STRATEGIES[name]()
