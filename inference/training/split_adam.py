"""Adam with one learning rate for choices and another for the library, for :class:`pyro.infer.SVI`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyro
import torch
from jaxtyping import Int
from pyro.optim import PyroOptim
from torch import Tensor

from ntpt_pyro.inference.training.finite_steps import (
    FiniteSteps,
    Norms,
    check_gradients,
    most_of_adam,
    norms_of,
)
from ntpt_pyro.inference.training.without_compiler import Adam
from ntpt_pyro.language.own_names import in_order_of_names

FUSED_ON = ("cpu", "cuda")
"""Devices on which Adam's step is taken in one pass."""


class SplitAdam(PyroOptim):
    """One torch Adam for the guide's choices, and another for everything else.

    Pyro's own wrapper keeps one optimiser a parameter, which costs more than the interpreter's whole
    backward pass; this one steps them together.

    :param choices: the guide's parameters.
    :param choice_lr: learning rate of the choices.
    :param library_lr: learning rate of all other parameters, the library's networks; not used with
        ``shared``.
    :param clip_norm: the most the norm of each group's gradient may be; None does not clip.
    :param shared: an Adam over the library, where several trainings share one; it has the moments and the
        learning rate, and keeps its own state.

    >>> choices, weights = torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)
    >>> adam = SplitAdam([choices], choice_lr=0.1, library_lr=0.001)
    """

    def __init__(
        self,
        choices: Iterable[Tensor],
        *,
        choice_lr: float,
        library_lr: float,
        clip_norm: float | None = None,
        shared: torch.optim.Adam | None = None,
    ) -> None:
        super().__init__(Adam, {"lr": library_lr})
        self.clip_norm = clip_norm
        self._choices = {id(parameter) for parameter in choices}
        self._rates = (choice_lr, library_lr)
        self._shared = shared
        self._adams: list[Adam] | None = None
        self._waiting: dict[str, Tensor] = {}
        self._steps = FiniteSteps()
        self.norms: Norms = norms_of
        """Gives the norms of gradients; where processes share restarts it adds the gradients up first."""
        self.own: Callable[[Tensor, Tensor], Tensor] = lambda kept, parameter: kept
        """Of a moment that was kept for all restarts, that of a parameter here."""

    def __repr__(self) -> str:
        """Its learning rates, in one line."""
        choice_lr, library_lr = self._rates
        of_library = "a shared Adam" if self._shared is not None else f"library_lr={library_lr:g}"
        return f"<SplitAdam: choice_lr={choice_lr:g}, {of_library}>"

    def __call__(self, params: Iterable[Tensor], *args: Any, **kwargs: Any) -> None:
        """Take one step and clear the gradients.

        :param params: the parameters that SVI saw in this step.
        :raises NonFiniteError: where a gradient is NaN or infinite, or a parameter would be: nothing has
            moved then.
        """
        if self._adams is None:
            self._adams = self._build(params)
        adams = [*self._adams, *([self._shared] if self._shared is not None else [])]
        groups = [group["params"] for adam in adams for group in adam.param_groups]
        check_gradients(groups, self.clip_norm, self.norms)
        parameters, most = (
            [one for group in groups for one in group],
            max(map(most_of_adam, adams), default=0.0),
        )
        self._steps.take(parameters, lambda: [adam.step() for adam in adams], most=most)
        for adam in adams:
            adam.zero_grad()

    def _build(self, params: Iterable[Tensor]) -> list[Adam]:
        """The optimisers, their parameters in the order of their names so that their state can be kept."""
        store = pyro.get_param_store()
        ordered = sorted(params, key=lambda one: in_order_of_names(str(store.param_name(one))))
        choices = [p for p in ordered if id(p) in self._choices]
        others = [] if self._shared else [p for p in ordered if id(p) not in self._choices]
        groups = zip((choices, others), self._rates, strict=True)
        adams = [Adam(group, lr=lr, fused=fits_fused(group)) for group, lr in groups if group]
        for number, adam in enumerate(adams):
            prefix = f"{number}."
            mine = {k.removeprefix(prefix): v for k, v in self._waiting.items() if k.startswith(prefix)}
            here = adam.param_groups[0]["params"]
            mine = {k: self.own(v, here[int(k.split(".", 1)[0])]) for k, v in mine.items()}
            set_adam_state(adam, mine)
        return adams

    @property
    def waits(self) -> bool:
        """Whether a state that was set waits for the next step, which tells what it is of."""
        return self._adams is None and bool(self._waiting)

    def keep(self, rows: Int[Tensor, " kept"], axes: Mapping[Tensor, int]) -> None:
        """Go on with the moments of some restarts only.

        :param rows: their numbers, ascending.
        :param axes: by parameter the axis of restarts, where it has one; it has those rows only by now.
        """
        for adam in self._adams or []:
            for parameter, state in adam.state.items():
                for name, moment in state.items():
                    if parameter in axes and moment.ndim:
                        state[name] = moment.index_select(axes[parameter], rows)
        self._steps = FiniteSteps()

    def parameter_of(self, name: str) -> Tensor | None:
        """The parameter that a tensor of the state is of.

        :param name: of the tensor, in what :meth:`get_state` gives.
        :returns: it; None before the first step, where the state is one that was set.
        """
        if self._adams is None:
            return None
        number, place, _ = name.split(".", 2)
        parameter: Tensor = self._adams[int(number)].param_groups[0]["params"][int(place)]
        return parameter

    def get_state(self) -> dict[str, Tensor]:
        """The moments and step counts but for those of a shared optimiser, flat."""
        if self._adams is None:
            return dict(self._waiting)
        adams = enumerate(self._adams)
        return {f"{number}.{k}": v for number, adam in adams for k, v in adam_state(adam).items()}

    def set_state(self, state_dict: dict[str, Tensor]) -> None:
        """Continue from a state that :meth:`get_state` gave, at the next step.

        :param state_dict: that state.
        """
        self._waiting = dict(state_dict)
        self._adams = None


def fits_fused(parameters: Iterable[Tensor]) -> bool:
    """Whether torch can take Adam's step in one pass over each parameter, which is several times as fast.

    :param parameters: of one optimiser.
    :returns: True where all are floating numbers of a device that it is written for.
    """
    return all(one.is_floating_point() and one.device.type in FUSED_ON for one in parameters)


def adam_state(adam: torch.optim.Adam) -> dict[str, Tensor]:
    """The moments and step counts of an Adam, flat: ``"<parameter number>.<name>"`` to tensor.

    :param adam: the optimiser.
    :returns: by that name; the tensors themselves.
    """
    state = adam.state_dict()["state"]
    return {f"{n}.{name}": tensor for n, kept in state.items() for name, tensor in kept.items()}


def set_adam_state(adam: torch.optim.Adam, state: dict[str, Tensor]) -> None:
    """Continue from a state that :func:`adam_state` gave.

    :param adam: an optimiser over the same parameters in the same order.
    :param state: that state.
    """
    kept: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        number, name = key.split(".", 1)
        kept.setdefault(int(number), {})[name] = tensor
    adam.load_state_dict({**adam.state_dict(), "state": kept})
