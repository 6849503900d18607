"""Optimisers and schedules of one's own, of Pyro or of torch, for a training."""

from collections.abc import Callable, Iterable
from typing import Any

import pyro
import torch
from pyro.optim import PyroOptim
from pyro.optim.lr_scheduler import PyroLRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.finite_steps import FiniteSteps, Norms, check_gradients, norms_of
from ntpt_pyro.language.own_names import in_order_of_names

OfTorch = torch.optim.Optimizer | LRScheduler
Optimiser = PyroOptim | OfTorch | Callable[[list[Tensor]], OfTorch]
"""An optimiser of Pyro's, with or without a schedule; one of torch over parameters that are there already; or
a function that makes one of torch from the parameters of a training, such as the class ``SGD`` itself."""


def check_optimiser(optimiser: object) -> None:
    """Check that something is an :data:`Optimiser`.

    :param optimiser: it.
    :raises UsageError: where it is not.
    """
    if not (isinstance(optimiser, (PyroOptim, torch.optim.Optimizer, LRScheduler)) or callable(optimiser)):
        raise UsageError(
            "optimiser",
            expected="one of Pyro's or torch's, or a function from parameters to one of torch's",
            got=f"{type(optimiser).__name__}",
            remedy="give pyro.optim.Adam({...}), torch.optim.SGD, or leave it out",
        )


class OwnOptimiser(PyroOptim):
    """Steps that an optimiser of one's own takes, each undone where it would leave what is not finite.

    A schedule moves on by one after every step.

    :param optimiser: see :data:`Optimiser`.
    :param needed: parameters that it must move, or nothing would be learned.
    :param clip_norm: the most the norm of the gradient of all parameters may be; None does not clip.
    :raises UsageError: where one of torch does not hold them.
    """

    def __init__(
        self, optimiser: Optimiser, *, needed: Iterable[Tensor], clip_norm: float | None = None
    ) -> None:
        super().__init__(torch.optim.Adam, {})
        check_optimiser(optimiser)
        self.clip_norm = clip_norm
        self._made = optimiser
        self._steps = FiniteSteps()
        self.norms: Norms = norms_of
        """See :class:`~ntpt_pyro.inference.SplitAdam`."""
        self._needed = list(needed)
        if isinstance(optimiser, (torch.optim.Optimizer, LRScheduler)):
            self._check_holds(optimiser)

    def __call__(self, params: Iterable[Tensor], *args: Any, **kwargs: Any) -> None:
        """Take one step and clear the gradients.

        :param params: the parameters that SVI saw in this step.
        :raises NonFiniteError: where a gradient is NaN or infinite, or a parameter would be: nothing has
            moved then.
        """
        store = pyro.get_param_store()
        ordered = sorted(params, key=lambda one: in_order_of_names(str(store.param_name(one))))
        if not isinstance(self._made, (PyroOptim, torch.optim.Optimizer, LRScheduler)):
            made = self._made(ordered)
            self._check_holds(made)
            self._made = made
        check_gradients([ordered], self.clip_norm, self.norms)
        self._steps.take(ordered, lambda: self._take(ordered))
        for parameter in ordered:
            parameter.grad = None

    def _take(self, parameters: list[Tensor]) -> None:
        if isinstance(self._made, PyroOptim):
            self._made(parameters)
        elif isinstance(self._made, torch.optim.Optimizer):
            self._made.step()
        elif isinstance(self._made, LRScheduler):
            self._made.optimizer.step()

    def _check_holds(self, made: object) -> None:
        """Raise where something is no optimiser of torch, or does not hold what must be moved."""
        optimiser = made.optimizer if isinstance(made, LRScheduler) else made
        if not isinstance(optimiser, torch.optim.Optimizer):
            raise UsageError(
                "optimiser",
                expected="a function that returns an optimiser of torch",
                got=f"one that returns {type(made).__name__}",
                remedy="return it: lambda parameters: torch.optim.SGD(parameters, lr=0.1)",
            )
        held = {id(one) for group in optimiser.param_groups for one in group["params"]}
        if missing := [one for one in self._needed if id(one) not in held]:
            raise UsageError(
                "optimiser",
                expected="one that holds the parameters of the guide",
                got=f"one without {len(missing)} of {len(self._needed)}",
                remedy="give the guide too, or a function of the parameters: "
                "lambda parameters: torch.optim.SGD(parameters, lr=0.1)",
            )

    def advance(self, loss: float) -> None:
        """Move a schedule on by one.

        :param loss: of the step that was taken, for schedules that look at it.
        """
        if isinstance(self._made, ReduceLROnPlateau):
            self._made.step(loss)
        elif isinstance(self._made, LRScheduler):
            self._made.step()
        elif isinstance(self._made, PyroLRScheduler):
            if self._made.pt_scheduler_constructor is ReduceLROnPlateau:
                self._made.step(loss)
            else:
                self._made.step()

    def get_state(self) -> dict[str, Any]:
        """The state of the optimiser, as it gives it itself; empty before the first step of a function's."""
        if isinstance(self._made, PyroOptim):
            state: dict[str, Any] = self._made.get_state()
            return state
        return self._made.state_dict() if isinstance(self._made, (torch.optim.Optimizer, LRScheduler)) else {}

    def set_state(self, state_dict: dict[str, Any]) -> None:
        """Continue from a state that :meth:`get_state` gave.

        :param state_dict: that state.
        """
        if isinstance(self._made, PyroOptim):
            self._made.set_state(state_dict)
        elif isinstance(self._made, (torch.optim.Optimizer, LRScheduler)):
            self._made.load_state_dict(state_dict)
