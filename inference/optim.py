"""Adam with one learning rate for choices and another for the library, for :class:`pyro.infer.SVI`."""

from collections.abc import Iterable
from typing import Any

import pyro
import torch
from pyro.optim import PyroOptim
from torch import Tensor


class NonFiniteGradientError(Exception):
    """A gradient is NaN or infinite; raised before any parameter has moved."""


class SplitAdam(PyroOptim):
    """One torch Adam over all parameters in two groups: the guide's choices, and everything else.

    Pyro's own wrapper keeps one optimiser a parameter, which costs more than the interpreter's whole
    backward pass; this one steps them together.

    :param choices: the guide's parameters.
    :param choice_lr: learning rate of the choices.
    :param library_lr: learning rate of all other parameters, the library's networks.
    :param clip_norm: the most the norm of each group's gradient may be; None does not clip.
    """

    def __init__(
        self,
        choices: Iterable[Tensor],
        *,
        choice_lr: float,
        library_lr: float,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(torch.optim.Adam, {"lr": library_lr})
        self.clip_norm = clip_norm
        self._choices = {id(parameter) for parameter in choices}
        self._rates = (choice_lr, library_lr)
        self._adam: torch.optim.Adam | None = None
        self._waiting: dict[int, dict[str, Tensor]] | None = None

    def __call__(self, params: Iterable[Tensor], *args: Any, **kwargs: Any) -> None:
        """Take one step and clear the gradients.

        :param params: the parameters that SVI saw in this step.
        :raises NonFiniteGradientError: before anything changes, where a gradient is NaN or infinite.
        """
        if self._adam is None:
            self._adam = self._build(params)
        for group in self._adam.param_groups:
            gradients = [p.grad for p in group["params"] if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
            if not torch.isfinite(norm):
                raise NonFiniteGradientError
            if self.clip_norm is not None:
                torch.nn.utils.clip_grads_with_norm_(group["params"], self.clip_norm, norm)
        self._adam.step()
        self._adam.zero_grad()

    def _build(self, params: Iterable[Tensor]) -> torch.optim.Adam:
        """The optimiser, its parameters in the order of their names so that its state can be kept."""
        store = pyro.get_param_store()
        ordered = sorted(params, key=lambda parameter: str(store.param_name(parameter)))
        choices = [p for p in ordered if id(p) in self._choices]
        others = [p for p in ordered if id(p) not in self._choices]
        groups = [
            {"params": group, "lr": lr}
            for group, lr in zip((choices, others), self._rates, strict=True)
            if group
        ]
        adam = torch.optim.Adam(groups)
        if self._waiting is not None:
            adam.load_state_dict({**adam.state_dict(), "state": self._waiting})
        return adam

    def get_state(self) -> dict[str, Tensor]:
        """The moments and step counts, flat: ``"<parameter number>.<name>"`` to tensor."""
        if self._adam is None:
            return {}
        state = self._adam.state_dict()["state"]
        return {f"{n}.{name}": tensor for n, kept in state.items() for name, tensor in kept.items()}

    def set_state(self, state_dict: dict[str, Tensor]) -> None:
        """Continue from a state that :meth:`get_state` gave, at the next step.

        :param state_dict: that state.
        """
        if not state_dict:
            return
        kept: dict[int, dict[str, Tensor]] = {}
        for key, tensor in state_dict.items():
            number, name = key.split(".", 1)
            kept.setdefault(int(number), {})[name] = tensor
        self._waiting = kept
