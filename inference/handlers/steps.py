"""How a strategy treats interpreter steps: their forward marginals, or every value.

Each is a Messenger of its own that acts on the sites made by :func:`ntpt_pyro.var`. With neither, a step is
an ordinary sample site: a one-hot sample of its distribution.
"""

from dataclasses import dataclass, field

from pyro.poutine.condition_messenger import ConditionMessenger

from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.handler_stack import decider
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.language.sites import Message, role_of


@dataclass(eq=False)
class ForwardMarginals(StepTreatment):
    """A step yields its distribution itself: each variable is marginalised on its own, going forward.

    Functions then multiply their arguments as if they were independent. The result equals the exact one
    where every uncertain variable is read at most once, and differs where one is read twice: ``add(x, x)``
    of an uncertain ``x`` is spread over odd sums too. No sample site is made, but of a step that
    ``poutine.condition`` observes. Linear time in the steps.

    >>> import torch
    >>> from ntpt_pyro import runtime, var
    >>> @runtime([2, 2], 3)
    ... def add(a, b):
    ...     return a + b
    >>> with ForwardMarginals():
    ...     x = var("x", torch.tensor([0.5, 0.5]))
    ...     add(x, x)  # exactly it would be [0.5, 0, 0.5]
    tensor([0.2500, 0.5000, 0.2500])
    """

    def __post_init__(self) -> None:
        """Let Pyro's base class set itself up."""
        super().__init__()

    def _pyro_ntpt_var(self, msg: Message) -> None:
        site, value = msg["args"]
        around = decider(site)
        if isinstance(around, ConditionMessenger):
            return  # it becomes a sample site, which is observed
        msg["value"] = value if around is None else around.data[site]
        msg["done"] = msg["stop"] = True

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        if decider(*msg["args"][0]) is None:  # otherwise they become vars
            (msg["value"],) = msg["args"]
            msg["done"] = msg["stop"] = True


@dataclass(eq=False)
class EnumeratedSteps(StepTreatment):
    """A step yields every vertex, along an enumeration dimension of :class:`pyro.infer.TraceEnum_ELBO`.

    Exact given the choices, at a cost that grows with the number of values that a step depends on jointly.

    :param budget: the limit on what may be enumerated together.
    :raises BudgetError: at a site beyond the budget.

    >>> from ntpt_pyro.inference import MeanChoices, Strategy
    >>> Strategy(choices=MeanChoices(), steps=EnumeratedSteps()).elbo()
    <pyro.infer.traceenum_elbo.TraceEnum_ELBO object at 0x...>
    """

    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        """Let Pyro's base class set itself up."""
        super().__init__()

    @property
    def enumerates(self) -> Budget:
        """The limit on what may be enumerated together."""
        return self.budget

    def reset(self) -> None:
        """Forget the steps that the last run enumerated."""
        self.budget.reset()

    def _pyro_sample(self, msg: Message) -> None:
        if role_of(msg) == "step" and not msg["is_observed"]:
            self.budget.admit(msg)
            msg["infer"] = {**(msg["infer"] or {}), "enumerate": "parallel"}
