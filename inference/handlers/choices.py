"""How a strategy treats program choices: their mean, a relaxed sample, or every alternative.

Each is a Messenger of its own that acts on the sites made by :func:`ntpt_pyro.choice`, in model and guide
alike; :class:`~ntpt_pyro.inference.Strategy` combines one of them with a treatment of the interpreter's
steps.
"""

from dataclasses import dataclass, field, replace

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing, value_at
from ntpt_pyro.inference.handlers.budget import Budget
from ntpt_pyro.inference.handlers.treatment import ChoiceTreatment, is_free_choice
from ntpt_pyro.language.distributions import MeanOneHot, OneHot, RelaxedOneHot
from ntpt_pyro.language.sites import Message


@dataclass(eq=False)
class MeanChoices(ChoiceTreatment):
    """A choice yields the mean of its distribution: a probability vector, gradients flowing through it.

    With forward marginals for the steps this is TerpreT's forward-marginal gradient descent (FMGD). Induces
    no randomness; the objective is the log-likelihood at the mean minus ``KL(guide || prior)``, not a lower
    bound on the log-evidence unless the output is linear in each choice.

    >>> from ntpt_pyro import choice
    >>> with MeanChoices():
    ...     choice("instruction", 4)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def __post_init__(self) -> None:
        """Let Pyro's base class set itself up."""
        super().__init__()

    def _pyro_sample(self, msg: Message) -> None:
        if is_free_choice(msg) and type(msg["fn"]) is OneHot:
            msg["fn"] = MeanOneHot(msg["fn"].logits)


@dataclass(eq=False)
class RelaxedChoices(ChoiceTreatment):
    """A choice yields a Gumbel-softmax sample of its distribution, reparameterised.

    As the temperature falls the samples tend to one-hot samples of the choice, and their gradients' variance
    grows.

    :param temperature: above zero, or an :class:`~ntpt_pyro.inference.Annealing` schedule.
    :param hard: straight-through: a vertex forward, the soft sample's gradient backward.
    :param step: where an annealing schedule stands.
    :raises UsageError: where the temperature is not above zero.

    >>> from ntpt_pyro import choice
    >>> with RelaxedChoices(temperature=0.5, hard=True):
    ...     choice("instruction", 4).max().round()
    tensor(1.)
    """

    temperature: float | Annealing = 1.0
    hard: bool = False
    step: int = 0

    def __post_init__(self) -> None:
        """Check the temperature and let Pyro's base class set itself up."""
        super().__init__()
        self._now = value_at(self.temperature, self.step)
        if not self._now > 0:
            raise UsageError(
                "relaxed",
                expected="a temperature above 0",
                got=str(self._now),
                remedy="use hard=True for one-hot samples",
            )

    def at(self, step: int) -> "RelaxedChoices":
        """See :class:`~ntpt_pyro.inference.handlers.treatment.Treatment`.

        :param step: where an annealing schedule is to stand.
        :returns: the treatment there.
        """
        return replace(self, step=step) if isinstance(self.temperature, Annealing) else self

    def without_samples(self) -> MeanChoices:
        """See :class:`~ntpt_pyro.inference.handlers.treatment.Treatment`.

        :returns: the treatment that takes the mean.
        """
        return MeanChoices()

    def _pyro_sample(self, msg: Message) -> None:
        if is_free_choice(msg) and type(msg["fn"]) is OneHot:
            msg["fn"] = RelaxedOneHot(msg["fn"].logits, self._now, self.hard)


@dataclass(eq=False)
class EnumeratedChoices(ChoiceTreatment):
    """A choice yields every vertex, along an enumeration dimension of :class:`pyro.infer.TraceEnum_ELBO`.

    Without a guide for the choice the objective is the exact log-evidence, and
    :func:`~ntpt_pyro.inference.marginals` gives the exact posterior; with one, the exact expectation under
    it.

    :param budget: the limit on what may be enumerated together; shared with the steps' treatment where
        both enumerate.
    :raises BudgetError: at a site beyond the budget.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import ForwardMarginals, Strategy
    >>> strategy = Strategy(choices=EnumeratedChoices(), steps=ForwardMarginals())
    >>> bits = torch.tensor([1, 1])
    >>> loss = strategy.elbo().loss(strategy(model), lambda bits: None, bits)
    >>> round(loss, 3)  # minus log(1/2): one of both programs explains the bits
    0.693
    """

    budget: Budget = field(default_factory=Budget)
    kl_applies = False

    def __post_init__(self) -> None:
        """Let Pyro's base class set itself up."""
        super().__init__()

    @property
    def enumerates(self) -> Budget:
        """The limit on what may be enumerated together."""
        return self.budget

    def reset(self) -> None:
        """Forget the choices that the last run enumerated."""
        self.budget.reset()

    def _pyro_sample(self, msg: Message) -> None:
        if is_free_choice(msg):
            self.budget.admit(msg)
            msg["infer"] = {**(msg["infer"] or {}), "enumerate": "parallel"}
